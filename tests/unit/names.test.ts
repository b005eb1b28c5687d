import { expect, test } from 'vitest';
import { canonicalName, foldName, nearNames } from '#engine/core/names.ts';

test.each([
  ['  Ada   Bell ', 'Ada Bell'],
  ['Ada_Bell', 'Ada Bell'],
  ['Zoe\u0301', 'Zo\u00e9'],
])('%j is stored as %j', (given, stored) => {
  expect(canonicalName(given)).toBe(stored);
});

test('case, accents and spacing do not make another name; letters do', () => {
  const same = ['ADA  BELL', 'ada bell', 'Àda_Bell', ' Ada\tBell '];
  expect(new Set(same.map(foldName))).toEqual(new Set(['ada bell']));
  expect(foldName('Ada Belle')).not.toBe(foldName('Ada Bell'));
  expect(foldName('Person 11')).not.toBe(foldName('Person 1 1'));
});

test('near names: a shared word or a few letters, best first', () => {
  const names = ['Ben', 'Ada Bell', 'Ada', 'Carla', 'Bem'];
  expect(nearNames('ada', names)).toEqual(['Ada', 'Ada Bell']);
  expect(nearNames('Beg', names)).toEqual(['Bem', 'Ben']);
  expect(nearNames('Zed', ['Carla'])).toEqual([]);
});
