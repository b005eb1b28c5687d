import { foldName } from '#engine/core/names.ts';
import { listShows } from '#engine/store/catalog.ts';
import { listEpisodes } from '#engine/store/episodes.ts';
import { listPeople } from '#engine/store/people.ts';
import type { Completer } from '#mcps/kit/server-face.ts';

const EPISODES_MAX = 1000;

export const completeShow: Completer = async (begun, { engine }) =>
  fitting(
    begun,
    (await listShows(await engine.db())).map(({ slug }) => slug),
  );

export const completeEpisode: Completer = async (begun, { engine }) =>
  fitting(
    begun,
    (await listEpisodes(await engine.db(), { limit: EPISODES_MAX })).map(({ ep_id }) => ep_id),
  );

export const completePerson: Completer = async (begun, { engine }) =>
  fitting(
    begun,
    (await listPeople(await engine.db())).map(({ name }) => name),
  );

/** Those that begin so come before those that only have it in them. */
function fitting(begun: string, words: readonly string[]): string[] {
  const wanted = foldName(begun);
  const having = words.filter((word) => foldName(word).includes(wanted));
  const begins = (word: string) => (foldName(word).startsWith(wanted) ? 0 : 1);
  return having.sort((a, b) => begins(a) - begins(b));
}
