import { slug } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { foldName } from '../core/names.ts';
import type { Readable } from './db.ts';
import { type Episode, findEpisode, listEpisodes } from './episodes.ts';

/**
 * The episode that is meant by an id (`rhobh-s05e17`), a storage key (`raw/videos/rhobh/s05/e17/episode.mp4`), a part of an
 * id (`s05e17`, `season 5 episode 17`), or words of its show, title or file name. One and the same answer for the same
 * catalog: what fits several episodes is refused with their ids.
 */
export async function resolveEpisode(db: Readable, asked: string, show?: string): Promise<Episode> {
  const text = asked.trim();
  const id = idOfKey(text) ?? (show !== undefined && isNumbered(text) ? `${slug(show)}-${text.toLowerCase()}` : text);
  const exact = (await findEpisode(db, id)) ?? (await findEpisode(db, slug(id)));
  if (exact !== null) return exact;
  const wanted = wordsOf(show === undefined ? text : `${show} ${text}`);
  const found: Episode[] = [];
  for await (const episode of allEpisodes(db)) {
    const known = knownBy(episode);
    if (wanted.length > 0 && wanted.every((word) => known.has(word))) found.push(episode);
  }
  if (found.length === 1 && found[0] !== undefined) return found[0];
  const several = found.slice(0, SHOWN_MAX).map(({ ep_id }) => ep_id);
  const reason = found.length > 1 ? `${found.length} episodes fit; give the id of one` : 'no episode fits';
  throw new ScreenalyticsError('EPISODE_NOT_FOUND', { episode: asked, reason, fits: several });
}
const SHOWN_MAX = 10;
const PAGE = 200;

/** Every episode, in order of id. */
export async function* allEpisodes(db: Readable, after = ''): AsyncGenerator<Episode> {
  for (let from = after; ; ) {
    const page = await listEpisodes(db, { limit: PAGE, after: from });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    from = last.ep_id;
  }
}

/** `raw/videos/rhobh/s05/e17/episode.mp4`, or another key of the episode -> `rhobh-s05e17`; the inverse of `layout`. */
function idOfKey(key: string): string | undefined {
  const numbered = /^(?:raw|artifacts)\/[a-z]+\/([a-z0-9]+(?:-[a-z0-9]+)*)\/s(\d{2,})\/e(\d{2,})\//.exec(key);
  if (numbered !== null) return `${numbered[1]}-s${numbered[2]}e${numbered[3]}`;
  return /^(?:raw|artifacts)\/[a-z]+\/([a-z0-9]+(?:-[a-z0-9]+)*)\/./.exec(key)?.[1];
}

function isNumbered(text: string): boolean {
  return /^s\d{2,}e\d{2,}$/i.test(text);
}

/** Lower-case words without accents; `s5e17` and `season 5 episode 17` become `s05` and `e17`. */
function wordsOf(text: string): string[] {
  const two = (_: string, letter: string, digits: string) => ` ${letter}${String(Number(digits)).padStart(2, '0')} `;
  return foldName(text)
    .replace(/\bseason\s*(?=\d)/g, 's')
    .replace(/\bepisode\s*(?=\d)/g, 'e')
    .replace(/(?<![a-z0-9])(s)(\d+)(?=e\d|[^a-z0-9]|$)/g, two)
    .replace(/(?<![a-z])(e)(\d+)(?![a-z0-9])/g, two)
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
}

function knownBy({ ep_id, show, show_title, season, season_label, number, title, source_name }: Episode): Set<string> {
  const place = [season === null ? '' : `s${season}`, number === null ? '' : `e${number}`];
  return new Set(wordsOf([ep_id, show, show_title, season_label, title, source_name, ...place].join(' ')));
}
