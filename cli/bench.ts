import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { projectRoot } from '#config/load.ts';
import type { Device } from '#config/schema.ts';
import { ERRORS, ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import {
  doJob,
  type FramesFigures,
  type Job,
  type ModelFigures,
  middle,
  type RunFigures,
} from '#engine/eval/bench-job.ts';
import { measureProcess, type Usage } from '#engine/eval/bench-process.ts';
import { type BenchFigures, benchMarkdown, type DeviceFigures, HEAD, rows } from '#engine/eval/bench-table.ts';
import { benchVideo } from '#engine/eval/bench-video.ts';
import { availableProviders } from '#engine/models/session.ts';
import { prepareSample } from '#engine/sample/prepare.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import { errorText } from './errors.ts';
import { table } from './table.ts';

const HELP = `npm run bench -- [options]

Measures how fast the pipeline is and what memory it takes, on 1080p30 made of the clips in $SCREENALYTICS_SHARED
(../shared); without that folder, of the composed sample. Leave the machine alone meanwhile.

  --minutes N      length of the video (10)
  --profile NAME   fast, baseline or recall (baseline)
  --detector ID    another detector; its weights come from $SCREENALYTICS_SHARED/models
  --embedder ID    another embedder, likewise
  --runs N         measure N times and take medians (1)
  --write          put the figures into docs/SCORES.md
  --json           the figures as JSON`;

const SCORES = join(projectRoot, 'docs/SCORES.md');
const MARK = ['<!-- bench -->', '<!-- /bench -->'] as const;
const OPTIONS = {
  minutes: { type: 'string', default: '10' },
  profile: { type: 'string', default: 'baseline' },
  detector: { type: 'string' },
  embedder: { type: 'string' },
  runs: { type: 'string', default: '1' },
  write: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  /** For ourselves: what is measured is done by a process of its own. */
  job: { type: 'string' },
} as const;

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());

try {
  await main();
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = ERRORS[toKnown(error).code].exit;
}

type Flags = ReturnType<typeof flagsOf>;

/** Where and how the jobs of this bench are done. */
interface Bench {
  readonly home: string;
  readonly video: string;
  readonly overrides: Record<string, unknown>;
}

async function main(): Promise<void> {
  const flags = flagsOf(process.argv.slice(2));
  if (flags.help) return say(HELP);
  if (flags.job !== undefined) return say(JSON.stringify(await doJob(JSON.parse(flags.job) as Job)));
  const folder = resolve(process.env.SCREENALYTICS_SHARED ?? join(projectRoot, '../shared'));
  const shared = existsSync(join(folder, 'media/clips')) ? folder : undefined;
  const home = await mkdtemp(join(tmpdir(), 'screenalytics-bench-'));
  try {
    const source = await makeVideo(shared, folder, home, flags.minutes);
    const bench: Bench = { home, video: source.video, overrides: { home, ...overridesOf(flags, shared) } };
    await show(await measure(bench, source.name, flags), flags);
  } finally {
    await stopOwner(home);
    await rm(home, { recursive: true, force: true });
  }
}

function flagsOf(argv: string[]) {
  try {
    const { values } = parseArgs({ args: argv, options: OPTIONS });
    return { ...values, minutes: positive('minutes', values.minutes), runs: Math.ceil(positive('runs', values.runs)) };
  } catch (error) {
    throw new ScreenalyticsError('INPUT_INVALID', { problem: error instanceof Error ? error.message : String(error) });
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} is a number above 0`);
  return value;
}

/** Only what the flags say differs from the defaults; the user's own configuration has no part in it. */
function overridesOf({ profile, detector, embedder }: Flags, shared: string | undefined): Record<string, unknown> {
  const ids = [detector, embedder].filter((id) => id !== undefined);
  return {
    sampling: { profile },
    ...(detector !== undefined && { detection: { detector } }),
    ...(embedder !== undefined && { recognition: { embedder } }),
    ...(ids.length > 0 && {
      models: { accepted_licences: ids, ...(shared !== undefined && { mirror: join(shared, 'models') }) },
    }),
  };
}

async function makeVideo(
  shared: string | undefined,
  folder: string,
  home: string,
  minutes: number,
): Promise<{ video: string; name: string }> {
  const { signal } = stop;
  note('Making the video to measure with (kept for the next time) ...');
  const options = { folder: join(tmpdir(), `screenalytics-bench-videos-${userInfo().username}`), minutes, signal };
  if (shared !== undefined) {
    const clips = join(shared, 'media/clips');
    const files = readdirSync(clips).filter((file) => file.endsWith('.mp4'));
    return {
      video: await benchVideo(
        files.sort().map((file) => join(clips, file)),
        options,
      ),
      name: 'real clips',
    };
  }
  note(
    `SKIPPED: the real clips, for there is no folder ${folder} (SCREENALYTICS_SHARED). Measured on the sample instead.`,
  );
  const sample = await prepareSample(home, { signal });
  return { video: await benchVideo([sample.video], options), name: 'the composed sample' };
}

async function measure(bench: Bench, name: string, flags: Flags): Promise<BenchFigures> {
  const { signal } = stop;
  const { home, video } = bench;
  note('Decoding alone ...');
  const null_out = ['-v', 'error', '-nostdin', '-threads', '2', '-i', video, '-map', '0:v:0', '-f', 'null', '-'];
  const decode = {
    ffmpeg: await medians(flags.runs, async () => without(await measureProcess('ffmpeg', null_out, { home, signal }))),
    frames: await medians(flags.runs, () => inChild<FramesFigures>(bench, 'frames', 'cpu')),
  };
  const devices: DeviceFigures[] = [];
  for (const device of devicesHere()) {
    const figures = await measureDevice(bench, device, flags.runs);
    if (figures !== undefined) devices.push(figures);
  }
  const { cores, cpu } = machine();
  const date = new Date().toISOString().slice(0, 10);
  return {
    video: { name, minutes: flags.minutes },
    profile: flags.profile,
    cores,
    cpu,
    runs: flags.runs,
    date,
    decode,
    devices,
  };
}

/** The processor first, then whatever else is here: only what opens is measured. */
function devicesHere(): Device[] {
  return ['cpu', ...availableProviders('auto').filter((provider) => provider !== 'cpu')];
}

async function measureDevice(bench: Bench, device: Device, runs: number): Promise<DeviceFigures | undefined> {
  note(`${device}: models ...`);
  const models = await medians(runs, () => inChild<ModelFigures>(bench, 'models', device)).catch((error: unknown) => {
    if (device === 'cpu' || stop.signal.aborted) throw error;
    note(`SKIPPED: ${device}, for it cannot be used here.`);
    return undefined;
  });
  if (models === undefined) return undefined;
  const firsts: (RunFigures & Taken)[] = [];
  const seconds: RunFigures[] = [];
  for (let run = 1; run <= runs; run++) {
    note(`${device}: run ${run} of ${runs} ...`);
    await forget(bench.home);
    firsts.push(await inChild<RunFigures>(bench, 'run', device));
    seconds.push(await inChild<RunFigures>(bench, 'run', device));
  }
  return { device, models, first: mediansOf(firsts), second: mediansOf(seconds) };
}

/** Everything but the models: the next run is a first one. */
async function forget(home: string): Promise<void> {
  await stopOwner(home);
  for (const name of readdirSync(home))
    if (name !== 'models') await rm(join(home, name), { recursive: true, force: true });
}

type Taken = Omit<Usage, 'stdout'>;

async function inChild<T extends object>(
  { home, video, overrides }: Bench,
  kind: Job['kind'],
  device: Device,
): Promise<T & Taken> {
  const job: Job = { kind, video, device, overrides };
  const args = [fileURLToPath(import.meta.url), '--job', JSON.stringify(job)];
  const usage = await measureProcess(process.execPath, args, { home, signal: stop.signal });
  return { ...(JSON.parse(usage.stdout) as T), ...without(usage) };
}

function without({ stdout: _, ...taken }: Usage): Taken {
  return taken;
}

async function medians<T extends object>(runs: number, once: () => Promise<T>): Promise<T> {
  const all: T[] = [];
  for (let run = 0; run < runs; run++) all.push(await once());
  return mediansOf(all);
}

/** Of like objects: each number's median, everything else as in the first one. */
function mediansOf<T extends object>(all: readonly T[]): T {
  const [first] = all;
  if (first === undefined) throw new RangeError('medians of nothing');
  const entries = Object.entries(first).map(([key, value]) => {
    const others = all.map((each) => each[key as keyof T] as unknown);
    if (typeof value === 'number') return [key, middle(others.filter((each) => typeof each === 'number'))];
    if (typeof value === 'object' && value !== null) return [key, mediansOf(others as object[])];
    return [key, value];
  });
  return Object.fromEntries(entries) as T;
}

function machine(): { cores: number; cpu: string } {
  const all = cpus();
  return { cores: all.length, cpu: all[0]?.model.trim() ?? 'unknown' };
}

async function show(figures: BenchFigures, flags: Flags): Promise<void> {
  if (flags.json) say(JSON.stringify(figures, undefined, 1));
  else say(table(HEAD, rows(figures), { rules: process.stdout.isTTY === true }));
  if (flags.write) await write(figures);
}

async function write(figures: BenchFigures): Promise<void> {
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`;
  const old = await readFile(SCORES, 'utf8');
  const [before, rest] = old.split(MARK[0]);
  const after = rest?.split(MARK[1])[1];
  if (before === undefined || after === undefined)
    throw new ScreenalyticsError('INPUT_INVALID', {
      file: 'docs/SCORES.md',
      problem: `no ${MARK.join(' ... ')} in it`,
    });
  await writeFile(SCORES, `${before}${MARK[0]}\n\n${benchMarkdown(figures, command)}\n\n${MARK[1]}${after}`);
  note('docs/SCORES.md is written.');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
