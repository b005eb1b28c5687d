import { z } from 'zod';
import { layout, parseEpisode } from '../blobs/layout.ts';
import { report } from '../core/errors.ts';
import type { EngineReader } from '../engine.ts';
import { currentRunKeys, type StoredKeys } from '../store/run-keys.ts';
import { pictureKeys } from './face-pictures.ts';
import { givenFor } from './given.ts';
import { type Identified, keysFor } from './identify-run.ts';
import { machineKeys, type OpenRun, settingsOf } from './open-run.ts';
import type { IdentityKeys } from './settings.ts';

/** An episode whose files or names are not those that its rows, seeds and decisions stand for. */
export interface OutOfStep {
  readonly ep_id: string;
  /** `files`: manifests, pictures and report; `names`: who is who. */
  readonly what: 'files' | 'names';
  readonly why: string;
  /** False: only another run mends it. */
  readonly mendable: boolean;
}

/**
 * What a process that was killed amid a change may have left (MOD-11): files that are not those of the rows, and rows that do not know of
 * a seed, a person or a decision. Compares keys alone, and makes nothing.
 */
export async function outOfStep(engine: EngineReader): Promise<OutOfStep[]> {
  const found: OutOfStep[] = [];
  for (const stored of await currentRunKeys(await engine.db())) {
    const { identify, measure } = stored.keys;
    if (identify === undefined || measure === undefined) continue; // of an older program: nothing to compare
    found.push(...(await fileFaults(engine, stored, { identities: identify, screen_time: measure })));
    found.push(...(await nameFaults(engine, stored)));
  }
  return found;
}

const RunKeys = z.looseObject({
  run_id: z.string(),
  keys: z.looseObject({ identify: z.string().optional(), measure: z.string().optional() }),
});

/** Whether the files of an episode are those of these keys; `other run`: they are none of this run's. */
export async function filesOf(
  { blobs }: Pick<EngineReader, 'blobs'>,
  { ep_id, run_id }: Pick<StoredKeys, 'ep_id' | 'run_id'>,
  { identities, screen_time }: Pick<IdentityKeys, 'identities' | 'screen_time'>,
): Promise<'in step' | 'behind' | 'other run' | 'gone'> {
  const bytes = await blobs.get(`${layout(parseEpisode(ep_id)).manifests}run.json`);
  if (bytes === undefined) return 'gone';
  const file = RunKeys.safeParse(parsed(bytes)).data;
  if (file === undefined) return 'gone';
  if (file.run_id !== run_id) return 'other run';
  return file.keys.identify === identities && file.keys.measure === screen_time ? 'in step' : 'behind';
}

/**
 * Whether publishing again would mend something: files of other keys, or the picture of an identity that can be had and is not there.
 * `anew`: also files of the same keys, where they can be written at all.
 */
export async function isBehind(
  { blobs }: Pick<EngineReader, 'blobs'>,
  run: Pick<OpenRun, 'ep_id' | 'run_id' | 'place' | 'machine_keys'>,
  { identities, keys }: Pick<Identified, 'identities' | 'keys'>,
  anew: boolean,
): Promise<boolean> {
  const state = await filesOf({ blobs }, run, keys);
  if (state !== 'in step') return state === 'behind';
  if (anew) return true;
  for (const { label, best_face_id } of identities.rows) {
    if (best_face_id === null || (await blobs.has(layout(run.place).identity(label)))) continue;
    if (await blobs.has(pictureKeys(run, best_face_id).thumb)) return true;
  }
  return false;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

const FILE_WORDS = {
  behind: 'its files are those of another revision than its rows',
  'other run': 'its files are those of another run than its rows',
  gone: 'its run.json is gone or damaged',
} as const;

async function fileFaults(
  engine: EngineReader,
  { ep_id, run_id }: StoredKeys,
  keys: Pick<IdentityKeys, 'identities' | 'screen_time'>,
): Promise<OutOfStep[]> {
  const state = await filesOf(engine, { ep_id, run_id }, keys);
  if (state === 'in step') return [];
  return [{ ep_id, what: 'files', why: FILE_WORDS[state], mendable: state === 'behind' }];
}

async function nameFaults(engine: EngineReader, stored: StoredKeys): Promise<OutOfStep[]> {
  const { ep_id, keys, detector, embedder, device } = stored;
  try {
    const models = { detector: await engine.models.resolve(detector), embedder: await engine.models.resolve(embedder) };
    const given = await givenFor(engine, ep_id, { ...models, provider: device });
    const now = keysFor({ machine_keys: machineKeys(stored), settings: settingsOf(engine, stored) }, given);
    if (now.identities === keys.identify && now.screen_time === keys.measure) return [];
    const why = 'it was named before the newest seeds, people or decisions, or by an older program';
    return [{ ep_id, what: 'names', why, mendable: true }];
  } catch (error) {
    return [{ ep_id, what: 'names', why: `cannot be told: ${report(error).message}`, mendable: false }];
  }
}
