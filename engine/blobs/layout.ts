import { createHash } from 'node:crypto';
import { ScreenalyticsError } from '#engine/core/errors.ts';

/** Where an episode stands. Without a season it is a legacy episode, named by its slug alone. */
export interface EpisodePlace {
  readonly ep_id: string;
  readonly season?: { readonly show: string; readonly season: number; readonly episode: number };
}

const SLUG = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const EPISODE = /^([a-z0-9]+(?:-[a-z0-9]+)*)-s(\d{2,})e(\d{2,})$/;
const SLUG_MAX = 60;
const two = (n: number): string => String(n).padStart(2, '0');

/** `rhobh`, 5, 17 -> `rhobh-s05e17`. */
export function seasonEpisode(show: string, season: number, episode: number): EpisodePlace {
  if (!SLUG.test(show) || !(season >= 1) || !(episode >= 0))
    throw new ScreenalyticsError('INPUT_INVALID', {
      show,
      season,
      episode,
      reason: 'a show is lower-case letters, digits and dashes; a season counts from 1, an episode from 0',
    });
  return { ep_id: `${show}-s${two(season)}e${two(episode)}`, season: { show, season, episode } };
}

/** Reads `rhobh-s05e17` or a plain slug; the inverse of what the two functions beside it make. */
export function parseEpisode(ep_id: string): EpisodePlace {
  const found = EPISODE.exec(ep_id);
  if (found?.[1] !== undefined) return seasonEpisode(found[1], Number(found[2]), Number(found[3]));
  if (!SLUG.test(ep_id))
    throw new ScreenalyticsError('INPUT_INVALID', { episode: ep_id, reason: 'not an episode id such as rhobh-s05e17' });
  return { ep_id };
}

/** File name or words -> slug. `My Show S01E02.final.mp4` -> my-show-s01e02; other names keep all their words. */
export function episodeFromFileName(name: string): EpisodePlace {
  const stem = name.replace(/\.[^.]*$/, '');
  const numbered = /^(.+?)[\s._-]*s(\d{1,2})[\s._-]*e(\d{1,3})(?!\d)/i.exec(stem);
  if (numbered?.[1] !== undefined && Number(numbered[2]) >= 1)
    return seasonEpisode(slug(numbered[1]), Number(numbered[2]), Number(numbered[3]));
  return { ep_id: slug(stem) };
}

export function slug(words: string): string {
  const plain = words
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '') // an accent is no gap between words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, SLUG_MAX)
    .replace(/-+$/, '');
  return plain === '' ? 'episode' : plain;
}

/**
 * Folder of an identity's picture, below `thumbs`. Labels are people's names: any words, which must neither lead outside nor meet.
 * Plain words and `Unknown-n` are their own slug; of any other label the slug and a hash. No slug has an underscore.
 */
export function identityFolder(label: string): string {
  const words = /^[a-z0-9]+( [a-z0-9]+)*$/i.test(label) && !/^unknown [0-9]+$/i.test(label);
  if (label.length <= SLUG_MAX && (words || /^unknown-[0-9]+$/i.test(label))) return slug(label);
  const hash = createHash('sha256').update(label).digest('hex').slice(0, 12);
  return `${/[a-z0-9]/i.test(label) ? slug(label) : 'person'}_${hash}`;
}

/** Storage layout v2: every key of the product is made here. */
export function layout(place: EpisodePlace) {
  const where = place.season
    ? `${place.season.show}/s${two(place.season.season)}/e${two(place.season.episode)}`
    : place.ep_id;
  return {
    video: (extension: string) => `raw/videos/${where}/episode${extension}`,
    frames: `artifacts/frames/${where}/frames/`,
    crops: `artifacts/crops/${where}/tracks/`,
    thumbs: `artifacts/thumbs/${where}/identities/`,
    identity: (label: string) => `artifacts/thumbs/${where}/identities/${identityFolder(label)}/rep.jpg`,
    manifests: `artifacts/manifests/${where}/`,
    reports: `artifacts/reports/${where}/`,
  } as const;
}

/** What machines can make again, named by what determined it. */
export const cacheKeys = {
  artifact: (name: string, key: string) => `cache/${name}/${key}.json`,
  /** Folder of an artifact's pictures. */
  pictures: (name: string, key: string) => `cache/${name}/${key}/`,
  /** All artifacts that machines made in one run, in a form that is read quickly. */
  packed: (key: string) => `cache/packed/${key}.bin`,
  /** Contact sheets of an episode, and what is on each. */
  sheets: (ep_id: string) => `cache/sheets/${ep_id}/`,
  /** Folder of an unfinished sweep. */
  work: (key: string) => `work/${key}/`,
  sourceHashes: 'cache/sources.json',
  rates: 'cache/rates.json',
} as const;

/** Of erasures of people. */
export const erasureKeys = {
  /** Whom the home has erased, in salted hashes: keep it when an older copy of the rest is put back. */
  list: 'erasures.jsonl',
  /** What unfinished erasures have still to do, one file each. */
  unfinished: 'work/forget/',
  /** That everything is being deleted: which change says so, and whose ids were there. */
  everything: 'work/forget/everything.json',
  /** Held while one is under way. */
  lock: 'work/forget.lock',
} as const;

/** What a run of a playbook asked and got, one line each; without an id, the folder of a playbook's, without both, of all. */
export function transcriptKey(playbook = '', id = ''): string {
  return `transcripts/${playbook === '' ? '' : `${playbook}/`}${id === '' ? '' : `${id}.jsonl`}`;
}

/** A conversation of `screenalytics chat`, one line each; without an id, the folder of all. */
export function chatKey(id = ''): string {
  return `chats/${id === '' ? '' : `${id}.jsonl`}`;
}

/** The record of how a run stands or ended; without a run, the folder of an episode's records. */
export function jobKey(ep_id: string, run_id: string): string {
  return `jobs/${ep_id}/${run_id === '' ? '' : `${run_id}.json`}`;
}

/** Everything of a person's seeds lies below one folder, so that an erasure takes it whole. */
export const facebankKeys = {
  person: (person_id: string) => `facebank/${person_id}/`,
  /** The aligned chip. */
  chip: (person_id: string, seed_id: string) => `facebank/${person_id}/${seed_id}.jpg`,
  /** The face with much around it, upright: from it another detector can find the face anew. */
  photo: (person_id: string, seed_id: string) => `facebank/${person_id}/${seed_id}.photo.jpg`,
  /** Float32, little-endian: what the models named by `models` make of a seed. */
  vector: (person_id: string, seed_id: string, models: string) => `facebank/${person_id}/${seed_id}.${models}.f32`,
  /** The picture of all seeds, named by what is on it. */
  sheet: (person_id: string, name: string) => `facebank/${person_id}/sheet-${name}.jpg`,
} as const;

/** What decisions on an episode are tied to, below one folder: an erasure of the episode takes it whole. */
export const anchorKeys = {
  episode: (ep_id: string) => `anchors/${ep_id}/`,
  /** The best aligned chip of a piece of evidence. */
  chip: (ep_id: string, evidence_id: string) => `anchors/${ep_id}/${evidence_id}.jpg`,
  /** Float32, little-endian: what the model named by `model` makes of it. */
  vector: (ep_id: string, evidence_id: string, model: string) => `anchors/${ep_id}/${evidence_id}.${model}.f32`,
} as const;
