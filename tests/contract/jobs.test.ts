import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { openQueue } from '#engine/queue/bullmq.ts';
import { queueName } from '#engine/queue/queue.ts';
import { listAudit } from '#engine/store/audit.ts';
import { emitCatalog } from '#engine/store/events.ts';
import { claimJob, eraseJobs, insertJob, type Job, pendingJobs, requireJob, touchJob } from '#engine/store/jobs.ts';
import { decideProposal, requireProposal } from '#engine/store/proposals.ts';
import { addWebhook, listDeliveries, removeWebhook } from '#engine/store/webhooks.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { askTool, runTool } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { defineTool, waitInput } from '#mcps/kit/tool.ts';
import { workJobs } from '#mcps/kit/work-jobs.ts';
import { cancelJob } from '#mcps/screenalytics/tools/cancel-job.ts';
import { makeHome } from '../support/home.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { Receiver } from '../support/receiver.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { testConfig } from '../support/run.ts';

const SETUP_MS_MAX = 600_000;
const QUEUE = { concurrency: 1, idle_s: 600, lock_s: 600, busy_s: 60, attempts_max: 3 };

let server: PostgresServer | undefined;
afterAll(() => server?.stop());

/** What runs of `run_long` do, by their `how`. */
const begun: string[] = [];

const runLong = defineTool({
  name: 'run_long',
  title: 'Long',
  description: 'Waits until it is told to stop, or does what it is asked.',
  effect: 'write',
  errors: ['HOME_BUSY', 'MEDIA_NOT_FOUND'],
  example: { how: 'ends', name: 'a' },
  input: z.object({ how: z.enum(['ends', 'waits', 'busy', 'breaks']), name: z.string(), ...waitInput }),
  output: z.object({ name: z.string(), secret: z.string() }),
  long: {
    job: async ({ how, name }) => {
      if (name === 'nobody') throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file: name });
      return { episode: 'pilot', request: [how, name] };
    },
    result: ({ name }) => ({ name }),
  },
  run: async ({ how, name }, { signal, progress, by }) => {
    begun.push(`${name} by ${by.actor} from ${by.surface}`);
    progress({ phase: 'fetch', item: name, bytes_done: 1, bytes_total: 2 });
    if (how === 'breaks') throw new ScreenalyticsError('MEDIA_NOT_VIDEO', { file: name });
    if (how === 'busy' && begun.filter((each) => each.startsWith(name)).length === 1)
      throw new ScreenalyticsError('HOME_BUSY', { episode: 'pilot' });
    signal.throwIfAborted();
    if (how === 'waits')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    return { name, secret: 'is not kept' };
  },
});

/** No rule speaks of it, so a person is asked. */
const paintLong = defineTool({ ...runLong, name: 'paint_long' });
const tools: readonly AnyTool[] = [runLong, paintLong];

describe.each(['embedded', 'server', 'redis'] as const)('jobs with the queue on %s', (kind) => {
  const { home, remove } = makeHome();
  let redis: RedisServer | undefined;
  let engine: Engine | undefined;
  let profile = 'operator';
  let url: string | null = null;
  let leave: AbortController;
  let working: Promise<boolean>;
  /** Times of schedules that workers heard of. */
  const told: [string, number][] = [];

  const receiver = new Receiver();

  const opened = () => {
    const hosts = [{ host: receiver.host, reason: 'a receiver of this test' }];
    const webhooks = { hosts, backoff_first_ms: 5, look_ms: 20 };
    const over = { services: { queue: QUEUE, profile, webhooks } };
    const { config, origin } = testConfig(home, over);
    const place = { database_url: url, redis_url: redis?.url ?? null };
    return openEngine({ config: { ...config, ...place }, origin });
  };
  const startWorker = (on: Engine) => {
    leave = new AbortController();
    const duties = [
      { look: async () => false, due: async (id: string, at: Date) => void told.push([id, at.getTime()]) },
    ];
    working = workJobs({ engine: on, reopen: opened, tools, duties, signal: leave.signal });
  };
  const stopWorker = async () => {
    leave.abort();
    expect(await working).toBe(true);
  };

  beforeAll(async () => {
    if (kind !== 'embedded') server ??= startPostgres();
    if (kind === 'redis') redis = await startRedis();
    if ((kind === 'server' && server === undefined) || (kind === 'redis' && redis === undefined)) return;
    await receiver.listen();
    url = kind === 'embedded' ? null : (server?.createDatabase(`jobs_${kind}`) ?? null);
    engine = opened();
    startWorker(engine);
  }, SETUP_MS_MAX);
  afterAll(async () => {
    if (engine !== undefined) await stopWorker();
    await engine?.close();
    if (engine !== undefined) receiver.close();
    redis?.stop();
    await remove();
  }, SETUP_MS_MAX);

  /** What is about rows alone is the same wherever the queue is. */
  const ofRows = (name: string, run: (engine: Engine) => Promise<void>) =>
    kind === 'redis' ? undefined : contract(name, run);
  const contract = (name: string, run: (engine: Engine) => Promise<void>) =>
    test(name, async ({ skip }) => {
      if (engine === undefined) return skip('no such server here');
      await run(engine);
    });
  const callerOf = (on: Engine, over: Partial<Caller> = {}): Caller => ({
    ...{
      surface: 'mcp',
      jobs: 'by_default',
      actor: 'model',
      engine: on,
      signal: new AbortController().signal,
      ...over,
    },
  });
  const ask = (on: Engine, input: object, over: Partial<Caller> = {}, tool: AnyTool = runLong) =>
    askTool(tool, input, callerOf(on, over));
  const queued = async (...asked: Parameters<typeof ask>): Promise<string> => {
    const outcome = await ask(...asked);
    if (outcome.kind !== 'queued') throw new Error(`${outcome.kind} is not queued`);
    return outcome.job_id;
  };
  const state = async (on: Engine, job_id: string, wanted: Job['state']): Promise<Job> => {
    await expect.poll(async () => (await requireJob(await on.db(), job_id)).state).toBe(wanted);
    return requireJob(await on.db(), job_id);
  };
  const cancel = (on: Engine, job: string) => runTool(cancelJob, { job }, callerOf(on));

  contract('a call is a job that the worker does as whoever asked, and only its summary is kept', async (on) => {
    const job_id = await queued(on, { how: 'ends', name: `${kind} one` });
    const job = await state(on, job_id, 'succeeded');
    expect(job).toMatchObject({ attempts: 1, episode: 'pilot', result: { name: `${kind} one` }, error: null });
    expect(begun.at(-1)).toBe(`${kind} one by model from queue`);
    expect(await cancel(on, job_id)).toMatchObject({ state: 'succeeded', canceled: false });
    const rows = (await listAudit(await on.db(), 10)).filter(({ tool }) => tool === 'run_long');
    // Who asks and who does it write their rows at the same time.
    expect(rows.map(({ surface, outcome }) => `${surface} ${outcome}`).sort()).toEqual(['mcp queued', 'queue done']);
  });

  ofRows('JOB-06: who waits is answered, what is wrong is told at once, and what fails says how', async (on) => {
    const done = await ask(on, { how: 'ends', name: 'here', wait: true });
    expect(done).toMatchObject({ kind: 'done', output: { secret: 'is not kept' } });
    const nobody = ask(on, { how: 'ends', name: 'nobody' });
    await expect(nobody).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    const { error } = await state(on, await queued(on, { how: 'breaks', name: 'x' }), 'failed');
    expect(error).toMatchObject({ code: 'MEDIA_NOT_VIDEO', stage: 'fetch', retryable: false });
    const waited = await state(on, await queued(on, { how: 'busy', name: `${kind} busy` }), 'succeeded');
    expect(waited).toMatchObject({ attempts: 1, error: null });
  });

  contract('JOB-01: the same request while one waits or runs is that job; canceled, it stops soon', async (on) => {
    const first = await queued(on, { how: 'waits', name: 'a' });
    const second = await queued(on, { how: 'ends', name: 'b' });
    expect(await queued(on, { how: 'waits', name: 'a' }, { actor: 'other' })).toBe(first);
    await state(on, first, 'running');
    expect(await queued(on, { how: 'waits', name: 'a', wait: false })).toBe(first);
    const waiting = await cancel(on, second);
    expect(waiting).toMatchObject({ state: 'canceled', canceled: true });
    const asked = performance.now();
    expect(await cancel(on, first)).toMatchObject({ canceled: true });
    const third = await queued(on, { how: 'waits', name: 'a' });
    expect(third).not.toBe(first);
    const { error } = await state(on, first, 'canceled');
    expect(performance.now() - asked).toBeLessThan(60_000); // two seconds on a quiet machine
    expect(error).toMatchObject({ code: 'CANCELED', stage: 'fetch', retryable: true });
    await state(on, third, 'running');
    await cancel(on, third);
    await state(on, third, 'canceled');
    expect(begun).not.toContain('b by model from queue');
  });

  contract('what a webhook did not take comes again after its pause', async (on) => {
    const url = receiver.on('/', (response, nth) => response.writeHead(nth < 3 ? 503 : 200).end());
    const db = await on.db();
    const webhook_id = await addWebhook(db, { url, events: null, actor: 'test' });
    await db.write((q) => emitCatalog(q, 'show', 'created', { show: 'demo' }));
    const last = async () => (await listDeliveries(db, { webhook_id }, 1))[0];
    await expect.poll(last).toMatchObject({ state: 'delivered', attempts: 3 });
    expect(new Set(receiver.got.map(({ body }) => body)).size).toBe(1);
    await removeWebhook(db, webhook_id);
  });

  contract('what waits in the table alone is found, and a worker that leaves hands its job to the next', async (on) => {
    const job_id = await queued(on, { how: 'waits', name: 'c' });
    await state(on, job_id, 'running');
    await stopWorker();
    const db = await on.db();
    expect(await requireJob(db, job_id)).toMatchObject({ state: 'queued', pid: null, attempts: 1 });
    const about = { tool: 'run_long', actor: 'model', surface: 'mcp', policies: [], proposal_id: null } as const;
    const row = { ...about, queue: queueName(on.config.home), profiles: ['operator' as const], episode: 'pilot' };
    const lost = await insertJob(db, { ...row, input: { how: 'ends', name: 'd' }, request: 'd' });
    expect(lost.created).toBe(true);
    startWorker(on);
    await state(on, job_id, 'running');
    expect(await requireJob(db, job_id)).toMatchObject({ attempts: 2 });
    await cancel(on, job_id);
    await state(on, lost.job_id, 'succeeded');
  });

  ofRows('a policy that was tightened meanwhile is obeyed, and a stricter caller stays as strict', async (on) => {
    const first = await queued(on, { how: 'waits', name: 'e' });
    await state(on, first, 'running');
    const second = await queued(on, { how: 'ends', name: 'f' });
    profile = 'viewer';
    await cancel(on, first);
    expect((await state(on, second, 'failed')).error).toMatchObject({ code: 'POLICY_DENIED', retryable: false });
    profile = 'operator';
    const viewer = ask(on, { how: 'ends', name: 'g' }, { profile: 'viewer' });
    await expect(viewer).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    const third = await queued(on, { how: 'ends', name: 'h' }, { profile: 'curator' });
    expect(await state(on, third, 'succeeded')).toMatchObject({ profiles: ['operator', 'curator'] });
  });

  ofRows('what a person approved stays approved for exactly that input, also when its worker leaves', async (on) => {
    const db = await on.db();
    const input = { how: 'waits', name: 'i' };
    const asked = await ask(on, input, {}, paintLong);
    if (asked.kind !== 'proposed') throw new Error(asked.kind);
    const { proposal_id: approved } = asked;
    await expect(ask(on, input, { approved }, paintLong)).rejects.toMatchObject({ code: 'PROPOSAL_STALE' });
    expect(await decideProposal(db, { proposal_id: approved }, 'approved', 'a person')).toBe(true);
    const other = ask(on, { ...input, name: 'j' }, { approved }, paintLong);
    await expect(other).rejects.toMatchObject({ code: 'PROPOSAL_STALE' });
    const job_id = await queued(on, input, { approved }, paintLong);
    await state(on, job_id, 'running');
    await stopWorker();
    startWorker(on);
    expect(await state(on, job_id, 'running')).toMatchObject({ attempts: 2, proposal_id: approved });
    expect(await requireProposal(db, approved)).toMatchObject({ status: 'approved', started_at: expect.any(Date) });
    await cancel(on, job_id);
    await state(on, job_id, 'canceled');
    expect(await requireProposal(db, approved)).toMatchObject({ status: 'failed' });

    const yes = { confirm: async () => 'yes' as const };
    const said = await queued(on, { how: 'ends', name: 'k' }, yes, paintLong);
    const { proposal_id } = await state(on, said, 'succeeded');
    expect(await requireProposal(db, proposal_id ?? '')).toMatchObject({ status: 'done', decided_by: 'model' });
  });

  ofRows('rows are taken once, begun so often at most, and forget what is erased', async (on) => {
    const db = await on.db();
    const about = { queue: 'of-nobody', tool: 'run_long', surface: 'cli' as const, profiles: [], policies: [] };
    const make = (name: string) =>
      insertJob(db, { ...about, input: { name }, episode: null, actor: 'me', proposal_id: null, request: name });
    const who = { pid: 1, host: 'here', silent_s: 600 };
    const { job_id } = await make('Ada Quillfeather');
    expect(await claimJob(db, job_id, who)).toMatchObject({ state: 'running', attempts: 1 });
    expect(await claimJob(db, job_id, who)).toBeUndefined();
    expect(await touchJob(db, job_id, { phase: 'x', line: 'Ada Quillfeather' })).toBe(false);
    await db.write((q) => q.query(`update sa.job set seen_at = now() - interval '1 hour' where job_id = $1`, [job_id]));
    expect(await claimJob(db, job_id, who)).toMatchObject({ attempts: 2 });
    const untouched = await make('Ben');
    await db.write((q) => eraseJobs(q, 'quillfeather'));
    const erased = await requireJob(db, job_id);
    expect(erased).toMatchObject({ state: 'canceled', input: {}, progress: null, attempts: 2 });
    expect(await touchJob(db, job_id, undefined), 'its worker is told to stop').toBe(true);
    expect(await pendingJobs(db, 'of-nobody')).toEqual([untouched.job_id]);
    await expect(requireJob(db, 'job_0123456789ab')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  contract('each time of a schedule is told to one of two workers, until it is kept no longer', async (on) => {
    const second = openQueue(on.config, (error) => expect.unreachable(error.message));
    const due = async (id: string, at: Date) => void told.push([id, at.getTime()]);
    const other = await second.work(async () => 'again', { concurrency: 1, lock_s: 600, due });
    const every_second = { schedule_id: 'sched_0123456789ab', cron: '* * * * * *', timezone: 'Europe/Paris' };
    const queue = await on.queue();
    await queue.keep([every_second]);
    await queue.keep([every_second]);
    await expect.poll(() => told.length).toBeGreaterThan(1);
    await queue.keep([]);
    await other.close();
    await second.close();
    const times = told.map(([id, at]) => (id === every_second.schedule_id ? at : 0));
    expect(times.map((at) => at % 1000)).toEqual(times.map(() => 0));
    expect(new Set(times).size).toBe(times.length);
  });

  contract('a time that is far ahead keeps no job waiting', async (on) => {
    await on.db(); // the embedded one's owner has to live
    const queue = await on.queue();
    await queue.keep([{ schedule_id: 'sched_0123456789ab', cron: '0 0 1 1 *', timezone: 'UTC' }]);
    for (const name of ['o', 'p'])
      await state(on, await queued(on, { how: 'ends', name: `${kind} ${name}` }), 'succeeded');
    await queue.keep([]);
  });

  ofRows('workers that die over a job again and again end it', async (on) => {
    const blocking = await queued(on, { how: 'waits', name: 'l' });
    await state(on, blocking, 'running');
    const job_id = await queued(on, { how: 'ends', name: 'm' });
    const db = await on.db();
    await db.write((q) => q.query('update sa.job set attempts = $2 where job_id = $1', [job_id, QUEUE.attempts_max]));
    await cancel(on, blocking);
    expect((await state(on, job_id, 'failed')).error).toMatchObject({ code: 'JOB_LOST' });
  });
});

test('a queue that does not answer keeps nobody: the row is there, and it is said', async () => {
  const redis_url = 'redis://:secret@127.0.0.1:1/0';
  const queue = openQueue({ home: '/nowhere', database_url: null, redis_url }, () => undefined);
  const failed = await queue.add('job_0123456789ab').then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
  expect(JSON.stringify(failed)).not.toContain('secret');
  await queue.close();
  const wrong = { home: '/nowhere', database_url: null, redis_url: 'http://somewhere' };
  expect(() => openQueue(wrong, () => undefined)).toThrow(expect.objectContaining({ code: 'QUEUE_UNAVAILABLE' }));
});
