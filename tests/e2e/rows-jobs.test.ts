import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { getEpisode } from '#mcps/screenalytics/tools/get-episode.ts';
import { listModels } from '#mcps/screenalytics/tools/list-models.ts';
import { temporaryHome } from '../support/home.ts';
import { asker, program } from '../support/program.ts';
import { ffmpeg, H264, pattern, testSample, videoFolder } from '../support/videos.ts';

// Rows of CAPABILITIES about models, the machine, and runs that are refused, fail or are stopped; the others are in rows.test.ts.

const DETECTOR = 'mediapipe_face_full';
const EMBEDDER = 'faceres';
const home = temporaryHome();
const { ask, refused, text } = asker({ home });
let video: string;

beforeAll(async () => {
  ({ video } = await testSample());
  await ask(['models', 'prepare', DETECTOR, EMBEDDER]);
}, 300_000);

test('DET-01, DET-03, DEV-10, HLT-06: the detectors with licence, state and source; a permissive default', async () => {
  const { models } = listModels.output.parse(await ask(['models', 'list']));
  const families = models.filter(({ task }) => task === 'detect').map(({ family }) => family);
  expect(new Set(families)).toEqual(new Set(['mediapipe', 'scrfd', 'yunet', 'retinaface', 'yoloface']));
  for (const model of models) expect(model.accepted, model.id).toBe(model.commercial);
  const used = models.filter(({ id }) => [DETECTOR, EMBEDDER].includes(id));
  for (const model of used) expect(model).toMatchObject({ state: 'ready', commercial: true });
  expect(await text('models', 'list')).toContain('licence not accepted');
  expect(await ask(['models', 'verify', DETECTOR, EMBEDDER])).toMatchObject({ ok: true });
});

test('DAT-07, HLT-05, DEV-09: works without any key, and says what the machine has', async () => {
  const { ok, checks } = checkHealth.output.parse(await ask(['doctor']));
  expect(ok).toBe(true);
  const machine = ['screenalytics', 'node', 'ffmpeg', 'models to detect', 'models to embed', 'device'];
  const data = ['database', 'queue', 'storage', 'disk', 'memory', 'retention', 'files', 'names', 'erasures'];
  expect(checks.map(({ name }) => name)).toEqual([...machine, ...data]);
});

test('DEV-05, DET-16: models are looked at before any work: missing, not accepted, damaged, unknown', async () => {
  const run = (detector: string) => refused(['run', 'episode', video, '--detector', detector]);
  const options = { env: { SCREENALYTICS_MODELS_MIRROR: '' } };
  expect(await refused(['run', 'episode', video, '--detector', 'yunet'], options)).toMatchObject({
    exit: 5,
    code: 'MODEL_MISSING',
  });
  expect(await run('scrfd_2_5g')).toMatchObject({ exit: 4, code: 'MODEL_LICENCE' });
  expect(await run('nobody')).toMatchObject({ exit: 2, code: 'MODEL_UNKNOWN' });
  const other = temporaryHome();
  await ask(['models', 'prepare', DETECTOR], { home: other });
  const [file = ''] = readdirSync(join(other, 'models')).filter((name) => name.startsWith(DETECTOR));
  writeFileSync(join(other, 'models', file), 'not a model');
  const damaged = { home: other };
  expect(await refused(['run', 'episode', video], damaged)).toMatchObject({ exit: 5, code: 'MODEL_CORRUPT' });
  expect(existsSync(join(other, 'work'))).toBe(false);
  const { code, stdout } = await program(['models', 'verify', DETECTOR], damaged);
  expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('corrupt') });
});

test('JOB-12, JOB-17: a job that failed says where and why, in plain words; so does progress.json', async () => {
  const whole = join(videoFolder(), 'whole.mp4');
  ffmpeg(...pattern({ seconds: 2 }), ...H264, '-movflags', '+faststart', whole);
  const bytes = readFileSync(whole);
  const broken = join(videoFolder(), 'broken.mp4');
  writeFileSync(broken, bytes.subarray(0, bytes.indexOf('mdat') + 4));
  const failed = await refused(['run', 'episode', broken, '--episode', 'broken']);
  expect(failed).toMatchObject({ exit: 3, code: 'MEDIA_DECODE_FAILED' });
  const { status, jobs } = getEpisode.output.parse(await ask(['episode', 'broken']));
  expect(status).toBe('failed');
  expect(jobs).toHaveLength(1);
  expect(jobs[0]).toMatchObject({
    state: 'failed',
    ended_at: expect.any(String),
    error: { code: 'MEDIA_DECODE_FAILED', stage: expect.any(String), hint: expect.any(String), retryable: false },
  });
  expect(await text('episode', 'broken')).toContain('MEDIA_DECODE_FAILED');
  const progress = readFileSync(join(home, 'artifacts/manifests/broken/progress.json'), 'utf8');
  expect(JSON.parse(progress).phase).toBe('failed');
});

test('JOB-12: a job that was stopped is canceled and may be given again', async () => {
  const stop = new AbortController();
  const argv = ['run', 'episode', video, '--episode', 'stopped', '--fps', '2'];
  const heard = (line: string) => line.includes('"phase":"sweep"') && stop.abort();
  const failed = await refused(argv, { signal: stop.signal, heard });
  expect(failed).toMatchObject({ exit: 130, code: 'CANCELED' });
  const [job] = getEpisode.output.parse(await ask(['episode', 'stopped'])).jobs;
  expect(job).toMatchObject({ state: 'canceled', error: { code: 'CANCELED', stage: 'sweep', retryable: true } });
  const progress = readFileSync(join(home, 'artifacts/manifests/stopped/progress.json'), 'utf8');
  expect(JSON.parse(progress).phase).toBe('canceled');
});
