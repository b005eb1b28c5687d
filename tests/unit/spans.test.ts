import { expect, test } from 'vitest';
import { intersect, type Span, subtract, total, unite } from '#engine/core/spans.ts';
import { uniform as randomFrom } from '#engine/eval/intervals.ts';

const span = (start_ms: number, end_ms: number): Span => ({ start_ms, end_ms });

test('union: sorted, merged where spans overlap, touch, or lie near enough', () => {
  expect(unite([])).toEqual([]);
  expect(unite([span(50, 60), span(0, 10), span(5, 20), span(20, 25)])).toEqual([span(0, 25), span(50, 60)]);
  expect(unite([span(0, 10), span(20, 30)], 10)).toEqual([span(0, 30)]);
  expect(unite([span(0, 10), span(21, 30)], 10)).toEqual([span(0, 10), span(21, 30)]);
  expect(unite([span(0, 100), span(10, 20)])).toEqual([span(0, 100)]);
});

test('intersection and difference, by hand', () => {
  const a = [span(0, 10), span(20, 40)];
  const b = [span(5, 25), span(30, 35)];
  expect(intersect(a, b)).toEqual([span(5, 10), span(20, 25), span(30, 35)]);
  expect(subtract(a, b)).toEqual([span(0, 5), span(25, 30), span(35, 40)]);
  expect(subtract(a, [])).toEqual(a);
  expect(subtract(a, [span(0, 40)])).toEqual([]);
  expect(intersect(a, [span(10, 20)])).toEqual([]);
  expect(total(a)).toBe(30);
});

test('against brute force: every millisecond of random lists is in the right answer, and in no wrong one', () => {
  const random = randomFrom(11);
  for (let round = 0; round < 60; round++) {
    const [a, b] = [unite(someSpans(random)), unite(someSpans(random))];
    const both = unite([...a, ...b]);
    const [shared, rest] = [intersect(a, b), subtract(a, b)];
    for (let t = 0; t < 100; t++) {
      const [in_a, in_b] = [holds(a, t), holds(b, t)];
      expect(holds(both, t)).toBe(in_a || in_b);
      expect(holds(shared, t)).toBe(in_a && in_b);
      expect(holds(rest, t)).toBe(in_a && !in_b);
    }
    expect(total(shared) + total(rest)).toBe(total(a));
    for (const list of [both, shared, rest])
      for (const each of list) expect(each.end_ms).toBeGreaterThan(each.start_ms);
  }
});

function holds(spans: readonly Span[], t: number): boolean {
  return spans.some((each) => each.start_ms <= t && t < each.end_ms);
}

function someSpans(random: () => number): Span[] {
  return Array.from({ length: Math.floor(random() * 6) }, () => {
    const start_ms = Math.floor(random() * 90);
    return span(start_ms, start_ms + 1 + Math.floor(random() * 20));
  });
}
