import { expect, test } from 'vitest';
import { snapshot } from '#engine/core/progress.ts';
import { openEngine } from '#engine/engine.ts';
import type { Job } from '#engine/store/jobs.ts';
import { jobRow, progressOf } from '#mcps/screenalytics/job-rows.ts';
import { temporaryHome } from '../support/home.ts';
import { testConfig } from '../support/run.ts';

const engine = openEngine(testConfig(temporaryHome()));
const facts = { episode: 'pilot', fps_detected: 25, analyzed_fps: 10, device: 'cpu', detector: 'd', tracker: 't' };
const sweep = snapshot({ ...facts, phase: 'sweep', frames_done: 100, frames_total: 600, elapsed_sec: 4 });
const queued: Job = {
  ...{
    job_id: 'job_0123456789ab',
    tool: 'run_stage',
    input: {},
    episode: 'pilot',
    actor: 'me',
    profiles: ['operator'],
  },
  ...{ policies: [], proposal_id: null, state: 'queued', cancel_requested: false, attempts: 0, pid: null, host: null },
  ...{
    progress: null,
    result: null,
    error: null,
    queued_at: new Date(),
    started_at: null,
    seen_at: null,
    ended_at: null,
  },
};
const running: Job = { ...queued, state: 'running', attempts: 1, progress: sweep, seen_at: new Date() };
const lost = { code: 'JOB_LOST', stage: 'sweep', message: 'm', hint: 'h', retryable: true };
const lineOf = async (job: Job) => (await jobRow(engine, job)).line;

test('JOB-14: the line says time done of the whole, phase, detector, tracker, device and rate', async () => {
  expect(await lineOf(running)).toBe('00:10 / 01:00 • sweep • d • t • cpu • 25.0 fps');
  expect(await lineOf(queued)).toMatch(/^00:00 \/ 00:00 • queued • /);
  const fetching = { phase: 'fetch', item: 'weights', bytes_done: 1, bytes_total: 2 };
  expect(await lineOf({ ...running, progress: fetching })).toMatch(/ • running • .* • fetch weights$/);
});

test('a job whose process died says so: silent while nobody has taken it up, and how it ended', async () => {
  const silent = { ...running, seen_at: new Date(Date.now() - 90_000) };
  expect(await jobRow(engine, silent)).toMatchObject({
    silent_s: 90,
    line: expect.stringContaining('screenalytics work'),
  });
  expect(await jobRow(engine, running)).toMatchObject({ silent_s: null });
  const failed: Job = { ...running, state: 'failed', error: lost, ended_at: new Date() };
  expect(progressOf(failed)).toMatchObject({ phase: 'failed', frames_done: 100 });
  expect(await lineOf(failed)).toBe('00:10 / 01:00 • failed • d • t • cpu • 25.0 fps • JOB_LOST');
  expect(progressOf({ ...queued, state: 'succeeded' })).toMatchObject({ phase: 'done' });
});
