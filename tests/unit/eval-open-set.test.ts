import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { openSetPoints, type Trial, tpirAtFpir } from '#engine/eval/open-set.ts';

const mated = (track: string, score: number, right = true): Trial => ({ track, mated: true, score, right });
const impostor = (track: string, score: number): Trial => ({ track, mated: false, score, right: false });

test('by hand: with 20 impostors one may pass at 5%', () => {
  const impostors = Array.from({ length: 20 }, (_, n) => impostor(`i${n}`, n / 100)); // 0 ... 0.19
  const trials = [
    ...impostors,
    ...[mated('a', 0.9), mated('b', 0.185), mated('c', 0.18), mated('d', 0.95, false), mated('e', 0.1)],
  ];
  // 0.19 passes; 0.18 must not, and so a mate at 0.18 does not either.
  expect(tpirAtFpir(trials, 0.05)).toMatchObject({
    threshold: 0.18,
    fpir: 0.05,
    tpir: 2 / 5,
    mated_tracks: 5,
    impostor_tracks: 20,
  });
  expect(tpirAtFpir(trials, 0)).toMatchObject({ threshold: 0.19, fpir: 0, tpir: 1 / 5 });
});

test('impostors with one score pass together or not at all', () => {
  const tied = [impostor('x', 0.5), impostor('y', 0.5), impostor('z', 0.1)];
  expect(tpirAtFpir([...tied, mated('a', 0.6), mated('b', 0.5)], 0.4)).toMatchObject({ fpir: 0, tpir: 0.5 });
});

test('without searches of both kinds there is no figure', () => {
  expect(tpirAtFpir([mated('a', 1)], 0.05)).toBeNull();
  expect(openSetPoints([impostor('a', 1)])).toEqual([]);
});

test('agrees with trying every threshold, on random trials', () => {
  const next = random(11);
  for (let round = 0; round < 50; round++) {
    const trials = Array.from({ length: 40 }, (_, n) => {
      const score = Math.round(next() * 20) / 20;
      return next() < 0.5 ? mated(`m${n}`, score, next() < 0.8) : impostor(`i${n}`, score);
    });
    const at = [0, 0.05, 0.1, 0.3][round % 4] as number;
    const share = (of: Trial[], passes: (trial: Trial) => boolean) => of.filter(passes).length / of.length;
    const [mates, strangers] = [trials.filter((t) => t.mated), trials.filter((t) => !t.mated)];
    const best = [-1, ...trials.map((t) => t.score)]
      .filter((limit) => share(strangers, (t) => t.score > limit) <= at)
      .map((limit) => share(mates, (t) => t.right && t.score > limit))
      .reduce((a, b) => Math.max(a, b), 0);
    expect(tpirAtFpir(trials, at)?.tpir).toBeCloseTo(best, 12);
  }
});

test('trials of one track are one unit: repeating them changes neither the counts nor the interval', () => {
  const next = random(2);
  const once = Array.from({ length: 60 }, (_, n) =>
    n % 2 === 0 ? mated(`${n}`, 0.3 + 0.7 * next()) : impostor(`${n}`, 0.6 * next()),
  );
  const [one, three] = [tpirAtFpir(once, 0.05), tpirAtFpir([...once, ...once, ...once], 0.05)];
  expect(three).toMatchObject({ mated_tracks: 30, impostor_tracks: 30 });
  const width = (point: typeof one) => (point?.interval?.high ?? 0) - (point?.interval?.low ?? 0);
  expect(width(one)).toBeGreaterThan(0.1);
  expect(width(three)).toBeGreaterThan(0.7 * width(one));
});

test('1% is only told from 500 impostors on', () => {
  const trials = (n: number) => [mated('a', 1), ...Array.from({ length: n }, (_, i) => impostor(`i${i}`, 0.1))];
  expect(openSetPoints(trials(499)).map((point) => point.fpir_max)).toEqual([0.05]);
  expect(openSetPoints(trials(500)).map((point) => point.fpir_max)).toEqual([0.05, 0.01]);
});
