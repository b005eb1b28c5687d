import { expect, test } from 'vitest';
import type { ChangePayload, LoggedDecision } from '#engine/core/change.ts';
import { isIn, isNamedAfter, sqlPattern } from '#engine/erasure/needles.ts';
import { notOverruled, without } from '#engine/erasure/rest.ts';

const needles = { names: ["Zoë O'Neil"], ids: ['seed-1'] };

test.each([
  ["said Zoë O'Neil.", true],
  ["ZOE O'NEIL,12.5", true],
  ['<b>Zoë O&#39;Neil</b>', true],
  ['{"seed_id":"seed-1"}', true],
  ["Zoë O'Neilson", false],
  ['Zoë', false],
])('%j names the person: %s', (text, expected) => {
  expect(isIn(text, needles)).toBe(expected);
});

test('a file is named after somebody by its folder, or by an id in its name', () => {
  const ben = { names: ['Ben'], ids: ['seed-1'] };
  expect(isNamedAfter('artifacts/thumbs/x/identities/ben/rep.jpg', ben)).toBe(true);
  expect(isNamedAfter('facebank/p_1/seed-1.jpg', ben)).toBe(true);
  expect(isNamedAfter('artifacts/thumbs/x/identities/bench/rep.jpg', ben)).toBe(false);
  expect(sqlPattern({ names: [], ids: [] })).toBeNull();
});

const evidence = (evidence_id: string, start_ms: number, box: [number, number, number, number]) => ({
  ...{ evidence_id, start_ms, end_ms: start_ms + 1000, whole_track: true, vector: null },
  moments: [{ at_ms: start_ms + 500, box }],
});
const decision = (person_id: string | null, ...shown: ReturnType<typeof evidence>[]): LoggedDecision => ({
  ...{ act: person_id === null ? 'link' : 'assign', scope: 'track', locked: false, person_id, at_ms: null },
  evidence: shown,
});
const LEFT: [number, number, number, number] = [0.1, 0.1, 0.3, 0.4];
const RIGHT: [number, number, number, number] = [0.6, 0.1, 0.8, 0.4];
const erased = {
  ...{ names: ['Ada'], ids: ['s_ada'], person_ids: ['p_1'], seed_ids: ['s_ada'] },
  faces: new Map([['ep', [{ at_ms: 500, box: LEFT }]]]),
};
const change = (payload: Partial<ChangePayload>) => ({
  ep_id: 'ep',
  payload: { actor: 'x', surface: 'cli' as const, reason: null, entities: [], before: [], after: [], ...payload },
});

test('what has nothing of theirs stays the same object, also where their id stands in what was before', () => {
  const own = change({
    decisions: [decision('p_2', evidence('e1', 0, RIGHT))],
    before: [{ identity: 'person:p_1' }],
  });
  expect(without(own, erased)).toBe(own.payload);
});

test('what is theirs alone leaves nothing', () => {
  const facts = [
    change({ people: [{ act: 'create', person_id: 'p_1', name: 'Ada' }] }),
    change({ people: [{ act: 'merge', person_id: 'p_x', into: 'p_1' }] }),
    change({ people: [{ act: 'seed_add', seed_ids: ['s_ada'] }] }),
    change({ decisions: [decision('p_1', evidence('e1', 0, LEFT))] }),
    change({ decisions: [decision('p_2', evidence('e1', 0, LEFT))] }), // a word on their face
  ];
  for (const each of facts) expect(without(each, erased)).toBeUndefined();
});

test('of a change about several people what is said of the others stays, without a word of theirs', () => {
  const seeds = change({
    people: [{ act: 'seed_add', seed_ids: ['s_ada', 's_ben'] }],
    ...{ reason: 'photos of Ada', entities: ['person:p_1', 'person:p_2', 'seed:s_ada', 'seed:s_ben'] },
  });
  expect(without(seeds, erased)).toMatchObject({
    ...{ reason: null, entities: ['person:p_2', 'seed:s_ben'] },
    people: [{ act: 'seed_add', seed_ids: ['s_ben'] }],
  });
  const batch = change({
    decisions: [decision('p_1', evidence('e1', 0, LEFT)), decision('p_2', evidence('e2', 0, RIGHT))],
  });
  expect(without(batch, erased)?.decisions).toEqual([decision('p_2', evidence('e2', 0, RIGHT))]);
  const linked = change({ decisions: [decision(null, evidence('e1', 0, LEFT), evidence('e2', 3000, LEFT))] });
  expect(without(linked, erased)?.decisions).toEqual([decision(null, evidence('e2', 3000, LEFT))]);
});

test('a name in a reason is enough: the payload goes, and its decisions are said again', () => {
  const named = change({ reason: 'not ada', decisions: [decision('p_2', evidence('e1', 0, RIGHT))] });
  expect(without(named, erased)).toMatchObject({ reason: null, decisions: named.payload.decisions });
});

test('said again, nothing overrules what was decided since on the same moments', () => {
  const old = decision('p_2', evidence('e1', 0, RIGHT), evidence('e2', 5000, RIGHT));
  const later = decision('p_3', evidence('e3', 500, RIGHT));
  expect(notOverruled([old], [later])).toEqual([decision('p_2', evidence('e2', 5000, RIGHT))]);
  expect(notOverruled([old], [])).toEqual([old]);
  expect(notOverruled([decision('p_2', evidence('e1', 0, RIGHT))], [later])).toEqual([]);
});
