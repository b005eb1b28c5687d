import type { z } from 'zod';
import { ConfusionLimits, Openset, ScreenTime } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { loadArtifact } from '../artifact-cache.ts';
import type { Room } from '../blobs/blobs.ts';
import { type EpisodePlace, parseEpisode } from '../blobs/layout.ts';
import type { EngineReader } from '../engine.ts';
import { runKeys, type StoredKeys } from '../store/run-keys.ts';
import type { Identifiable } from './identify-run.ts';
import { loadPacked, type Machine, savePacked } from './packed.ts';
import type { Keys } from './settings.ts';
import { madeBy } from './settle.ts';

/** A finished run with everything that machines found in it, ready to be named and measured again. */
export interface OpenRun extends Identifiable {
  readonly ep_id: string;
  readonly run_id: string;
  readonly run_key: number;
  /** True when this is the episode's current run. */
  readonly current: boolean;
  readonly place: EpisodePlace;
  /** Stage -> key of its artifact; also `facebank` (absent: none) and `decisions`. */
  readonly keys: Readonly<Record<string, string>>;
  /** Ids of the models that it was made with, and the class of execution provider. */
  readonly detector: string;
  readonly embedder: string;
  readonly provider: string;
}

/** The current run's artifacts, or those of `run_id`, from the cache, into `room` if it is given. RUN_NOT_FOUND says what is missing. */
export async function openRun(engine: EngineReader, ep_id: string, run_id?: string, room?: Room): Promise<OpenRun> {
  return openStored(engine, await runKeys(await engine.db(), ep_id, run_id), room);
}

/** The same of a run whose keys were read. */
export async function openStored(engine: EngineReader, stored: StoredKeys, room?: Room): Promise<OpenRun> {
  const { ep_id } = stored;
  const machine_keys = machineKeys(stored);
  const machine = await loadMachine(engine, machine_keys, stored, room);
  const { run_key, keys, detector, embedder, device, current } = stored;
  return {
    ...machine,
    ...{ ep_id, run_id: stored.run_id, run_key, current, place: parseEpisode(ep_id), keys, machine_keys },
    settings: settingsOf(engine, stored),
    ...{ detector, embedder, provider: device },
  };
}

/** Stage names of the store -> artifact names. */
export function machineKeys({ keys, ep_id, run_id }: StoredKeys): Keys {
  const key = (stage: string): string => {
    const found = keys[stage];
    if (found === undefined) throw missing(ep_id, run_id, `the key of ${stage}; run the episode again`);
    return found;
  };
  return {
    shots: key('cut'),
    detections: key('detect'),
    tracks: key('track'),
    faces: key('harvest'),
    embeddings: key('embed'),
    clusters: key('cluster'),
  };
}

async function loadMachine(
  { blobs }: EngineReader,
  keys: Keys,
  { ep_id, run_id }: StoredKeys,
  room: Room | undefined,
): Promise<Machine> {
  const packed = await loadPacked(blobs, keys, room);
  if (packed !== undefined) return packed;
  const load = async <N extends keyof Keys>(name: N) => {
    const found = await loadArtifact(blobs, name, keys[name]);
    if (found !== undefined) return found;
    const stage = madeBy(keys).find(({ artifact }) => artifact === name)?.stage;
    throw missing(ep_id, run_id, `${name}; the stage ${stage} makes it`);
  };
  const machine = {
    shots: await load('shots'),
    detections: await load('detections'),
    tracks: await load('tracks'),
    faces: await load('faces'),
    embeddings: await load('embeddings'),
    clusters: await load('clusters'),
  };
  await savePacked(blobs, keys, machine);
  return machine;
}

/** As the run was asked; of a run from before these sections, as they are now. */
export function settingsOf(
  { config }: Pick<EngineReader, 'config'>,
  { settings, embedder }: StoredKeys,
): OpenRun['settings'] {
  const of = <S extends z.ZodType>(schema: S, name: string, now: z.output<S>): z.output<S> =>
    schema.safeParse(settings[name]).data ?? now;
  return {
    openset: of(Openset, 'openset', config.openset),
    confusion: of(ConfusionLimits, 'confusion', config.confusion),
    screen_time: of(ScreenTime, 'screen_time', config.screen_time),
    calibration: config.models.models[embedder]?.calibration ?? null,
  };
}

function missing(ep_id: string, run_id: string, what: string): ScreenalyticsError {
  const fix = { tool: 'run_stage', input: { source: ep_id } };
  return new ScreenalyticsError('RUN_NOT_FOUND', { episode: ep_id, run: run_id, missing: what, fix });
}
