import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { toKnown } from '#engine/core/errors.ts';
import { temporaryHome } from '../support/home.ts';
import { publishedFiles, runOnce } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

/** Checkpoints far apart: what a cancelled run keeps, it keeps because it was cancelled. */
const OVER = { sampling: { fps: 8, checkpoint_s: 3600 } };
const reference = temporaryHome();
let request: { source: string; episode: string };

beforeAll(async () => {
  request = { source: await shortClip(), episode: 'clip' };
  await runOnce(reference, request, OVER);
}, 300_000);

test('ING-03, JOB-15: cancelled in the sweep: over soon, nothing published, and a rerun goes on to the same bytes', async () => {
  const home = temporaryHome();
  const stop = new AbortController();
  let asked = Number.NaN;
  const failed = await runOnce(home, request, OVER, {
    signal: stop.signal,
    progress({ phase, frames_done }) {
      if (phase !== 'sweep' || frames_done < 20 || stop.signal.aborted) return;
      asked = performance.now();
      stop.abort();
    },
  }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(performance.now() - asked).toBeLessThan(60_000); // two seconds on a quiet machine
  expect(toKnown(failed).code).toBe('CANCELED');
  expect(toKnown(failed).details).toMatchObject({ manifests: 'artifacts/manifests/clip/' });
  expect(publishedFiles(home)).toEqual({});

  const { progress } = await runOnce(home, request, OVER);
  expect(progress.find(({ phase }) => phase === 'sweep')?.frames_done).toBeGreaterThan(15);
  expect(publishedFiles(home)).toEqual(publishedFiles(reference));
  expect(readdirSync(join(home, 'work')).filter((name) => !name.endsWith('.lock'))).toEqual([]);
});

test('cancelled before it began: nothing is started', async () => {
  const home = temporaryHome();
  const failed = runOnce(home, request, OVER, { signal: AbortSignal.abort() });
  await expect(failed.catch((error: unknown) => toKnown(error).code)).resolves.toBe('CANCELED');
  expect(publishedFiles(home)).toEqual({});
});

test('two at once: the second is told that the first is at it, also under another name for the same video', async () => {
  const home = temporaryHome();
  const twin = join(home, 'twin.mp4');
  copyFileSync(request.source, twin);
  const codes: Promise<string>[] = [];
  const told = (source: string, episode: string) =>
    runOnce(home, { source, episode }, OVER).then(
      () => 'none',
      (error: unknown) => toKnown(error).code,
    );
  await runOnce(home, request, OVER, {
    progress({ phase }) {
      if (phase !== 'sweep' || codes.length > 0) return;
      codes.push(told(request.source, 'clip'), told(twin, 'twin'));
    },
  });
  const [same, other] = await Promise.all(codes);
  expect(same).toBe('HOME_BUSY');
  expect(['HOME_BUSY', 'none']).toContain(other); // it may have come when the first had ended
  expect(publishedFiles(home)[`manifests/clip/screentime.json`]).toBe(
    publishedFiles(reference)['manifests/clip/screentime.json'],
  );
  expect(await told(twin, 'twin')).toBe('none');
});
