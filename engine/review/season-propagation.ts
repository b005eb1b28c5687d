import { ScreenalyticsError } from '../core/errors.ts';
import type { EngineReader } from '../engine.ts';
import { findEpisode } from '../store/episodes.ts';
import { allEpisodes } from '../store/resolve-episode.ts';
import { nearestTracks } from '../store/runs.ts';
import { type NamedRun, openNamed } from './open-review.ts';
import { type LookAlikes, lookAlikes } from './propagation.ts';

/** Look-alikes in another episode. */
export interface Elsewhere extends LookAlikes {
  readonly named: NamedRun;
}

/** Tracks that the index is asked for, of all episodes together: as many as it gives. */
const NEAREST = 1000;

/**
 * The same question to the other episodes of a season: the index of vectors finds the candidates, and within each episode its own threshold, its
 * frames and people's decisions have their say. `label`: the name that is propagated. Episodes in order of id; those without a find are left out.
 */
export async function seasonLookAlikes(
  engine: EngineReader,
  { run }: NamedRun,
  centre: Float32Array,
  label: string,
): Promise<{ elsewhere: Elsewhere[]; unread: string[] }> {
  const db = await engine.db();
  const episode = await findEpisode(db, run.ep_id);
  if (episode === null || episode.season === null) throw noSeason();
  const others: string[] = [];
  for await (const each of allEpisodes(db))
    if (each.show === episode.show && each.season === episode.season && each.ep_id !== run.ep_id)
      others.push(each.ep_id);
  const near = await nearestTracks(db, centre, run.embeddings.model_id, NEAREST);
  const [elsewhere, unread]: [Elsewhere[], string[]] = [[], []];
  for (const ep_id of others.sort()) {
    const hits = near.filter((hit) => hit.ep_id === ep_id);
    if (hits.length === 0) continue;
    const named = await openNamed(engine, ep_id).catch(unreadable);
    if (named === undefined) unread.push(ep_id);
    if (named === undefined) continue;
    const own = hits.filter(({ run_id }) => run_id === named.run.run_id);
    const among = new Set(own.map(({ track_id }) => track_id));
    const input = { ...named.run, identities: named.identities };
    const found = lookAlikes(input, { asked: [], own: label, centre, among });
    if (found.found.length > 0) elsewhere.push({ named, ...found });
  }
  return { elsewhere, unread };
}

/** What its run found is gone from the cache: told, and no reason to leave the others alone. */
function unreadable(error: unknown): undefined {
  if (error instanceof ScreenalyticsError && error.code === 'RUN_NOT_FOUND') return undefined;
  throw error;
}

function noSeason(): ScreenalyticsError {
  const fields = [{ field: 'season', problem: 'the episode belongs to no season; save_catalog puts it into one' }];
  return new ScreenalyticsError('INPUT_INVALID', { fields });
}
