import { artifacts } from '#engine/core/artifacts.ts';
import { digest } from '#engine/core/stage.ts';
import { loadArtifact, saveArtifact } from '../artifact-cache.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { Artifacts } from '../core/artifacts.ts';
import type { Decisions, Facebank, Identities } from '../core/identities.ts';
import type { Engine } from '../engine.ts';
import { identify } from '../stages/identify.ts';
import { measure } from '../stages/measure.ts';
import type { Machine } from './packed.ts';
import { keptScores } from './score-memo.ts';
import { type IdentifySettings, type IdentityKeys, identityKeys, type Keys } from './settings.ts';

/** Who is who in a run, how long each is seen, and what both were made from. */
export interface Identified {
  readonly identities: Identities;
  readonly screen_time: Artifacts['screen_time'];
  readonly keys: IdentityKeys;
  /** Null: there was no facebank. */
  readonly bank: BankFacts | null;
}

/** Which facebank was used (PRO-05). */
export interface BankFacts {
  readonly key: string;
  readonly people: number;
  readonly seeds: number;
  readonly without_seeds: readonly string[];
}

/** A run's artifacts with their keys, and the settings of what follows. */
export interface Identifiable extends Machine {
  readonly machine_keys: Keys;
  readonly settings: IdentifySettings;
}

/** What is given beside them. */
interface Named {
  readonly facebank: Facebank | null;
  readonly decisions: Decisions;
}

export interface IdentifyOptions {
  /** Make both again, also when they are there. */
  readonly fresh?: boolean;
  /** Told when a stage is done. */
  done?(stage: 'identify' | 'measure', key: string, cached: boolean, took_s: number): void;
}

/** Runs the two stages that depend on what is given, or finds what they made in the cache. Decodes nothing. */
export async function identifyRun(
  engine: Pick<Engine, 'blobs'>,
  run: Identifiable,
  given: Named,
  options: IdentifyOptions = {},
): Promise<Identified> {
  const { blobs } = engine;
  const { facebank, decisions } = given;
  const keys = keysFor(run, given);
  const bank = facebank === null || keys.facebank === null ? null : sameBank(keys.facebank, facebank);
  if (bank !== null) await keepGiven(blobs, 'facebank', bank.key, bank.facebank);
  await keepGiven(blobs, 'decisions', keys.decisions, decisions);

  const step = async <N extends 'identities' | 'screen_time'>(name: N, make: () => Promise<Artifacts[N]>) => {
    const began = performance.now();
    const known = options.fresh ? undefined : await loadArtifact(blobs, name, keys[name]);
    const value = known ?? (await saveArtifact(blobs, name, keys[name], await make()));
    const took_s = Math.round(performance.now() - began) / 1000;
    options.done?.(name === 'identities' ? 'identify' : 'measure', keys[name], known !== undefined, took_s);
    return value;
  };
  const { shots, detections, tracks, faces, embeddings, clusters } = run;
  const machine = { tracks, detections, faces, embeddings, clusters };
  const { screen_time: params, ...naming } = run.settings;
  const identities = await step('identities', async () => {
    const memo = await keptScores(blobs, run.machine_keys, identify.version, embeddings.tracks.length);
    const value = await identify.run({ ...machine, facebank: bank?.facebank ?? null, decisions }, naming, memo);
    await memo.save();
    return value;
  });
  const screen_time = await step('screen_time', () =>
    measure.run({ shots, detections, tracks, identities }, params, undefined),
  );
  return { identities, screen_time, keys, bank: facebank && keys.facebank ? bankFacts(facebank, keys.facebank) : null };
}

let last: { readonly key: string; readonly facebank: Facebank } | undefined;

/** The same object for the same bank: what follows from it alone is then worked out once for all corrections. */
function sameBank(key: string, facebank: Facebank) {
  if (last?.key !== key) last = { key, facebank };
  return last;
}

/** Its name is its content: what is there is what it would be. */
async function keepGiven<N extends 'facebank' | 'decisions'>(
  blobs: Engine['blobs'],
  name: N,
  key: string,
  value: Artifacts[N],
): Promise<void> {
  if (!(await blobs.has(cacheKeys.artifact(name, key)))) await saveArtifact(blobs, name, key, value);
}

/** Named by its content: what is given has nothing else that determined it. */
function givenKey<N extends 'facebank' | 'decisions'>(name: N, value: Artifacts[N]): string {
  const known = keyOf.get(value);
  if (known !== undefined) return known;
  const key = digest(artifacts[name].encode(value as never));
  keyOf.set(value, key);
  return key;
}

/** A season is named from one bank. */
const keyOf = new WeakMap<object, string>();

/** The keys that naming and measuring would have, before anything is made. */
export function keysFor(
  { machine_keys, settings }: Pick<Identifiable, 'machine_keys' | 'settings'>,
  { facebank, decisions }: Named,
): IdentityKeys {
  const bank = facebank === null ? null : givenKey('facebank', facebank);
  return identityKeys(machine_keys, settings, { facebank: bank, decisions: givenKey('decisions', decisions) });
}

function bankFacts({ people, without_seeds }: Facebank, key: string): BankFacts {
  const seeds = people.reduce((sum, person) => sum + person.seeds.length, 0);
  return { key, people: people.length, seeds, without_seeds };
}
