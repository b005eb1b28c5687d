import { expect, test } from 'vitest';
import { type ClusterItem, scoreClusters } from '#engine/eval/clustering.ts';
import { uniform as random } from '#engine/eval/intervals.ts';

const item = (cluster: string | null, person: string | null, weight: number): ClusterItem => ({
  cluster,
  person,
  weight,
});

test('the example in the tests of pyannote.metrics: purity 24/36, coverage 22/31', () => {
  // Reference A 0-10, B 12-20, A 24-27, C 30-40; hypothesis a 2-13, d 13-14, b 14-20, c 22-38, d 38-40.
  const items = [
    item(null, 'A', 2),
    item('a', 'A', 8),
    item('a', null, 2),
    item('a', 'B', 1),
    item('d', 'B', 1),
    item('b', 'B', 6),
    item('c', null, 2 + 3),
    item('c', 'A', 3),
    item('c', 'C', 8),
    item('d', 'C', 2),
  ];
  const { purity, coverage } = scoreClusters(items);
  expect(purity).toBeCloseTo(24 / 36, 12);
  expect(coverage).toBeCloseTo(22 / 31, 12);
});

test('one person in two clusters and a cluster of two people, by hand', () => {
  const score = scoreClusters([item('x', 'A', 30), item('x', 'B', 10), item('y', 'A', 20)]);
  expect(score.purity).toBeCloseTo(50 / 60, 12);
  expect(score.coverage).toBeCloseTo(40 / 60, 12);
  expect(score.bcubed.precision).toBeCloseTo((30 * 0.75 + 10 * 0.25 + 20) / 60, 12);
  expect(score.bcubed.recall).toBeCloseTo((30 * 0.6 + 20 * 0.4 + 10) / 60, 12);
  expect(score).toMatchObject({ clusters: 2, people: 2, clusters_per_person: 1 });
});

test('everything in one cluster is whole but not pure; everything apart is pure but not whole', () => {
  const people = ['A', 'A', 'B', 'C'];
  const one = scoreClusters(people.map((person) => item('all', person, 1)));
  expect(one).toMatchObject({ purity: 0.5, coverage: 1, clusters_per_person: 1 / 3 });
  expect(one.bcubed.recall).toBe(1);
  const apart = scoreClusters(people.map((person, n) => item(`${n}`, person, 1)));
  expect(apart).toMatchObject({ purity: 1, coverage: 0.75, clusters_per_person: 4 / 3 });
  expect(apart.bcubed.precision).toBe(1);
});

test('BCubed agrees with its definition over single items on random cases', () => {
  const next = random(4);
  for (let round = 0; round < 40; round++) {
    const items = Array.from({ length: 12 }, () =>
      item(`c${Math.floor(next() * 4)}`, `p${Math.floor(next() * 3)}`, 1 + Math.floor(next() * 4)),
    );
    const units = items.flatMap((each) => new Array<ClusterItem>(each.weight).fill(each));
    const share = (of: 'cluster' | 'person', also: 'cluster' | 'person') =>
      units
        .map((a) => {
          const group = units.filter((b) => b[of] === a[of]);
          return group.filter((b) => b[also] === a[also]).length / group.length;
        })
        .reduce((sum, each) => sum + each, 0) / units.length;
    const { bcubed } = scoreClusters(items);
    const [precision, recall] = [share('cluster', 'person'), share('person', 'cluster')];
    expect(bcubed.precision).toBeCloseTo(precision, 12);
    expect(bcubed.recall).toBeCloseTo(recall, 12);
    expect(bcubed.f).toBeCloseTo((2 * precision * recall) / (precision + recall), 12);
  }
});
