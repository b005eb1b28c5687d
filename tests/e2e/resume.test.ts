import { beforeAll, expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { temporaryHome } from '../support/home.ts';
import { runAndKill } from '../support/kill.ts';
import { some } from '../support/long.ts';
import { publishedFiles, runOnce } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

const OVER = { sampling: { fps: 8, checkpoint_s: 0.5 } };
const reference = temporaryHome();
let request: { source: string; episode: string };
let files: Record<string, string>;

beforeAll(async () => {
  request = { source: await shortClip(), episode: 'clip' };
  await runOnce(reference, request, OVER);
  files = publishedFiles(reference);
}, 300_000);

test('killed in the sweep, in stages after it and while publishing: the same bytes in the end', async () => {
  const home = temporaryHome();
  const rand = random(20);
  const sweepAt = (frames: number) => ({ phase: 'sweep', frames, after_ms: Math.floor(rand() * 60) });
  const reached: number[] = [];
  const moments = [sweepAt(1), sweepAt(26), ...['embed', 'cluster', 'export'].map((phase) => ({ phase }))];
  for (const at of some(moments, [1, 2, 4])) {
    const { killed, last } = await runAndKill({ home, request, over: OVER, at });
    expect(killed).toBe(true);
    reached.push(last?.phase === 'sweep' ? last.frames_done : -1);
    // What is unfinished is not published as if it were.
    expect(Object.keys(publishedFiles(home)).filter((name) => name.endsWith('run.json'))).toEqual([]);
  }
  const { summary } = await runOnce(home, request, OVER);
  expect(publishedFiles(home)).toEqual(files);
  expect(summary.stages.filter(({ cached }) => !cached)).toEqual([]);
}, 300_000);

test('a killed sweep goes on from its checkpoint, not from the start', async () => {
  const home = temporaryHome();
  const { killed } = await runAndKill({ home, request, over: OVER, at: { phase: 'sweep', frames: 25 } });
  expect(killed).toBe(true);
  const { progress } = await runOnce(home, request, OVER);
  const begun = progress.find(({ phase }) => phase === 'sweep');
  expect(begun?.frames_done).toBeGreaterThan(15);
  expect(publishedFiles(home)).toEqual(files);
});
