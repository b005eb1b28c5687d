import { access, constants, stat, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { erasureKeys } from '#engine/blobs/layout.ts';
import { report, ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';
import { openErasures } from '#engine/erasure/erasures.ts';
import { listErasures } from '#engine/erasure/ledger.ts';
import { ffmpegVersion } from '#engine/media/ffmpeg.ts';
import { availableProviders, openSession } from '#engine/models/session.ts';
import { queueName } from '#engine/queue/queue.ts';
import { workerPid } from '#engine/queue/worker-process.ts';
import { type OutOfStep, outOfStep } from '#engine/run/in-step.ts';
import { listJobRows } from '#engine/store/jobs.ts';
import { peoplePastRetention } from '#engine/store/people.ts';
import { listSchedules } from '#engine/store/schedules.ts';
import { banner, hostOf } from '#mcps/kit/banner.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { leaves } from '../leaves.ts';

const Check = z.object({
  name: z.string(),
  /** A warning slows or limits; what is missing stops a run. */
  state: z.enum(['ok', 'warning', 'missing']),
  found: z.string(),
  /** How to mend it. */
  mend: z.string().nullable(),
});
type Check = z.output<typeof Check>;

/** Room that an episode's crops, thumbnails and manifests may need, and memory that a run may take. */
const DISK_BYTES_MIN = 2e9;
const MEMORY_BYTES_MIN = 2e9;
const NODE_MIN = 24;

export const checkHealth = defineTool({
  name: 'check_health',
  title: 'Check this machine',
  description:
    'Checks Node, ffmpeg, models and their licences, device, database, disk, memory, and that files and names are in step with rows; says what is wrong and how to mend it. `config` adds every configuration value with its origin.',
  effect: 'read',
  errors: [],
  example: {},
  input: z.object({
    config: z.boolean().default(false).describe('Also list every configuration value and where it came from'),
  }),
  output: z.object({
    ok: z.boolean(),
    checks: z.array(Check),
    config: z.array(z.object({ key: z.string(), value: z.string(), origin: z.string() })),
  }),
  run: async ({ config }, { engine }) => {
    const checks = [
      ok('screenalytics', banner(engine.config)),
      node(),
      await attempt('ffmpeg', async () => ok('ffmpeg', await ffmpegVersion())),
      ...(await models(engine)),
      await attempt('device', () => device(engine)),
      await attempt('database', () => database(engine)),
      await attempt('queue', () => queue(engine)),
      ...(await schedules(engine)),
      await attempt('storage', () => storage(engine.config.home)),
      await attempt('disk', () => disk(engine.config.home)),
      memory(),
      await attempt('retention', () => retention(engine)),
      ...(await inStep(engine)),
      await attempt('erasures', () => erasures(engine)),
    ];
    return {
      ok: checks.every(({ state }) => state !== 'missing'),
      checks,
      config: config ? effectiveConfig(engine) : [],
    };
  },
});

function ok(name: string, found: string): Check {
  return { name, state: 'ok', found, mend: null };
}

/** A check that throws is one thing that is missing, and the others still answer. */
async function attempt(name: string, check: () => Promise<Check>): Promise<Check> {
  try {
    return await check();
  } catch (error) {
    const { message, hint } = report(error);
    return { name, state: 'missing', found: message, mend: hint };
  }
}

/** A run needs one detector and one embedder that may be loaded; the rest is choice. */
async function models({ models, config }: EngineReader): Promise<Check[]> {
  const all = await models.list();
  const wanted = { detect: config.detection, embed: config.recognition };
  const asked = { detect: config.detection.detector, embed: config.recognition.embedder };
  return (['detect', 'embed'] as const).map((task) => {
    const ids = asked[task] === 'auto' ? wanted[task].order : [asked[task]];
    const known = all.filter(({ id }) => ids.includes(id));
    const usable = known.filter(({ state, accepted }) => state === 'ready' && accepted);
    const name = `models to ${task}`;
    if (usable.length > 0) return ok(name, usable.map(({ id, licence }) => `${id} (${licence})`).join(', '));
    const found = known
      .map(({ id, state, accepted }) => `${id}: ${accepted ? state : 'licence not accepted'}`)
      .join(', ');
    return {
      name,
      state: 'missing',
      found: found || `none of ${ids.join(', ')}`,
      mend: 'screenalytics models prepare',
    };
  });
}

/** What a build offers says little: the first model that is here is really opened. */
async function device({ models, config }: EngineReader): Promise<Check> {
  const asked = config.services.device;
  const here = (await models.list()).find(
    ({ family, state, accepted }) => family !== 'joint' && state === 'ready' && accepted,
  );
  const model = here && (await models.resolve(here.id));
  if (model === undefined || 'parts' in model)
    return ok('device', `${asked} will try ${availableProviders(asked).join(', then ')}`);
  const session = await openSession(model.path, asked);
  await session.close();
  return ok('device', `${asked} runs on ${session.provider}`);
}

async function database(engine: EngineReader): Promise<Check> {
  const db = await engine.db();
  const rows = await db.read((q) => q.query<{ version: string }>('show server_version'));
  return ok('database', `${db.kind}, PostgreSQL ${Object.values(rows[0] ?? {}).join('')}`);
}

/** Jobs are rows in any case; with Redis they are passed on there. */
async function queue({ config, db }: EngineReader): Promise<Check> {
  const { redis_url, home } = config;
  if (redis_url !== null && !(await answersAt(redis_url))) throw new ScreenalyticsError('QUEUE_UNAVAILABLE');
  const opened = await db();
  const [waiting, running] = [
    await listJobRows(opened, { state: 'queued' }, JOBS_MAX),
    await listJobRows(opened, { state: 'running' }, JOBS_MAX),
  ];
  const where = redis_url === null ? 'in the database' : `in Redis on ${hostOf(redis_url)}`;
  const worker = lives(workerPid(home)) ? 'a worker is there' : 'a worker starts with the next job';
  return ok('queue', `${where}: ${waiting.length} jobs wait, ${running.length} run; ${worker}`);
}

/** Playbooks that an owner wants run at certain times. Nothing is said where there are none. */
async function schedules(engine: EngineReader): Promise<Check[]> {
  const rows = await engine
    .db()
    .then((db) => listSchedules(db, queueName(engine.config.home)))
    .catch(() => []); // without a database, which is told above
  if (rows.length === 0) return [];
  const works = lives(workerPid(engine.config.home));
  const wrong = rows.flatMap(({ playbook, problem, job_state, job_error, next_at }) => {
    const error = problem ?? (job_state === 'failed' ? job_error : null);
    const late = Date.now() - next_at.getTime() > LATE_MS && !works;
    return [
      ...(error === null ? [] : [`${playbook}: ${error.code}`]),
      ...(late ? [`${playbook}: nobody worked at ${next_at.toISOString()}`] : []),
    ];
  });
  const [next] = rows.map(({ next_at }) => next_at.toISOString()).sort();
  const found = `${rows.length} scheduled, the next at ${next}; ${works ? 'a worker is there' : 'no worker is there'}`;
  if (wrong.length === 0 && works) return [ok('schedules', found)];
  const mend = wrong.length === 0 || !works ? 'screenalytics work' : 'screenalytics playbook list says what is wrong';
  return [{ name: 'schedules', state: 'warning', found: [found, ...wrong].join('; '), mend }];
}
/** A worker that lives is never so late. */
const LATE_MS = 60_000;

function lives(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** More are not counted. */
const JOBS_MAX = 100;

/** Whether anything listens there: who may ask it is the queue's to find out. */
function answersAt(url: string): Promise<boolean> {
  const parsed = URL.parse(url);
  if (parsed === null) return Promise.resolve(false);
  const socket = connect({ host: parsed.hostname || 'localhost', port: Number(parsed.port || REDIS_PORT) });
  return new Promise((resolve) => {
    const end = (answers: boolean) => () => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(CONNECT_MS_MAX, end(false)).once('connect', end(true)).once('error', end(false));
  });
}
const REDIS_PORT = 6379;
const CONNECT_MS_MAX = 2_000;

/** Files can be made where they will lie. */
async function storage(home: string): Promise<Check> {
  const folder = await nearestFolder(home);
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (writable) return ok('storage', `local, ${home}`);
  return {
    name: 'storage',
    state: 'missing',
    found: `${folder} cannot be written to`,
    mend: 'Let this user write there, or set SCREENALYTICS_HOME to another folder.',
  };
}

/** People's data is kept no longer than was promised. */
async function retention(engine: EngineReader): Promise<Check> {
  const past = await peoplePastRetention(await engine.db(), new Date().toISOString().slice(0, 10));
  if (past.length === 0) return ok('retention', "nobody's last day has passed");
  const found = past.map(({ name, retain_until }) => `${name} (${retain_until})`).join(', ');
  return { name: 'retention', state: 'warning', found, mend: 'Erase them: screenalytics forget <person>' };
}

/** What was erased is not back: those that could be done again were, before this call. */
async function erasures(engine: EngineReader): Promise<Check> {
  const [open, { damaged }] = [await openErasures(engine), await listErasures(engine.blobs)];
  const again = open.flatMap(({ people }) => people.map(({ person_id }) => person_id));
  const unfinished = (await engine.blobs.list(erasureKeys.unfinished)).length;
  if (again.length + damaged + unfinished === 0) return ok('erasures', 'nobody who was erased is there');
  const found = [
    ...(again.length > 0 ? [`erased people are back: ${again.join(', ')}`] : []),
    ...(unfinished > 0 ? [`${unfinished} not finished, because a run is under way`] : []),
    ...(damaged > 0 ? [`${damaged} lines of ${erasureKeys.list} cannot be read`] : []),
  ];
  const mend = 'When no run is under way, call again; who is one with somebody else here: screenalytics forget <id>';
  return { name: 'erasures', state: 'warning', found: found.join('; '), mend };
}

/** Files and names that a process which was killed amid a change left behind (MOD-11). */
async function inStep(engine: EngineReader): Promise<Check[]> {
  let found: OutOfStep[];
  try {
    found = await outOfStep(engine);
  } catch {
    return []; // without a database, which is told above
  }
  return (['files', 'names'] as const).map((what) => {
    const own = found.filter((each) => each.what === what);
    if (own.length === 0) return ok(what, IN_STEP[what]);
    const [first] = own;
    const more = own.length > NAMED_MAX ? [`and ${own.length - NAMED_MAX} more`] : [];
    const words = [...own.slice(0, NAMED_MAX).map(({ ep_id, why }) => `${ep_id}: ${why}`), ...more].join('; ');
    const again = `Run it again: screenalytics run episode ${first?.ep_id}`;
    const mend = own.some(({ mendable }) => mendable) ? 'screenalytics mend' : again;
    return { name: what, state: 'warning', found: words, mend };
  });
}
const IN_STEP = {
  files: 'those of every episode are those of its rows',
  names: 'every episode knows of the newest seeds and decisions',
};
/** Episodes told of by name. */
const NAMED_MAX = 5;

function node(): Check {
  const { version, platform, arch } = process;
  const found = `${version} on ${platform} ${arch}`;
  if (Number.parseInt(version.slice(1), 10) >= NODE_MIN) return ok('node', found);
  return { name: 'node', state: 'missing', found, mend: `Use Node ${NODE_MIN} or newer: npm ci brings one.` };
}

async function disk(home: string): Promise<Check> {
  const { bavail, bsize } = await statfs(await nearestFolder(home));
  const free = bavail * bsize;
  const found = `${gigabytes(free)} free at ${home}`;
  if (free >= DISK_BYTES_MIN) return ok('disk', found);
  return { name: 'disk', state: 'warning', found, mend: 'Free some space, or set SCREENALYTICS_HOME to another disk.' };
}

async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const there = await stat(folder).catch(() => undefined);
    if (there?.isDirectory() || folder === dirname(folder)) return folder;
  }
}

function memory(): Check {
  const found = `${gigabytes(totalmem())}, ${gigabytes(freemem())} free, ${availableParallelism()} cores`;
  if (totalmem() >= MEMORY_BYTES_MIN) return ok('memory', found);
  return { name: 'memory', state: 'warning', found, mend: 'Use --profile fast and --workers 1.' };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Every leaf of the configuration; what could open a door is not shown. */
function effectiveConfig({ config, origin }: EngineReader): { key: string; value: string; origin: string }[] {
  const secret = new Set(['database_url', 'analytics_url', 'redis_url']);
  return leaves(config).map(([key, value]) => ({
    key,
    value: secret.has(key) && value !== null ? '[hidden]' : JSON.stringify(value),
    origin: origin.get(key) ?? 'config',
  }));
}
