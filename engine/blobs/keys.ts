import { ScreenalyticsError } from '../core/errors.ts';
import { anchorKeys, type EpisodePlace, facebankKeys, layout, parseEpisode, seasonEpisode } from './layout.ts';

/** Kinds of objects that lie below the folder of an episode. */
export const EPISODE_KINDS = ['videos', 'frames', 'crops', 'thumbs', 'manifests', 'reports', 'anchors'] as const;
export type EpisodeKind = (typeof EPISODE_KINDS)[number];

/** Every kind of object that people may ask for. What machines can make again (cache, work), models and the database are none. */
export const KINDS = [...EPISODE_KINDS, 'facebank', 'exports'] as const;
export type Kind = (typeof KINDS)[number];

/** What a key says about its object. `name` is the rest of the key, below the folder of its kind. */
export type ObjectRef =
  | { readonly kind: EpisodeKind; readonly place: EpisodePlace; readonly name: string }
  | { readonly kind: 'facebank'; readonly person_id: string; readonly name: string }
  | { readonly kind: 'exports'; readonly name: string };

const EXPORTS = 'exports/';
/** As export_screen_time names them. */
const EXPORT = /^(.+?)(?:-timeline|-delta_table)?\.(?:csv|json|html)$/;
const NAME_MAX = 500;

/** The folder of an episode's objects of one kind. */
export function episodePrefix(kind: EpisodeKind, place: EpisodePlace): string {
  if (kind === 'anchors') return anchorKeys.episode(place.ep_id);
  const made = layout(place);
  return kind === 'videos' ? made.video('').replace(/episode$/, '') : made[kind];
}

/** The folder below which every object of a kind lies. */
export function kindPrefix(kind: Kind): string {
  if (kind === 'exports') return EXPORTS;
  if (kind === 'facebank') return 'facebank/';
  return kind === 'anchors' ? 'anchors/' : kind === 'videos' ? 'raw/videos/' : `artifacts/${kind}/`;
}

/** Refuses what is no plain name below a folder; the inverse of `parseKey`. */
export function objectKey(ref: ObjectRef): string {
  if (!isName(ref.name) || (ref.kind === 'videos' && !isFootage(ref.name))) throw notAKey(ref.name);
  if (ref.kind === 'exports') return EXPORTS + ref.name;
  if (ref.kind !== 'facebank') {
    // Below the id of an episode without a season, such a name would be another episode's.
    if (ref.place.season === undefined && /^s\d{2,}\/e\d{2,}\//.test(ref.name)) throw notAKey(ref.name);
    return episodePrefix(ref.kind, ref.place) + ref.name;
  }
  if (!isPerson(ref.person_id)) throw notAKey(ref.person_id);
  return facebankKeys.person(ref.person_id) + ref.name;
}

/** What the key of layout v2 names; undefined for whatever is not an object that people may ask for. */
export function parseKey(key: string): ObjectRef | undefined {
  const kind = KINDS.find((each) => key.startsWith(kindPrefix(each)));
  if (kind === undefined) return undefined;
  const rest = key.slice(kindPrefix(kind).length);
  const ref = kind === 'exports' ? ({ kind, name: rest } as const) : below(kind, rest);
  // One object has one key: what is spelled otherwise, such as s005, is none.
  return ref !== undefined && sameKey(ref, key) ? ref : undefined;
}

/** The episode that an object is about, as far as its key says. */
export function episodeOf(ref: ObjectRef): string | undefined {
  if (ref.kind === 'facebank') return undefined;
  if (ref.kind !== 'exports') return ref.place.ep_id;
  const named = EXPORT.exec(ref.name)?.[1];
  return named !== undefined && placeOf(named) !== undefined ? named : undefined;
}

/** The place that an id names; undefined where it is none. */
export function placeOf(ep_id: string): EpisodePlace | undefined {
  try {
    return parseEpisode(ep_id);
  } catch {
    return undefined;
  }
}

export function isFootage(name: string): boolean {
  return /^episode\.[^/]+$/.test(name);
}

/** Neither a way out nor half a file: segments with `/` between, none empty, `.` or `..`, and no sign that does not print. */
function isName(name: string): boolean {
  if (name.length > NAME_MAX || name.endsWith('.tmp') || /[\\\p{Cc}\p{Cs}]/u.test(name)) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function isPerson(id: string): boolean {
  return /^[\w-]+$/.test(id);
}

function below(kind: Exclude<Kind, 'exports'>, rest: string): ObjectRef | undefined {
  const [first = '', ...others] = rest.split('/');
  if (kind === 'facebank') return { kind, person_id: first, name: others.join('/') };
  const place = (kind === 'anchors' ? undefined : seasonal(rest)) ?? placeOf(first);
  if (place === undefined) return undefined;
  const prefix = episodePrefix(kind, place);
  const key = kindPrefix(kind) + rest;
  return key.startsWith(prefix) ? { kind, place, name: key.slice(prefix.length) } : undefined;
}

function seasonal(rest: string): EpisodePlace | undefined {
  const found = /^([^/]+)\/s(\d{2,6})\/e(\d{2,6})\//.exec(rest);
  if (found?.[1] === undefined) return undefined;
  try {
    return seasonEpisode(found[1], Number(found[2]), Number(found[3]));
  } catch {
    return undefined;
  }
}

function sameKey(ref: ObjectRef, key: string): boolean {
  try {
    return objectKey(ref) === key;
  } catch {
    return false;
  }
}

function notAKey(name: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { name, reason: 'not the name of an object' });
}
