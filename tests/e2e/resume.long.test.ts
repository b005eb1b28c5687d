import { beforeAll, expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { makeHome, temporaryHome } from '../support/home.ts';
import { runAndKill } from '../support/kill.ts';
import { is_long } from '../support/long.ts';
import { publishedFiles, runOnce } from '../support/run.ts';
import { shortClip, testSample } from '../support/videos.ts';

/** Many kills at random moments, on the whole sample as well: minutes, so only with RUN_LONG=1. */
const OVER = { sampling: { fps: 8, checkpoint_s: 0.4 } };
const KILLS = 12;

beforeAll(() => {
  if (!is_long) console.warn('SKIPPED: the long matrix of kills; RUN_LONG=1 runs it');
});

test.skipIf(!is_long).each(['clip', 'sample', 'sample with frames, crops and reid'])(
  '%s: killed again and again at random moments, then run to its end: the same bytes',
  async (name) => {
    const source = name === 'clip' ? await shortClip() : (await testSample()).video;
    const request = { source, episode: 'killed' };
    const more = name.endsWith('reid')
      ? { storage: { save_frames: true, save_crops: true }, tracking: { tracker: 'reid' }, scene: { warmup_dets: 2 } }
      : {};
    const over = { ...OVER, ...more };
    const reference = temporaryHome();
    await runOnce(reference, request, over);
    const files = publishedFiles(reference);
    const rand = random(name.length);
    for (let round = 0; round < 2; round++) {
      const victim = makeHome();
      try {
        for (let kill = 0; kill < KILLS; kill++) {
          const at = { nth: Math.floor(rand() * 6), after_ms: Math.floor(rand() * 900) };
          if (!(await runAndKill({ home: victim.home, request, over, at })).killed) break;
        }
        await runOnce(victim.home, request, over);
        expect(publishedFiles(victim.home)).toEqual(files);
      } finally {
        await victim.remove();
      }
    }
  },
  1_800_000,
);
