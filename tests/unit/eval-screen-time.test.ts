import { expect, test } from 'vitest';
import type { Span } from '#engine/core/spans.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { type PredictedPerson, scoreScreenTime, type TruePerson } from '#engine/eval/screen-time.ts';

const span = (start_ms: number, end_ms: number): Span => ({ start_ms, end_ms });
const label = (name: string, ...spans: Span[]): PredictedPerson => ({ label: name, spans });
const person = (name: string, visible: Span[], dontcare: Span[] = []): TruePerson => ({
  person: name,
  visible,
  dontcare,
});

test('the mapping of the example in the tests of pyannote.metrics: a-A, b-B, c-C, and d is left over', () => {
  const s = (a: number, b: number) => span(a * 1000, b * 1000);
  const truth = [person('A', [s(0, 10), s(24, 27)]), person('B', [s(12, 20)]), person('C', [s(30, 40)])];
  const predicted = [
    label('a', s(2, 13)),
    label('d', s(13, 14), s(38, 40)),
    label('b', s(14, 20)),
    label('c', s(22, 38)),
  ];
  const score = scoreScreenTime(predicted, truth);
  expect(score.people.map((row) => row.label)).toEqual(['a', 'b', 'c']);
  expect(score.unmatched).toEqual([{ label: 'd', predicted_ms: 3000 }]);
  expect(score.visible.precision).toBeCloseTo((8 + 6 + 8) / 36, 12);
  expect(score.visible.recall).toBeCloseTo((8 + 6 + 8) / 31, 12);
});

test('a second cluster of a person is an error, and so is a person whom nobody found', () => {
  const truth = [person('A', [span(0, 1000)]), person('B', [span(0, 400)])];
  const score = scoreScreenTime([label('1', span(0, 700)), label('2', span(700, 1000))], truth);
  expect(score.people).toEqual([
    { person: 'A', label: '1', true_ms: 1000, predicted_ms: 700, error: 0.3 },
    { person: 'B', label: null, true_ms: 400, predicted_ms: 0, error: 1 },
  ]);
  expect(score).toMatchObject({ error_mean: 0.65, error_worst: 1, unmatched_ms: 300 });
  expect(score.visible.f1).toBeCloseTo((2 * 700) / (2 * 700 + 300 + 300 + 400), 12);
});

test("don't-care time is removed on both sides, from the totals too", () => {
  const truth = [person('A', [span(0, 1000)], [span(900, 2000)])];
  const score = scoreScreenTime([label('1', span(0, 2100))], truth);
  expect(score.people[0]).toMatchObject({ true_ms: 900, predicted_ms: 1000, error: 100 / 900 });
  expect(score.visible).toEqual({ precision: 0.9, recall: 1, f1: 1800 / 1900 });
});

test('the collar takes the edges out of F1 and leaves the totals alone', () => {
  const truth = [person('A', [span(1000, 3000)])];
  const predicted = [label('1', span(1200, 3200))];
  expect(scoreScreenTime(predicted, truth).visible.f1).toBeCloseTo(0.9, 12);
  const score = scoreScreenTime(predicted, truth, { collar_ms: 250 });
  expect(score.visible.f1).toBe(1);
  expect(score.people[0]).toMatchObject({ true_ms: 2000, predicted_ms: 2000 });
  expect(scoreScreenTime([label('1', span(1400, 3000))], truth, { collar_ms: 250 }).visible.recall).toBeCloseTo(
    1350 / 1500,
    12,
  );
});

test('where the faces are known they decide who is who, not the clock', () => {
  const truth = [person('A', [span(0, 1000)]), person('B', [span(0, 900)])];
  const predicted = [label('1', span(0, 1000)), label('2', span(0, 900)), label('3', span(500, 700))];
  const byTime = scoreScreenTime(predicted, truth);
  expect(byTime.people.map((row) => row.label)).toEqual(['1', '2']);
  const seen = new Map([
    ['1', new Map([['B', 900]])],
    ['2', new Map([['A', 800]])],
  ]);
  const byFaces = scoreScreenTime(predicted, truth, { seen });
  expect(byFaces.people.map((row) => row.label)).toEqual(['2', '1']);
  expect(byFaces.unmatched).toEqual([{ label: '3', predicted_ms: 200 }]);
});

test("a leftover label is forgiven the don't-care time of the person whose faces it holds", () => {
  const truth = [person('A', [span(0, 1000)], [span(1000, 1500)])];
  const predicted = [label('1', span(0, 1000)), label('2', span(900, 1500))];
  const seen = new Map([
    ['1', new Map([['A', 1000]])],
    ['2', new Map([['A', 600]])],
  ]);
  expect(scoreScreenTime(predicted, truth, { seen }).unmatched_ms).toBe(100);
  expect(scoreScreenTime(predicted, truth).unmatched_ms).toBe(600);
});

test('somebody who is never clearly seen has no error, and nothing at all is perfect', () => {
  const truth = [person('A', [], [span(0, 1000)])];
  const score = scoreScreenTime([label('1', span(200, 800))], truth);
  expect(score.people[0]).toEqual({ person: 'A', label: '1', true_ms: 0, predicted_ms: 0, error: null });
  expect(score).toMatchObject({ error_mean: 0, unmatched_ms: 0, visible: { f1: 1 } });
});

test('the mapping is the best of all and F1 agrees with counting millisecond by millisecond, on random cases', () => {
  const next = random(77);
  const spans = () =>
    Array.from({ length: 2 }, () => Math.floor(next() * 50)).map((at) => span(at, at + 1 + Math.floor(next() * 20)));
  for (let round = 0; round < 40; round++) {
    const truth = ['A', 'B'].map((name) => person(name, spans(), next() > 0.5 ? spans() : []));
    const predicted = ['1', '2', '3'].map((name) => label(name, ...spans()));
    const score = scoreScreenTime(predicted, truth);
    const inside = (list: readonly Span[], t: number) => list.some((s) => t >= s.start_ms && t < s.end_ms);
    const common = (name: string | null | undefined, one: TruePerson) =>
      Array.from({ length: 80 }, (_, t) => t).filter(
        (t) =>
          inside(one.visible, t) &&
          !inside(one.dontcare, t) &&
          predicted.some((p) => p.label === name && inside(p.spans, t)),
      ).length;
    const names = predicted.map((p) => p.label);
    const totals = names.flatMap((a) =>
      names.filter((b) => b !== a).map((b) => common(a, truth[0] as TruePerson) + common(b, truth[1] as TruePerson)),
    );
    const reached = truth.map((one, n) => common(score.people[n]?.label, one)).reduce((sum, each) => sum + each, 0);
    expect(reached).toBe(Math.max(...totals));
    let [hit, extra, miss] = [0, 0, 0];
    for (let t = 0; t < 80; t++) {
      for (const one of truth) {
        if (inside(one.dontcare, t)) continue;
        const chosen = score.people.find((row) => row.person === one.person)?.label;
        const claimed = predicted.some((p) => p.label === chosen && inside(p.spans, t));
        const real = inside(one.visible, t);
        if (claimed && real) hit++;
        else if (claimed) extra++;
        else if (real) miss++;
      }
      extra += score.unmatched.filter((u) => predicted.some((p) => p.label === u.label && inside(p.spans, t))).length;
    }
    expect(score.visible.precision).toBeCloseTo(hit + extra === 0 ? 1 : hit / (hit + extra), 12);
    expect(score.visible.recall).toBeCloseTo(hit + miss === 0 ? 1 : hit / (hit + miss), 12);
  }
});
