import { expect, test } from 'vitest';
import { type IdentifiedFace, sameFrameViolations, scoreIdentification } from '#engine/eval/identification.ts';
import { lookAlikes } from '#engine/eval/look-alikes.ts';

let moment = 0;
function face(person: string | null, name: string | null, change: Partial<IdentifiedFace> = {}): IdentifiedFace {
  moment += 100;
  const known = { at_ms: moment, weight: 1000, person, asked: person !== null, track: 1, name };
  return { ...known, flags: [], mark: null, ...change };
}
const seeded = new Set(['Ada', 'Ben']); // Cid is in no bank

test('ten seconds by hand: each way of being right and wrong', () => {
  const score = scoreIdentification(
    [
      ...[face('Ada', 'Ada'), face('Ada', 'Ada'), face('Ben', 'Ben')], // right
      ...[face('Cid', null), face('Cid', null)], // right: nobody knows him
      face('Ada', null), // unnamed
      face('Ada', 'Ben'), // a wrong name
      face('Cid', 'Ben'), // a stranger with a name
      ...[face('Ada', null, { track: null }), face('Cid', null, { track: null })], // not found, also a stranger
      face(null, 'Ada'), // no face at all: counts for precision alone
      face('Ada', 'Ada', { asked: false }), // her back: neither asked for nor wrong
    ],
    seeded,
  );
  expect(score.face_s).toBe(10);
  expect(score.accuracy).toBeCloseTo(5 / 10, 12);
  expect(score.coverage).toBeCloseTo(8 / 10, 12);
  expect(score.accuracy_found).toBeCloseTo(5 / 8, 12);
  expect(score.named).toBeCloseTo(5 / 10, 12);
  expect(score.precision).toBeCloseTo(4 / 7, 12);
  expect(score.lost).toEqual({ not_found_s: 2, unnamed_s: 1, wrong_name_s: 1, stranger_named_s: 1 });
  expect(score.false_names_s).toBe(1);
  expect(score.confusions).toEqual([
    { person: 'Ada', name: 'Ben', face_s: 1 },
    { person: 'Cid', name: 'Ben', face_s: 1 },
  ]);
  expect(score.by_person).toEqual([
    { person: 'Ada', seeded: true, face_s: 5, accuracy: 0.4 },
    { person: 'Ben', seeded: true, face_s: 1, accuracy: 1 },
    { person: 'Cid', seeded: false, face_s: 4, accuracy: 0.5 },
  ]);
  const { lost } = score;
  const wrong = lost.not_found_s + lost.unnamed_s + lost.wrong_name_s + lost.stranger_named_s;
  expect(wrong / score.face_s).toBeCloseTo(1 - score.accuracy, 12);
});

test('splits by flag count tracks, those by hand their stretches; one is right when most of its time is', () => {
  const mark = (kind: string, stretch: string) => ({ kind, stretch });
  const score = scoreIdentification(
    [
      face('Ada', 'Ada', { track: 1, flags: ['profile'], mark: mark('profile', 's1') }),
      face('Ada', 'Ada', { track: 1, flags: ['profile', 'small'], mark: mark('profile', 's1') }),
      face('Ada', 'Ben', { track: 1, flags: ['profile'], mark: mark('occluded', 's2') }),
      face('Ben', 'Ada', { track: 2, flags: ['profile'] }),
      face('Ben', null, { track: null, mark: mark('occluded', 's3') }),
    ],
    seeded,
  );
  expect(score.by_flag.profile).toMatchObject({ n: 2, face_s: 4, accuracy: 0.5 });
  expect(score.by_flag.profile?.interval.low).toBeCloseTo(0.0945, 3); // Wilson, 1 of 2
  expect(score.by_flag.small).toMatchObject({ n: 1, face_s: 1, accuracy: 1 });
  expect(score.hard.all).toMatchObject({ n: 3, face_s: 4, accuracy: 0.5 });
  expect(score.hard.profile).toMatchObject({ n: 1, face_s: 2, accuracy: 1 });
  expect(score.hard.occluded).toMatchObject({ n: 2, face_s: 2, accuracy: 0 });
});

test('nothing to see and nothing said is faultless', () => {
  expect(scoreIdentification([], seeded)).toMatchObject({ face_s: 0, accuracy: 1, coverage: 1, precision: 1 });
});

test('one label on two faces of a frame is one violation, on three faces three; faces without a label are none', () => {
  const at = (at_ms: number, label: string | null) => ({ at_ms, label });
  expect(sameFrameViolations([at(0, 'Ada'), at(0, 'Ben'), at(1, 'Ada')])).toBe(0);
  expect(sameFrameViolations([at(0, 'Ada'), at(0, 'Ada'), at(1, 'Unknown-1'), at(1, 'Unknown-1')])).toBe(2);
  expect(sameFrameViolations([at(0, 'Ada'), at(0, 'Ada'), at(0, 'Ada'), at(1, null), at(1, null)])).toBe(3);
});

test('the two most similar people, and what they were confused with', () => {
  const v = (...xs: number[]) => Float32Array.from(xs);
  const vectors = new Map([
    ['Ada', [v(1, 0, 0), v(0.8, 0.6, 0)]],
    ['Ben', [v(0.6, 0.8, 0)]],
    ['Cid', [v(0, 0, 1)]],
    ['Dan', []],
  ]);
  const pair = (person: string, name: string, face_s: number) => ({ person, name, face_s });
  const confusions = [pair('Ada', 'Ben', 2), pair('Ben', 'Ada', 1), pair('Cid', 'Ben', 9)];
  const found = lookAlikes(vectors, { confusions });
  expect(found).toMatchObject({ a: 'Ada', b: 'Ben', confused_s: 3 });
  expect(found?.similarity).toBeCloseTo((0.9 * 0.6 + 0.3 * 0.8) / Math.hypot(0.9, 0.3), 6);
  expect(lookAlikes(new Map([['Ada', [v(1, 0)]]]), { confusions })).toBeNull();
});
