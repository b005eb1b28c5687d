import { expect, test } from 'vitest';
import { type Candidate, createSelection, offer } from '#engine/math/select.ts';

const crop = (at_ms: number, yaw_deg: number, quality: number): Candidate => ({
  id: `c${at_ms}`,
  at_ms,
  yaw_deg,
  quality,
});

/** Offers all, as the harvest does: holds a picture per kept id and throws away what it is told to. */
function run(k: number, crops: Candidate[], stop = crops.length) {
  let selection = createSelection(k);
  const held = new Set<string>();
  crops.forEach((candidate, i) => {
    if (i === stop) selection = JSON.parse(JSON.stringify(selection));
    const answer = offer(selection, candidate);
    if (answer.kept) held.add(candidate.id);
    if (answer.evicted !== undefined) expect(held.delete(answer.evicted)).toBe(true);
  });
  expect([...held].sort()).toEqual(selection.kept.map((c) => c.id).sort());
  return selection.kept;
}

test('a near crop competes with its like only, and wins only when better', () => {
  expect(run(4, [crop(0, 0, 0.5), crop(100, 2, 0.6)]).map((c) => c.id)).toEqual(['c100']);
  expect(run(4, [crop(0, 0, 0.5), crop(100, 2, 0.4)]).map((c) => c.id)).toEqual(['c0']);
  expect(run(4, [crop(0, 0, 0.5), crop(100, 2, 0.5)]).map((c) => c.id)).toEqual(['c0']);
  expect(run(4, [crop(0, 0, 0.9), crop(100, 60, 0.2)]).map((c) => c.id)).toEqual(['c0', 'c100']);
});

test('never more than k, spread over a long track, in time order', () => {
  const crops = Array.from({ length: 800 }, (_, i) => crop(i * 125, 5, 0.5 + 0.3 * Math.sin(i)));
  const kept = run(6, crops);
  expect(kept.length).toBe(6);
  const times = kept.map((c) => c.at_ms);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(50_000);
  for (let i = 1; i < 6; i++) expect((times[i] as number) - (times[i - 1] as number)).toBeGreaterThan(3000);
});

test('the rare pose and the best crop survive a thousand dull ones', () => {
  const crops = Array.from({ length: 1000 }, (_, i) => crop(i * 125, 0, 0.4));
  crops[300] = crop(300 * 125, 55, 0.6);
  crops[700] = crop(700 * 125, 0, 0.95);
  const kept = run(5, crops);
  expect(kept.some((c) => c.yaw_deg === 55)).toBe(true);
  expect(kept.some((c) => c.quality === 0.95)).toBe(true);
});

test('a state that went through JSON goes on exactly as if it had not', () => {
  const crops = Array.from({ length: 300 }, (_, i) => crop(i * 125, 40 * Math.sin(i / 9), ((i * 37) % 101) / 101));
  const whole = run(6, crops);
  for (const stop of [1, 50, 299]) expect(run(6, crops, stop)).toEqual(whole);
});
