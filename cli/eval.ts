import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { loadConfig, projectRoot } from '#config/load.ts';
import { loadArtifact } from '#engine/artifact-cache.ts';
import type { ArtifactName } from '#engine/core/artifacts.ts';
import { ERRORS, ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import type { RunSummary } from '#engine/core/summary.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { causes, missed, WEIGHTS, type Weights } from '#engine/eval/bars.ts';
import { sampleClip, sharedClips, type TrueClip } from '#engine/eval/clips.ts';
import { type Made, scoreClip } from '#engine/eval/score-clip.ts';
import { cells, HEAD, markdown, type ScoredRun } from '#engine/eval/scores-table.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { prepareSample } from '#engine/sample/prepare.ts';
import { errorText } from './errors.ts';
import { terminalBar } from './progress.ts';
import { table } from './table.ts';

const HELP = `npm run eval -- [options]

Runs the pipeline on every clip whose truth is known and prints how good it is.
The clips lie in $SCREENALYTICS_SHARED (../shared); without it the composed sample alone is run.

  --clip NAME        only this clip (again for more); sample_episode is the composed one
  --weights KIND     only embedded (the default models) or local (the best weights in $SCREENALYTICS_SHARED/models)
  --detector ID      another detector for local
  --embedder ID      another embedder for local
  --home FOLDER      keep the runs there, and use what is there already
  --write            put the table into docs/SCORES.md (needs all clips and both kinds of weights)
  --json             everything that was measured, as JSON`;

const SAMPLE = 'sample_episode';
const SCORES = join(projectRoot, 'docs/SCORES.md');
const MARK = ['<!-- eval: begin -->', '<!-- eval: end -->'] as const;
const OPTIONS = {
  clip: { type: 'string', multiple: true },
  weights: { type: 'string' },
  detector: { type: 'string', default: 'scrfd_2_5g' },
  embedder: { type: 'string', default: 'faceres' },
  home: { type: 'string' },
  write: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Which run's artifact is which stage's. */
const MADE = {
  cut: 'shots',
  detect: 'detections',
  track: 'tracks',
  cluster: 'clusters',
  measure: 'screen_time',
} as const satisfies Record<string, keyof Made>;

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());

try {
  await main();
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = ERRORS[toKnown(error).code].exit;
}

type Flags = ReturnType<typeof flagsOf>;

async function main(): Promise<void> {
  const flags = flagsOf(process.argv.slice(2));
  if (flags.help) return say(HELP);
  const folder = resolve(process.env.SCREENALYTICS_SHARED ?? join(projectRoot, '../shared'));
  const shared = existsSync(join(folder, 'media/truth')) ? folder : undefined;
  const kinds = WEIGHTS.filter((kind) => flags.weights === undefined || flags.weights === kind);
  if (flags.write && (shared === undefined || flags.clip !== undefined || flags.weights !== undefined))
    throw new ScreenalyticsError('INPUT_INVALID', {
      write: 'needs SCREENALYTICS_SHARED, all clips and both kinds of weights',
    });
  if (shared === undefined)
    note(`SKIPPED: the real clips and the local weights, for there is no folder ${folder} (SCREENALYTICS_SHARED).`);

  const home = flags.home === undefined ? await mkdtemp(join(tmpdir(), 'screenalytics-eval-')) : resolve(flags.home);
  try {
    const place = { home, shared, flags };
    const clips = await clipsOf(place);
    const runs: ScoredRun[] = [];
    for (const weights of kinds.filter((kind) => kind === 'embedded' || shared !== undefined))
      runs.push(...(await runAll(weights, clips, place)));
    await show(runs, flags);
  } finally {
    if (flags.home === undefined) await rm(home, { recursive: true, force: true });
  }
}

function flagsOf(argv: string[]) {
  try {
    const { values } = parseArgs({ args: argv, options: OPTIONS });
    if (values.weights !== undefined && !WEIGHTS.some((kind) => kind === values.weights))
      throw new Error('--weights is embedded or local');
    return values;
  } catch (error) {
    throw new ScreenalyticsError('INPUT_INVALID', { problem: error instanceof Error ? error.message : String(error) });
  }
}

interface Place {
  home: string;
  shared: string | undefined;
  flags: Flags;
}

/** Every clip with one kind of weights, in a home of its own; the user's own configuration has no part in it. */
async function runAll(
  weights: Weights,
  clips: readonly TrueClip[],
  { home, shared, flags }: Place,
): Promise<ScoredRun[]> {
  const local = weights === 'local' && {
    detection: { detector: flags.detector },
    recognition: { embedder: flags.embedder },
    models: { mirror: join(shared ?? '', 'models'), accepted_licences: [flags.detector, flags.embedder] },
  };
  const engine = openEngine(loadConfig({}, { home: join(home, weights), services: { log: 'error' }, ...local }));
  try {
    const runs: ScoredRun[] = [];
    for (const clip of clips) {
      const run = await runClip(engine, clip);
      runs.push({ weights, score: scoreClip(clip, await madeBy(engine, run)) });
      note(`${weights} ${clip.name}: ${run.took_s.toFixed(1)} s`);
    }
    return runs;
  } finally {
    await engine.close();
  }
}

/** The sample is composed once for both kinds of weights, and only when it is asked for. */
async function clipsOf({ home, shared, flags }: Place): Promise<TrueClip[]> {
  const real = shared === undefined ? [] : sharedClips(shared, join(projectRoot, 'tests/evals/labels'));
  const known = [...real.map((clip) => clip.name), SAMPLE];
  const wanted = flags.clip ?? known;
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { clip: unknown, known });
  const chosen = real.filter((clip) => wanted.includes(clip.name));
  if (!wanted.includes(SAMPLE)) return chosen;
  return [...chosen, sampleClip(await prepareSample(home, { signal: stop.signal }))];
}

async function runClip(engine: Engine, clip: TrueClip): Promise<RunSummary> {
  const bar = process.stderr.isTTY === true ? terminalBar(process.stderr) : undefined;
  try {
    return await runEpisode(engine, { source: clip.video }, { signal: stop.signal, progress: (now) => bar?.show(now) });
  } finally {
    bar?.close();
  }
}

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

async function show(runs: readonly ScoredRun[], flags: Flags): Promise<void> {
  if (flags.json) return say(JSON.stringify(runs, undefined, 1));
  say(table(HEAD, runs.map(cells), { rules: process.stdout.isTTY === true }));
  for (const { weights, score } of runs) {
    const names = missed(score, weights);
    if (names.length > 0) say(`\n${score.clip}, ${weights}: missed ${names.join(', ')}`);
    for (const cause of causes(score, weights)) say(`  ${cause}`);
  }
  if (flags.write) await write(runs, flags);
}

async function write(runs: readonly ScoredRun[], { detector, embedder }: Flags): Promise<void> {
  const { detection, recognition } = loadConfig({}).config;
  const text = markdown(runs, {
    embedded: `${detection.order[0]} and ${recognition.order[0]}, the defaults`,
    local: `${detector} and ${embedder}, from $SCREENALYTICS_SHARED/models`,
  });
  const old = await readFile(SCORES, 'utf8');
  const [before, rest] = old.split(MARK[0]);
  const after = rest?.split(MARK[1])[1];
  if (before === undefined || after === undefined)
    throw new ScreenalyticsError('INPUT_INVALID', {
      file: 'docs/SCORES.md',
      problem: `no ${MARK.join(' ... ')} in it`,
    });
  await writeFile(SCORES, `${before}${MARK[0]}\n\n${text}\n\n${MARK[1]}${after}`);
  note('docs/SCORES.md is written.');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
