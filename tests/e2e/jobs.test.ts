import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { z } from 'zod';
import { loadConfig, projectRoot } from '#config/load.ts';
import { EventBody } from '#engine/core/events.ts';
import { Progress } from '#engine/core/progress.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { ensureWorker, isAlive, workerPid } from '#engine/queue/worker-process.ts';
import { addWebhook } from '#engine/store/webhooks.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import type { HttpServed } from '#mcps/kit/serve-http.ts';
import { face } from '#mcps/screenalytics/server.ts';
import { cancelJob } from '#mcps/screenalytics/tools/cancel-job.ts';
import { getJob } from '#mcps/screenalytics/tools/get-job.ts';
import { makeHome } from '../support/home.ts';
import { openOld } from '../support/mcp-clients.ts';
import { Receiver } from '../support/receiver.ts';
import { serveOffer } from '../support/serve-offer.ts';
import { shortClip } from '../support/videos.ts';

const TEST_MS_MAX = 240_000;
const { home, remove } = makeHome();
const file = join(home, 'test-config.yaml');
const stop = new AbortController();
const receiver = new Receiver();
let [clip, engine, http]: [string, Engine, HttpServed] = ['', undefined as never, undefined as never];

/** As every process of the home reads it; the worker for each job anew. */
function configure(fps: number): void {
  const hosts = [{ host: receiver.host, reason: 'a receiver of this test' }];
  const made = join(projectRoot, '.screenalytics', 'models');
  const queue = { concurrency: 1, idle_s: 60, lock_s: 2, busy_s: 60, attempts_max: 5 };
  const config = {
    sampling: { fps, checkpoint_s: 0.5 },
    services: { device: 'cpu', workers: 1, log: 'error', queue, webhooks: { hosts, look_ms: 50 } },
    ...(existsSync(made) && { models: { mirror: made } }),
  };
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
}

beforeAll(async () => {
  await receiver.listen();
  configure(10);
  // The worker is a process of its own and reads what everybody reads.
  vi.stubEnv('SCREENALYTICS_HOME', home);
  vi.stubEnv('SCREENALYTICS_CONFIG', file);
  clip = await shortClip();
  engine = openEngine(loadConfig(process.env));
  const events = ['job.succeeded', 'job.canceled', 'qa.ready'] as const;
  await addWebhook(await engine.db(), { url: `http://${receiver.host}/jobs`, events, actor: 'test' });
  const asker = () => ({ surface: 'mcp' as const, jobs: 'by_default' as const, run_limits: new Map<string, number>() });
  http = await serveOffer(offer(face, engine, stop.signal), {}, asker);
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await http.close();
  await engine.close();
  await remove();
  receiver.close();
  vi.unstubAllEnvs();
}, TEST_MS_MAX);

type Row = z.output<typeof getJob.output>['jobs'][number];
const caller = () => ({ surface: 'mcp' as const, engine, signal: stop.signal });
const look = async (job: string) => {
  const { jobs, progress } = await runTool(getJob, { job }, caller());
  return { ...(jobs[0] as Row), progress };
};
const until = async (job: string, is: (row: Awaited<ReturnType<typeof look>>) => boolean) => {
  await expect.poll(async () => is(await look(job)), { interval: 50 }).toBe(true);
  return look(job);
};
/** What the worker told the receiver of this kind, once there is something. */
const told = async (type: string, job: string | undefined) => {
  const heard = () =>
    receiver.got
      .map(({ body }) => EventBody.parse(JSON.parse(body)))
      .filter((event) => event.type === type && event.data.job_id === job);
  await expect.poll(heard).not.toEqual([]);
  return heard()[0]?.data;
};
const post = async (path: string, body: object = {}) => {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${http.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const get = async (path: string) => (await (await fetch(`${http.url}${path}`)).json()) as Record<string, unknown>;

test(
  'AGT-01, JOB-16, JOB-19: a run over MCP answers at once; the client leaves, its worker is killed, and the next one ends it',
  async () => {
    const args = [join(projectRoot, 'bin/screenalytics.mjs'), 'mcp', 'screenalytics'];
    const env = { SCREENALYTICS_HOME: home, SCREENALYTICS_CONFIG: file };
    const client = await openOld({ command: process.execPath, args, env });
    await client.call('get_job', {});
    const asked = performance.now();
    const { structuredContent } = await client.call('run_stage', { source: clip, episode: 'clip' });
    const answered_ms = performance.now() - asked;
    expect(structuredContent).toEqual({ status: 'queued', job_id: expect.stringMatching(/^job_[0-9a-f]{12}$/) });
    const job = String(structuredContent?.job_id);
    const again = await client.call('run_stage', { source: clip, episode: 'clip' });
    expect(again.structuredContent).toEqual({ status: 'queued', job_id: job });
    await client.close();

    const sweeping = await until(job, ({ progress }) => progress?.phase === 'sweep' && progress.frames_done > 10);
    expect(sweeping).toMatchObject({
      state: 'running',
      episode: 'clip',
      tool: 'run_stage',
      attempts: 1,
      manifests: [],
    });
    expect(sweeping.line).toMatch(/^\d\d:\d\d \/ \d\d:\d\d • sweep • /);
    const killed = workerPid(home);
    process.kill(killed ?? 0, 'SIGKILL');
    await expect.poll(() => isAlive(home) && workerPid(home) === killed).toBe(false); // a second call's may be there by now
    ensureWorker(engine.config); // as the next job does

    const killed_at = performance.now();
    await until(job, ({ attempts }) => attempts === 2);
    const taken_up_ms = performance.now() - killed_at;
    const done = await until(job, ({ state }) => state !== 'running' && state !== 'queued');
    expect(done).toMatchObject({ state: 'succeeded', attempts: 2, error: null, progress: { phase: 'done' } });
    expect(done.result).toMatchObject({ episode: 'clip', counts: { tracks: expect.any(Number) } });
    expect(done.result).not.toHaveProperty('screen_time');
    expect(done.manifests.map(({ name }) => name)).toContain('run.json');
    for (const { path } of done.manifests) expect(existsSync(path)).toBe(true);
    expect(workerPid(home)).not.toBe(killed);
    const ran_ms = Date.parse(done.ended_at ?? '') - Date.parse(done.started_at ?? '');
    console.info(
      `jobs: answered in ${answered_ms.toFixed(0)} ms, ran for ${ran_ms} ms, taken up again after ${taken_up_ms.toFixed(0)} ms`,
    );
    const succeeded = { tool: 'run_stage', episode: 'clip', attempts: 2, error: null };
    expect(await told('job.succeeded', job)).toMatchObject(succeeded);
    const questions = { episode: 'clip', items: expect.any(Number), stake_s: expect.any(Number) };
    expect(await told('qa.ready', undefined)).toMatchObject(questions);
  },
  TEST_MS_MAX,
);

test(
  'JOB-02, JOB-03, JOB-04, JOB-05, FAC-02: older addresses: who waits is streamed how far it is; a job is followed by its id and by its episode, and stopped soon',
  async () => {
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
    const waited = await fetch(`${http.url}/jobs/detect_track`, { method: 'POST', headers, body: '{"source":"clip"}' });
    const events = [...(await waited.text()).matchAll(/^event: (\w+)\ndata: (.+)$/gm)].map(([, name, data]) => ({
      name,
      data,
    }));
    expect(events.at(-1)?.name).toBe('result');
    const streamed = events.filter(({ name }) => name === 'progress').map(({ data }) => JSON.parse(data ?? ''));
    expect(Progress.strict().parse(streamed.at(-1))).toMatchObject({ phase: 'done', episode: 'clip' });

    // Faces and clusters as well, with the same options, streamed or followed: all of it is there already.
    const faces = await fetch(`${http.url}/jobs/faces_embed`, { method: 'POST', headers, body: '{"source":"clip"}' });
    expect(await faces.text()).toMatch(/event: progress\ndata: .*\n\nevent: result\ndata: .*"name":"embed"[^{]*\}\]/s);
    for (const name of ['faces_embed', 'cluster']) {
      const { status, body } = await post(`/jobs/${name}_async`, { source: 'clip' });
      expect({ status, body }).toMatchObject({ status: 202, body: { status: 'queued' } });
      expect(await until(String(body.job_id), ({ state }) => state === 'succeeded')).toMatchObject({ episode: 'clip' });
    }

    configure(25); // every frame: from here on runs are stopped, and none must have ended before
    const asked = await post('/jobs/detect_track_async', { source: 'clip', fresh: true });
    expect(asked).toMatchObject({ status: 202, body: { status: 'queued' } });
    const job = String(asked.body.job_id);
    await until(job, ({ progress }) => progress?.phase === 'sweep' && progress.frames_done > 10);
    expect(await get(`/jobs/${job}/status`)).toMatchObject({ job_id: job, state: 'running' });
    const shown = await get(`/jobs/${job}/progress`);
    expect(Progress.strict().parse(shown)).toMatchObject({
      phase: 'sweep',
      episode: 'clip',
      detector: expect.any(String),
    });
    expect(Object.keys(await get('/episodes/clip/progress'))).toEqual(Object.keys(shown));
    const told = performance.now();
    expect(await post(`/jobs/${job}/cancel`)).toMatchObject({ status: 200, body: { canceled: true } });
    const ended = await until(job, ({ state }) => state !== 'running');
    expect(performance.now() - told).toBeLessThan(60_000); // two seconds on a quiet machine
    expect(ended).toMatchObject({ state: 'canceled', error: { code: 'CANCELED', stage: 'sweep', retryable: true } });
    expect(await get('/episodes/clip/progress')).toMatchObject({ phase: 'canceled' });
    expect(await get('/jobs/job_0123456789ab/status')).toMatchObject({ error: { code: 'JOB_NOT_FOUND' } });
  },
  TEST_MS_MAX,
);

test(
  'ING-05, ING-09: a video is taken in and its run goes on by itself; what is no video, or would replace one, is refused',
  async () => {
    const text = join(home, 'notes.mp4');
    writeFileSync(text, 'no video at all');
    const refused = await post('/tools/ingest_episode', { file: text });
    expect(refused).toMatchObject({ status: 422, body: { error: { code: 'MEDIA_NOT_VIDEO' } } });
    const place = { show: 'demo', season: 1, number: 2 };
    const alone = await post('/tools/ingest_episode', { file: clip, ...place, auto_run: false, profile: 'fast' });
    expect(alone.body).toMatchObject({ status: 'done', episode: 'demo-s01e02', created: true, job_id: null });
    expect(alone.body).toMatchObject({ profile: { name: 'fast' }, next_steps: [{ tool: 'run_stage' }] });
    const again = await post('/tools/ingest_episode', { file: clip, ...place });
    expect(again.body).toMatchObject({
      created: false,
      next_steps: [{ tool: 'get_job' }, { tool: 'get_screen_time' }],
    });
    const job = String(again.body.job_id);
    expect(await until(job, ({ state }) => state === 'running')).toMatchObject({ tool: 'run_stage' });
    await runTool(cancelJob, { job }, caller());
    await until(job, ({ state }) => state === 'canceled');
    expect(await told('job.canceled', job)).toMatchObject({ tool: 'run_stage', error: { code: 'CANCELED' } });
  },
  TEST_MS_MAX,
);
