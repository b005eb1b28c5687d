import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toKnown } from '#engine/core/errors.ts';
import { openEngine } from '#engine/engine.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import { temporaryHome } from '../support/home.ts';
import { is_long, some } from '../support/long.ts';
import { publishedFiles, runOnce, testConfig } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

/** A disk of its own, small enough to be filled; only root can mount one. */
const home = mkdtempSync(join(tmpdir(), 'sa-full-'));
const mounted = mountSmallDisk();
const filler = join(home, 'filler');
const OVER = { sampling: { fps: 6, checkpoint_s: 1 }, storage: { save_frames: true, save_crops: true } };

if (!mounted) console.warn('SKIPPED for want of the right to mount a small disk: DISK_FULL and going on after it');

beforeAll(async () => {
  await shortClip();
}, 300_000);

afterAll(async () => {
  await stopOwner(home);
  if (mounted) execFileSync('umount', ['-l', home]);
  rmSync(home, { recursive: true, force: true, maxRetries: 20 });
});

test.skipIf(!mounted)(
  'a disk that is full says so, whenever it fills; after more room the same command finishes with the same bytes',
  async () => {
    const request = { source: await shortClip(), episode: 'clip' };
    const reference = temporaryHome();
    await runOnce(reference, request, OVER);

    const engine = openEngine(testConfig(home, OVER));
    for (const id of ['mediapipe_face_full', 'faceres']) await engine.models.resolve(id);
    await (await engine.db()).read((q) => q.query('select 1'));
    await engine.close();

    // Full at once, then full a little later each time: in the sweep, at its artifacts, while publishing.
    const codes: string[] = [];
    for (const room_kb of some([0, 40, 200, 800, 1600, 2200, 2600], [0, 3])) {
      fillUpTo(room_kb);
      const code = await runOnce(home, request, OVER).then(
        () => 'none',
        (error: unknown) => {
          const known = toKnown(error);
          // A failure of ours must say what it was.
          return known.code === 'INTERNAL' ? String((known.cause as Error | undefined)?.stack) : known.code;
        },
      );
      codes.push(code);
    }
    expect(new Set(codes.slice(0, is_long ? 4 : 2))).toEqual(new Set(['DISK_FULL']));
    expect(codes.filter((code) => code !== 'DISK_FULL' && code !== 'none')).toEqual([]);

    rmSync(filler, { force: true });
    await runOnce(home, request, OVER);
    expect(publishedFiles(home)).toEqual(publishedFiles(reference));
  },
  300_000,
);

function mountSmallDisk(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', home], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Leaves about so much room on the small disk. */
function fillUpTo(room_kb: number): void {
  rmSync(filler, { force: true });
  const { bavail, bsize } = statfsSync(home);
  const bytes = bavail * bsize - room_kb * 1024;
  if (bytes > 0) writeFileSync(filler, Buffer.alloc(bytes));
}
