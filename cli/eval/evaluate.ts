import { join } from 'node:path';
import process from 'node:process';
import { type Loaded, loadConfig } from '#config/load.ts';
import { loadArtifact } from '#engine/artifact-cache.ts';
import type { ArtifactName } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { RunSummary } from '#engine/core/summary.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import type { Weights } from '#engine/eval/bars.ts';
import type { TrueClip } from '#engine/eval/clips.ts';
import type { FaceSet } from '#engine/eval/face-set.ts';
import { identityOfClip } from '#engine/eval/identity-clip.ts';
import type { FaceSetRun, IdentityRun } from '#engine/eval/identity-table.ts';
import { type Made, scoreClip } from '#engine/eval/score-clip.ts';
import { scoreFaceSet } from '#engine/eval/score-face-set.ts';
import type { ScoredRun } from '#engine/eval/scores-table.ts';
import { seeFaceSet } from '#engine/eval/see-face-set.ts';
import type { Cast, KnownClip } from '#engine/eval/seed-plans.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { terminalBar } from '../progress.ts';
import { note } from '../script.ts';
import { photoBank } from './photo-bank.ts';

export interface EvalOptions {
  readonly home: string;
  readonly shared: string | undefined;
  readonly signal: AbortSignal;
  readonly kinds: readonly Weights[];
  readonly tables: readonly ('runs' | 'identity')[];
  /** Of the weights `local`. */
  readonly detector: string;
  readonly embedder: string;
  /** Single faces; undefined: not asked for. */
  readonly faces: FaceSet | undefined;
}

export interface Scored {
  runs: ScoredRun[];
  identities: IdentityRun[];
  faces: FaceSetRun[];
}

/** Every clip with every kind of weights, and who is in it with every embedder; the user's own configuration has no part in it. */
export async function evaluate(clips: readonly KnownClip[], options: EvalOptions): Promise<Scored> {
  const scored: Scored = { runs: [], identities: [], faces: [] };
  for (const weights of options.kinds) {
    const [first, ...others] = await embeddersOf(weights, options);
    const wants_identity = options.tables.includes('identity');
    for (const embedder of [first ?? options.embedder, ...(wants_identity ? others : [])])
      await evaluateWith(clips, weights, embedder, embedder === first, options, scored);
  }
  return scored;
}

/** The kind's own one first, then whatever else lies in the folder of weights. */
async function embeddersOf(weights: Weights, options: EvalOptions): Promise<string[]> {
  const own = weights === 'local' ? options.embedder : (loadConfig({}).config.recognition.order[0] ?? options.embedder);
  if (weights === 'embedded') return [own];
  const engine = openEngine(configOf(weights, own, options));
  try {
    const found: string[] = [];
    for (const [id, { task }] of Object.entries(engine.config.models.models))
      if (task === 'embed' && id !== own && (await isThere(engine, id))) found.push(id);
    return [own, ...found];
  } finally {
    await engine.close();
  }
}

async function isThere(engine: Engine, id: string): Promise<boolean> {
  try {
    await engine.models.resolve(id);
    return true;
  } catch (error) {
    if (error instanceof ScreenalyticsError) return false;
    throw error;
  }
}

/** A home for each kind of weights: two embedders share what is found. */
function configOf(weights: Weights, embedder: string, { home, shared, detector }: EvalOptions, part = ''): Loaded {
  const own = { home: join(home, `${weights}${part}`), services: { log: 'error' } };
  if (weights === 'embedded') return loadConfig({}, own);
  const embedders = Object.entries(loadConfig({}).config.models.models).filter(([, { task }]) => task === 'embed');
  return loadConfig(
    {},
    {
      ...own,
      detection: { detector },
      recognition: { embedder },
      models: {
        mirror: join(shared ?? '', 'models'),
        accepted_licences: [detector, ...embedders.map(([id]) => id)],
      },
    },
  );
}

async function evaluateWith(
  clips: readonly KnownClip[],
  weights: Weights,
  embedder: string,
  is_first: boolean,
  options: EvalOptions,
  scored: Scored,
): Promise<void> {
  const { tables, signal, faces } = options;
  const config = configOf(weights, embedder, options);
  const engine = openEngine(config);
  try {
    for (const { clip, plan, markOf } of clips) {
      const run = await runClip(engine, clip, signal);
      if (is_first && tables.includes('runs'))
        scored.runs.push({ weights, score: scoreClip(clip, await madeBy(engine, run)) });
      note(`${weights} ${embedder} ${clip.name}: ${run.took_s.toFixed(1)} s`);
      if (!tables.includes('identity')) continue;
      const score = await identityOfClip(engine, clip, run.episode, plan(photos), markOf);
      scored.identities.push({ weights, embedder, score });
    }
    if (faces !== undefined && tables.includes('identity')) {
      const seen = await seeFaceSet(engine, faces, { signal });
      const { openset, models } = engine.config;
      const score = scoreFaceSet(seen, { openset, calibration: models.models[seen.model_id]?.calibration });
      scored.faces.push({ weights, embedder, score });
      note(`${weights} ${embedder}: ${score.probes} single faces`);
    }
  } finally {
    await engine.close();
  }

  /** In a home of their own: in the clips' one, everybody with a photo would be recognised in every clip. */
  function photos(cast: Cast) {
    return photoBank(configOf(weights, embedder, options, '-photos'), cast, signal);
  }
}

async function runClip(engine: Engine, clip: TrueClip, signal: AbortSignal): Promise<RunSummary> {
  const bar = process.stderr.isTTY === true ? terminalBar(process.stderr) : undefined;
  try {
    return await runEpisode(engine, { source: clip.video }, { signal, progress: (now) => bar?.show(now) });
  } finally {
    bar?.close();
  }
}

/** Which run's artifact is which stage's. */
const MADE = {
  cut: 'shots',
  detect: 'detections',
  track: 'tracks',
  cluster: 'clusters',
  measure: 'screen_time',
} as const satisfies Record<string, keyof Made>;

async function madeBy(engine: Engine, run: RunSummary): Promise<Made> {
  const load = async <N extends ArtifactName>(stage: keyof typeof MADE, name: N) => {
    const key = run.stages.find((each) => each.name === stage)?.key;
    const found = key === undefined ? undefined : await loadArtifact(engine.blobs, name, key);
    if (found === undefined) throw new ScreenalyticsError('INVARIANT_BROKEN', { stage, artifact: name, missing: true });
    return found;
  };
  return {
    shots: await load('cut', MADE.cut),
    detections: await load('detect', MADE.detect),
    tracks: await load('track', MADE.track),
    clusters: await load('cluster', MADE.cluster),
    screen_time: await load('measure', MADE.measure),
  };
}
