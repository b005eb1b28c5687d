import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jobKey } from '#engine/blobs/layout.ts';
import { openLocalBlobs } from '#engine/blobs/local.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { beginJob, listJobs } from '#engine/run/job-record.ts';
import { temporaryHome } from '../support/home.ts';

test('a job from its beginning to its end, the latest first', async () => {
  const blobs = openLocalBlobs(temporaryHome({ empty: true }));
  expect(await listJobs(blobs, 'clip')).toEqual([]);
  const job = await beginJob(blobs, 'clip', 'r_1');
  expect(await listJobs(blobs, 'clip')).toMatchObject([
    { run_id: 'r_1', state: 'running', ended_at: null, error: null },
  ]);
  await job.succeed();
  await new Promise((resolve) => setTimeout(resolve, 5)); // another millisecond
  await (await beginJob(blobs, 'clip', 'r_2')).fail(new ScreenalyticsError('DISK_FULL'), 'sweep');
  await beginJob(blobs, 'clip-2', 'r_1');
  expect(await listJobs(blobs, 'clip')).toMatchObject([
    { run_id: 'r_2', state: 'failed', error: { code: 'DISK_FULL', stage: 'sweep', retryable: true } },
    { run_id: 'r_1', state: 'succeeded', ended_at: expect.any(String) },
  ]);
});

test('only what may go well the next time is to be tried again, and words of a library are not told', async () => {
  const blobs = openLocalBlobs(temporaryHome({ empty: true }));
  const fail = async (error: unknown) => {
    await (await beginJob(blobs, 'clip', 'r_1')).fail(error, 'embed');
    return (await listJobs(blobs, 'clip'))[0];
  };
  expect(await fail(new DOMException('stop', 'AbortError'))).toMatchObject({
    state: 'canceled',
    error: { retryable: true },
  });
  expect(await fail(new ScreenalyticsError('MEDIA_DECODE_FAILED'))).toMatchObject({ error: { retryable: false } });
  const bug = await fail(new Error('libfoo: segment 0x7f'));
  expect(bug).toMatchObject({ state: 'failed', error: { code: 'INTERNAL', retryable: false } });
  expect(JSON.stringify(bug)).not.toContain('libfoo');
});

test('a job whose process was killed is not running', async () => {
  const blobs = openLocalBlobs(temporaryHome({ empty: true }));
  await beginJob(blobs, 'clip', 'r_1');
  const path = blobs.pathOf(jobKey('clip', 'r_1'));
  const record = JSON.parse(readFileSync(path, 'utf8'));
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(path, JSON.stringify({ ...record, pid }));
  expect(await listJobs(blobs, 'clip')).toMatchObject([
    { state: 'failed', ended_at: null, error: { retryable: true } },
  ]);
  writeFileSync(path, JSON.stringify({ ...record, pid, host: 'another-machine' }));
  expect(await listJobs(blobs, 'clip')).toMatchObject([{ state: 'running' }]);
});
