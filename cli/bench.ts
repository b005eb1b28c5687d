import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig, projectRoot } from '#config/load.ts';
import type { Device } from '#config/schema.ts';
import { openEngine } from '#engine/engine.ts';
import {
  doJob,
  type FramesFigures,
  type Job,
  type ModelFigures,
  middle,
  type RunFigures,
} from '#engine/eval/bench-job.ts';
import type { NamingFigures } from '#engine/eval/bench-naming.ts';
import { measureProcess, type Usage } from '#engine/eval/bench-process.ts';
import {
  type BenchFigures,
  benchMarkdown,
  type DeviceFigures,
  HEAD,
  namingRows,
  rows,
} from '#engine/eval/bench-table.ts';
import { benchVideo } from '#engine/eval/bench-video.ts';
import { galleryMarkdown, measureGallery } from '#engine/eval/gallery.ts';
import { availableProviders } from '#engine/models/session.ts';
import { prepareSample } from '#engine/sample/prepare.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import { flagsFrom, note, runScript, say, writeScores } from './script.ts';
import { table } from './table.ts';

const HELP = `npm run bench -- [options]

Measures how fast the pipeline is, how soon totals follow a correction, and what memory a run takes, on 1080p30 made of the clips in $SCREENALYTICS_SHARED
(../shared); without that folder, of the composed sample. Leave the machine alone meanwhile.

  --minutes N      length of the video (10)
  --profile NAME   fast, baseline or recall (baseline)
  --detector ID    another detector; its weights come from $SCREENALYTICS_SHARED/models
  --embedder ID    another embedder, likewise
  --runs N         measure N times and take medians (1)
  --naming         instead: only how soon totals follow a correction and a seed
  --gallery        instead: how well and how fast 100,000 tracks are searched, in the database of DATABASE_URL or the embedded one
  --tracks N       another number of tracks for it
  --write          put the figures into docs/SCORES.md
  --json           the figures as JSON`;

const OPTIONS = {
  minutes: { type: 'string', default: '10' },
  profile: { type: 'string', default: 'baseline' },
  detector: { type: 'string' },
  embedder: { type: 'string' },
  runs: { type: 'string', default: '1' },
  naming: { type: 'boolean', default: false },
  gallery: { type: 'boolean', default: false },
  tracks: { type: 'string', default: '100000' },
  write: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  /** For ourselves: what is measured is done by a process of its own. */
  job: { type: 'string' },
} as const;

type Flags = ReturnType<typeof flagsOf>;

/** Where and how the jobs of this bench are done. */
interface Bench {
  readonly home: string;
  readonly signal: AbortSignal;
  readonly video: string;
  readonly overrides: Record<string, unknown>;
}

await runScript(main);

async function main(signal: AbortSignal): Promise<void> {
  const flags = flagsOf(process.argv.slice(2));
  if (flags.help) return say(HELP);
  if (flags.gallery) return measureSearch(flags, signal);
  if (flags.naming) return measureNamingAlone(flags, signal);
  if (flags.job !== undefined) return say(JSON.stringify(await doJob(JSON.parse(flags.job) as Job)));
  const folder = resolve(process.env.SCREENALYTICS_SHARED ?? join(projectRoot, '../shared'));
  const shared = existsSync(join(folder, 'media/clips')) ? folder : undefined;
  const home = await mkdtemp(join(tmpdir(), 'screenalytics-bench-'));
  try {
    const source = await makeVideo(shared, folder, home, flags.minutes, signal);
    const bench: Bench = { home, signal, video: source.video, overrides: { home, ...overridesOf(flags, shared) } };
    await show(await measure(bench, source.name, flags), flags);
  } finally {
    await stopOwner(home);
    await rm(home, { recursive: true, force: true });
  }
}

function flagsOf(args: string[]) {
  return flagsFrom(() => {
    const { values } = parseArgs({ args, options: OPTIONS });
    const [minutes, runs, tracks] = (['minutes', 'runs', 'tracks'] as const).map((name) =>
      positive(name, values[name]),
    );
    return {
      ...values,
      minutes: minutes as number,
      runs: Math.ceil(runs as number),
      tracks: Math.ceil(tracks as number),
    };
  });
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
  signal: AbortSignal,
): Promise<{ video: string; name: string }> {
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
  const { home, video, signal } = bench;
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
  const naming = await measureNaming(bench, flags.runs);
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
    naming,
  };
}

async function measureNaming(bench: Bench, runs: number): Promise<NamingFigures> {
  note('Corrections on a made-up hour and season ...');
  return medians(runs, async () => {
    await forget(bench.home);
    return inChild<NamingFigures>(bench, 'naming', 'cpu');
  });
}

/** In a home of its own, which goes afterwards. Nothing is written: docs/SCORES.md has it with the rest of the bench. */
async function measureNamingAlone(flags: Flags, signal: AbortSignal): Promise<void> {
  if (flags.write) throw new Error('--naming is a part of the bench: run it whole to --write it');
  const home = await mkdtemp(join(tmpdir(), 'screenalytics-naming-'));
  try {
    const figures = await measureNaming({ home, signal, video: '', overrides: { home } }, flags.runs);
    if (flags.json) say(JSON.stringify(figures, undefined, 1));
    else say(table(HEAD, namingRows(figures), { rules: process.stdout.isTTY === true }));
  } finally {
    await stopOwner(home);
    await rm(home, { recursive: true, force: true });
  }
}

/** The processor first, then whatever else is here: only what opens is measured. */
function devicesHere(): Device[] {
  return ['cpu', ...availableProviders('auto').filter((provider) => provider !== 'cpu')];
}

async function measureDevice(bench: Bench, device: Device, runs: number): Promise<DeviceFigures | undefined> {
  note(`${device}: models ...`);
  const models = await medians(runs, () => inChild<ModelFigures>(bench, 'models', device)).catch((error: unknown) => {
    if (device === 'cpu' || bench.signal.aborted) throw error;
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
  { home, video, overrides, signal }: Bench,
  kind: Job['kind'],
  device: Device,
): Promise<T & Taken> {
  const job: Job = { kind, video, device, overrides };
  const args = [fileURLToPath(import.meta.url), '--job', JSON.stringify(job)];
  const usage = await measureProcess(process.execPath, args, { home, signal });
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
  await writeScores('bench', '/bench', benchMarkdown(figures, command));
  note('docs/SCORES.md is written.');
}

/** In a home of its own, which goes afterwards, or in an empty database of DATABASE_URL; as long a vector as the default embedder's. */
async function measureSearch(flags: Flags, signal: AbortSignal): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'screenalytics-gallery-'));
  const database_url = process.env.DATABASE_URL ?? null;
  const engine = openEngine(loadConfig({}, { home, database_url, services: { log: 'error' } }));
  try {
    const { config } = engine;
    const dim = config.models.models[config.recognition.order[0] ?? '']?.dim ?? 512;
    let said = '';
    const figures = await measureGallery(await engine.db(), {
      ...{ tracks: flags.tracks, dim, queries: 200, signal },
      progress: (what, done, total) => {
        const now = `${what} ${Math.floor((10 * done) / total) * 10} %`;
        if (now !== said) note(now);
        said = now;
      },
    });
    if (flags.json) say(JSON.stringify(figures, undefined, 1));
    const text = galleryMarkdown(figures, {
      ...machine(),
      date: new Date().toISOString().slice(0, 10),
      is_server: database_url !== null,
    });
    if (!flags.json) say(text);
    if (flags.write) await writeScores('gallery', '/gallery', text);
  } finally {
    await engine.close();
    await stopOwner(home);
    await rm(home, { recursive: true, force: true });
  }
}
