// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of playbooks look so
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireRunnable } from '#agents/playbook/require-runnable.ts';
import { runPlaybookJobs } from '#agents/playbook/run-job.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { latestWithin, nextAfter } from '#engine/queue/cron.ts';
import { queueName } from '#engine/queue/queue.ts';
import { stopWorker } from '#engine/queue/worker-process.ts';
import { listAudit } from '#engine/store/audit.ts';
import { claimJob, type Job, listJobRows, requestCancel, requireJob } from '#engine/store/jobs.ts';
import { eraseSchedules, listSchedules, removeSchedule, type Schedule, saveSchedule } from '#engine/store/schedules.ts';
import { PLAYBOOK_JOB, scheduleDuty } from '#mcps/kit/schedules.ts';
import { openTranscript, readTranscript } from '#mcps/kit/transcript.ts';
import { workJob } from '#mcps/kit/work-job.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { findCommand } from '../../cli/commands.ts';
import { commands } from '../../cli/everything.ts';
import { readFlags } from '../../cli/flags.ts';
import { playbookTools } from '../../cli/playbook.ts';
import { asker } from '../support/ask.ts';
import { makeHome } from '../support/home.ts';
import { testConfig } from '../support/run.ts';

// One home with a playbook of its owner's that is scheduled. No clock is waited for: a time that has come is one that stands in the past.
const HOUR_MS = 3_600_000;
const { home, remove } = makeHome();
const file = join(home, 'nightly.yaml');
const QUEUE = { concurrency: 1, idle_s: 60, lock_s: 600, busy_s: 60, attempts_max: 5 };
const opened = () => openEngine(testConfig(home, { services: { queue: QUEUE } }));
let engine: Engine;

const NIGHTLY = {
  name: 'nightly',
  title: 'Nightly',
  description: 'For a test.',
  schedule: { cron: '0 3 * * *', timezone: 'Europe/Paris', inputs: { words: 'as the file says' } },
  inputs: {
    words: { type: 'string', description: 'x' },
    limit: { type: 'integer', description: 'x', default: 1 },
  },
  steps: [
    {
      id: 'find',
      call: 'search_catalog',
      with: { kind: 'episodes', query: '${inputs.words}', limit: '${inputs.limit}' },
    },
    { id: 'name', call: 'save_catalog', with: { kind: 'show', show: 'made', title: 'Made' } },
  ],
};
const write = (over: object = {}) => writeFileSync(file, JSON.stringify({ ...NIGHTLY, ...over })); // JSON is YAML

beforeAll(() => {
  write();
  engine = opened();
});
afterAll(async () => {
  await engine?.close();
  await remove();
});

const quiet = () => new AbortController().signal;
const answer = async (...argv: string[]) => {
  const command = findCommand(commands, argv);
  const read = command && readFlags(command, argv.slice(command.words.length), () => undefined);
  if (read === undefined || 'help' in read) throw new Error(argv.join(' '));
  return command?.run(read.input, { engine, signal: quiet(), progress: () => undefined });
};
const row = async (): Promise<Schedule> => {
  const [found] = await listSchedules(await engine.db(), queueName(home));
  if (found === undefined) throw new Error('nothing is scheduled');
  return found;
};
/** As if nobody had worked since then. */
const since = async (at: Date, over: Partial<Pick<Schedule, 'missed' | 'within_s'>> = {}) => {
  const { missed, within_s } = { ...(await row()), ...over };
  const sql = 'update sa.schedule set next_at = $1, missed = $2, within_s = $3';
  await (await engine.db()).write((q) => q.query(sql, [at, missed, within_s]));
};
const lastNight = async (): Promise<Date> => {
  const found = await latestWithin(NIGHTLY.schedule, new Date(Date.now() - 48 * HOUR_MS), new Date());
  if (found === undefined) throw new Error('no night');
  return found;
};
const duty = () => scheduleDuty(engine, requireRunnable(playbookTools));
const look = async () => duty().look(await engine.queue());
const jobs = async () => (await listJobRows(await engine.db(), {}, 50)).filter(({ tool }) => tool === PLAYBOOK_JOB);
const working = () => {
  const others = { [PLAYBOOK_JOB]: runPlaybookJobs({ tools: playbookTools }) };
  return { engine, reopen: opened, tools: playbookTools, others, signal: quiet() };
};
const waiting = async (): Promise<Job> => {
  const [job] = (await jobs()).filter(({ state }) => state === 'queued');
  if (job === undefined) throw new Error('no job waits');
  return job;
};

test('an owner schedules a playbook of theirs; what does not fit is told with its field', async () => {
  const wrong = { schedule: { cron: '0 25 * * *', timezone: 'Mars/Base', inputs: { limit: 'many', other: 1 } } };
  for (const [schedule, where] of [
    [wrong.schedule, ['schedule.timezone', 'schedule.inputs.other', 'schedule.inputs.limit']],
    [{ ...wrong.schedule, timezone: 'UTC', inputs: {} }, ['schedule.cron']],
    ['* * * *', ['schedule.cron']],
    ['0 0 31 2 *', ['schedule.cron']],
    ['H 3 * * *', ['schedule.cron']],
    [{ cron: '0 3 * * *', missed: 'twice' }, ['schedule.missed']],
  ] as const) {
    write({ schedule });
    const problems = where.map((each) => expect.objectContaining({ where: each }));
    const checked = await answer('playbook', 'check', file);
    expect(checked).toMatchObject({ ok: false, output: { playbooks: [{ playbook: file, problems }] } });
  }
  write();
  await expect(answer('playbook', 'schedule', file, '--cron', '0 3 * *')).rejects.toMatchObject({
    details: { fields: [{ field: 'cron', problem: expect.stringContaining('five fields') }] },
  });
  await expect(answer('playbook', 'schedule', 'season-report')).rejects.toMatchObject({
    details: { fields: [{ field: 'cron', problem: expect.stringContaining('is needed') }] },
  });
  await expect(answer('playbook', 'schedule', 'season-report', '--cron', '0 3 * * *')).rejects.toMatchObject({
    details: { fields: [{ field: 'show' }, { field: 'season' }] },
  });
  const kept = await answer('playbook', 'schedule', file, '--input', 'limit=2', '--within-h', '6');
  const next = await nextAfter(NIGHTLY.schedule, new Date());
  expect(kept?.output).toMatchObject({
    ...{ playbook: 'nightly', source: file, cron: '0 3 * * *', timezone: 'Europe/Paris', next_at: next.toISOString() },
    ...{ inputs: { words: 'as the file says', limit: 2 }, missed: 'run_once', within_s: 6 * 3600 },
  });
});

test('what has come is run once, whoever hears of it, under `scheduled`, and leaves its transcript', async () => {
  const at = await lastNight();
  await since(at, { within_s: 48 * 3600 });
  const { schedule_id } = await row();
  // Two who were told, two who look at the table, and the worker that `playbook schedule` began, all at one moment.
  await Promise.all([duty().due?.(schedule_id, at), duty().due?.(schedule_id, at), look(), look()]);
  expect(await jobs()).toMatchObject([
    { actor: 'playbook nightly', profiles: ['operator', 'scheduled'], input: { at: at.toISOString() } },
  ]);
  expect(await row()).toMatchObject({ last_at: at, last_what: 'asked' });
  const [{ job_id = '' } = {}] = await jobs();
  await expect.poll(async () => (await requireJob(await engine.db(), job_id)).state).toBe('succeeded');
  await stopWorker(home);
  const { result } = await requireJob(await engine.db(), job_id);
  const { lines } = await readTranscript(engine, String(result?.transcript));
  expect(lines).toMatchObject([
    {
      kind: 'started',
      playbook: 'nightly',
      profile: 'operator+scheduled',
      inputs: { words: 'as the file says', limit: 2 },
    },
    { step: 'find', outcome: 'done' },
    { step: 'name', outcome: expect.any(String) },
    { kind: 'ended', status: 'done' },
  ]);
  const asked = (await listAudit(await engine.db(), 10)).filter(({ tool }) => tool === 'save_catalog');
  expect(asked).toMatchObject([{ actor: 'playbook nightly', surface: 'agent', profile: 'operator+scheduled' }]);
  const listed = await answer('playbook', 'list');
  expect(listed).toMatchObject({
    ok: true,
    output: { schedules: [{ last: 'succeeded', transcript: result?.transcript }] },
  });
  expect(listed?.text({ rules: false })).toMatch(/^nightly +0 3 \* \* \* Europe\/Paris .*succeeded/m);
});

test('one that is still under way is not begun a second time; told to stop, it stops, and says so', async () => {
  await since(new Date(Date.now() - 1000));
  await duty().due?.((await row()).schedule_id, await nextAfter(NIGHTLY.schedule, new Date()));
  const job = await waiting();
  const before = (await jobs()).length;
  await since(new Date(Date.now() - HOUR_MS), { within_s: 24 * 3600 });
  await duty().due?.((await row()).schedule_id, await nextAfter(NIGHTLY.schedule, new Date()));
  expect([(await jobs()).length, (await row()).last_what, (await row()).job_id]).toEqual([
    before,
    'overlapped',
    job.job_id,
  ]);
  await requestCancel(await engine.db(), job.job_id);
  expect(await workJob(working(), job.job_id)).toBe('ended');
  expect(await requireJob(await engine.db(), job.job_id)).toMatchObject({ state: 'canceled' });
});

test('times that nobody worked at: one run for all of them, none where it is too late, none where that is not wanted', async () => {
  const [now, last] = [new Date(), await lastNight()];
  const late_s = Math.ceil((now.getTime() - last.getTime()) / 1000);
  const week = new Date(now.getTime() - 7 * 24 * HOUR_MS);
  const before = (await jobs()).length;
  for (const over of [
    { missed: 'skip', within_s: 24 * 3600 },
    { missed: 'run_once', within_s: late_s - 60 },
  ] as const) {
    if (over.within_s <= 60 || (over.missed === 'skip' && late_s <= 61)) continue; // it is three o'clock in Paris just now
    await since(week, over);
    expect(await look()).toBe(true);
    expect([(await jobs()).length, (await row()).last_what]).toEqual([before, 'missed']);
    expect((await row()).next_at.getTime()).toBeGreaterThan(now.getTime());
  }
  await since(week, { missed: 'run_once', within_s: late_s + 600 });
  await look();
  await look();
  expect((await jobs()).length).toBe(before + 1);
  expect((await waiting()).input).toMatchObject({ at: last.toISOString() });
});

test('a killed run is over where it stopped: failed, with its transcript, and not begun again', async () => {
  const db = await engine.db();
  const { job_id } = await waiting();
  const job = await claimJob(db, job_id, { pid: 1, host: 'gone', silent_s: 60 });
  const time = job?.started_at?.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const transcript = await openTranscript(engine, 'nightly', `${time}-${job_id.slice(-6)}`);
  const about = { at: 'x', playbook: 'nightly', version: 'x', profile: 'scheduled', inputs: {} };
  await transcript.add({ kind: 'started', ...about });
  await db.write((q) => q.query(`update sa.job set seen_at = now() - interval '1 hour' where job_id = $1`, [job_id]));
  const audited = (await listAudit(db, 50)).length;

  expect(await workJob(working(), job_id)).toBe('ended');
  const ended = await requireJob(db, job_id);
  expect(ended).toMatchObject({ state: 'failed', attempts: 2, error: { code: 'PLAYBOOK_CUT_OFF' } });
  expect(ended.result).toMatchObject({ transcript: transcript.id });
  expect((await readTranscript(engine, transcript.id)).lines.at(-1)).toMatchObject({ kind: 'ended', status: 'failed' });
  expect((await listAudit(db, 50)).length, 'no call was made again').toBe(audited);
  expect(await answer('playbook', 'list')).toMatchObject({ ok: false, output: { schedules: [{ last: 'failed' }] } });
});

test('a playbook that is gone, or sound no longer, is told of at once and fails where everybody sees it', async () => {
  const ask = asker(() => engine);
  const health = async () => (await ask(checkHealth, {})).checks.find(({ name }) => name === 'schedules');
  renameSync(file, `${file}.away`);
  const listed = await answer('playbook', 'list');
  expect(listed).toMatchObject({ ok: false, output: { schedules: [{ problems: [{ where: file }] }] } });
  await look();
  expect(await row()).toMatchObject({ problem: { code: 'PLAYBOOK_NOT_FOUND' } });
  expect(await health()).toMatchObject({ state: 'warning', found: expect.stringContaining('PLAYBOOK_NOT_FOUND') });
  await since(new Date(Date.now() - 1000));
  await duty().due?.((await row()).schedule_id, await nextAfter(NIGHTLY.schedule, new Date()));
  const { job_id } = await waiting();
  await workJob(working(), job_id);
  const { error, state } = await requireJob(await engine.db(), job_id);
  expect([state, error?.code]).toEqual(['failed', 'PLAYBOOK_NOT_FOUND']);

  write({ steps: [{ id: 'find', call: 'no_such_tool' }] });
  await look();
  expect(await row()).toMatchObject({
    problem: { code: 'PLAYBOOK_INVALID', message: expect.stringContaining('no_such_tool') },
  });
  write();
  await look();
  expect(await row()).toMatchObject({ problem: null });
  await since(new Date(Date.now() - HOUR_MS));
  expect(await health()).toMatchObject({
    found: expect.stringContaining('nobody worked at'),
    mend: 'screenalytics work',
  });
  rmSync(`${file}.away`);
});

test('one whose times cannot be read any more is in no other’s way; of every minute of a week the last is found', async () => {
  const db = await engine.db();
  const { schedule_id: _, ...own } = await row();
  await saveSchedule(db, { ...own, cron: 'no cron at all', playbook: 'a-broken-one' });
  await since(await lastNight(), { missed: 'run_once', within_s: (48 * HOUR_MS) / 1000 });
  const before = (await jobs()).length;
  expect(await look()).toBe(true);
  expect((await jobs()).map(({ actor }) => actor).slice(0, -before)).toEqual(['playbook nightly']);
  await removeSchedule(db, queueName(home), 'a-broken-one');

  const from = new Date('2030-01-01T00:00:00Z');
  const until = new Date(from.getTime() + 168 * HOUR_MS);
  expect(await latestWithin({ cron: '* * * * *', timezone: 'UTC' }, from, until)).toEqual(until);
});

test('whom it names is erased: it is not run any more, and says why; it can be given up', async () => {
  const db = await engine.db();
  await db.write((q) => eraseSchedules(q, 'as the file'));
  expect(await row()).toMatchObject({ erased: true, inputs: {}, problem: { code: 'INPUT_INVALID' } });
  const before = (await jobs()).length;
  await since(await lastNight(), { missed: 'run_once', within_s: (48 * HOUR_MS) / 1000 });
  expect(await look()).toBe(false);
  expect((await jobs()).length).toBe(before);
  expect(await answer('playbook', 'list')).toMatchObject({ ok: false, output: { schedules: [{ next_at: null }] } });
  expect(await answer('playbook', 'unschedule', file)).toMatchObject({ ok: true });
  await expect(answer('playbook', 'unschedule', 'nightly')).rejects.toMatchObject({ code: 'PLAYBOOK_NOT_FOUND' });
  expect(readFileSync(file, 'utf8')).toContain('nightly');
});
