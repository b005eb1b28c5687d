import { EPISODE_KINDS } from '../blobs/keys.ts';
import { anchorKeys, cacheKeys, jobKey, layout, parseEpisode } from '../blobs/layout.ts';
import { legacyPrefixes } from '../blobs/layout-v1.ts';
import { artifacts } from '../core/artifacts.ts';
import type { By } from '../core/identities.ts';
import type { Engine, EngineReader } from '../engine.ts';
import { appendChange, lockHead } from '../store/changes.ts';
import { changesOfEpisode, eraseEpisode, erasePayloads, runKeysOf } from '../store/erasure.ts';
import { emitEvent, eraseEventsOf } from '../store/events.ts';
import { eraseJobsOf } from '../store/jobs.ts';
import { ownFiles } from './files.ts';
import { lockEpisodes } from './locks.ts';
import { rewritten } from './rewritten.ts';

export interface EpisodeFiles {
  /** Footage, manifests, pictures, reports, exports, records: all below the home. */
  readonly files: string[];
}

export async function previewEpisode(engine: EngineReader, ep_id: string): Promise<EpisodeFiles> {
  return { files: await filesOf(engine, ep_id) };
}

/** Rows, files and cache of an episode, and what people decided on it. The log keeps that it was done. */
export async function deleteEpisode(
  engine: Engine,
  by: By,
  ep_id: string,
  reason: string | null,
): Promise<EpisodeFiles & { change_id: string; changes_erased: number }> {
  const lock = await lockEpisodes(engine, [ep_id]);
  try {
    const db = await engine.db();
    const keys = await db.read((q) => runKeysOf(q, ep_id));
    const files = await filesOf(engine, ep_id);
    const done = await db.write(async (q) => {
      await lockHead(q);
      const erased = await changesOfEpisode(q, ep_id);
      await erasePayloads(q, erased);
      await eraseEpisode(q, ep_id);
      await eraseJobsOf(q, ep_id);
      await eraseEventsOf(q, ep_id);
      const after = [{ erased_changes: erased.length }];
      const payload = { ...by, reason, entities: [`episode:${ep_id}`], before: [], after, erased };
      const { change_id } = await appendChange(q, { kind: 'forget', ep_id: null, payload });
      const told = { episode: ep_id, change_id, files: files.length, changes_erased: erased.length };
      await emitEvent(q, 'episode.deleted', told);
      return { change_id, changes_erased: erased.length };
    });
    for (const key of files) await engine.blobs.delete(key);
    for (const key of keys)
      for (const name of Object.keys(artifacts)) {
        await engine.blobs.delete(cacheKeys.artifact(name, key));
        await engine.blobs.delete(cacheKeys.pictures(name, key));
      }
    await engine.blobs.delete('cache/packed/'); // of all runs: they are made again when they are needed
    await rewritten(engine);
    return { ...done, files };
  } finally {
    lock.release();
  }
}

async function filesOf({ blobs }: EngineReader, ep_id: string): Promise<string[]> {
  const { video, frames, crops, thumbs, manifests, reports } = layout(parseEpisode(ep_id));
  const footage = video('').replace(/episode$/, '');
  const prefixes = [footage, frames, crops, thumbs, manifests, reports, anchorKeys.episode(ep_id)];
  const own: string[] = [];
  for (const prefix of [...prefixes, jobKey(ep_id, ''), cacheKeys.sheets(ep_id)])
    own.push(...(await ownFiles(blobs, prefix)));
  // Copies under names of earlier versions.
  for (const kind of EPISODE_KINDS)
    for (const prefix of legacyPrefixes(kind, parseEpisode(ep_id))) own.push(...(await blobs.list(prefix)));
  const exported = EXPORTS.map((ending) => `exports/${ep_id}${ending}`);
  for (const key of exported) if (await blobs.has(key)) own.push(key);
  return own;
}
/** As export_screen_time names them. */
const EXPORTS = ['.csv', '-timeline.csv', '-delta_table.csv', '.json', '.html'];
