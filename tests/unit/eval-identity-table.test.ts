import { expect, test } from 'vitest';
import { markReader } from '#engine/eval/hard-marks.ts';
import { type IdentifiedFace, scoreIdentification } from '#engine/eval/identification.ts';
import { identityCauses, missedIdentity } from '#engine/eval/identity-bars.ts';
import {
  FACE_SET_HEAD,
  faceSetRows,
  IDENTITY_TABLES,
  identityCells,
  identityHead,
  identityMarkdown,
} from '#engine/eval/identity-table.ts';
import type { IdentityScore } from '#engine/eval/score-identity.ts';

function score(faces: Partial<IdentifiedFace>[], change: Partial<IdentityScore> = {}): IdentityScore {
  const all = faces.map((face, n) => ({
    ...{ at_ms: n, weight: 1000, person: 'Ada', asked: true, track: 1, name: 'Ada', flags: [], mark: null },
    ...face,
  }));
  const reviewed = { decisions: 2, answers: 2, reached: true, share_before: 0.5, share_after: 1, per_person: 1 };
  return {
    ...{ clip: 'made_up', people: 2, seeded: 1, seeds: 3, banks: { v1: 0.5, v2: 0.75 }, same_frame: 0, open_set: [] },
    identification: scoreIdentification(all, new Set(['Ada'])),
    ...{ calibration: { ece: 0.1, claims: 1, bins: [] }, look_alikes: null, review: reviewed },
    ...{ intervals: { inside: 1, people: 2, outside: ['Ben'] }, ...change },
  };
}

const run = (of: IdentityScore) => ({ weights: 'embedded', embedder: 'made_up', score: of });

test('a faultless clip misses no bar and has no cause; without hard faces there is no bar for them', () => {
  const perfect = score([{}, {}]);
  expect(missedIdentity(perfect)).toEqual([]);
  expect(identityCauses(perfect)).toEqual([]);
  const columns = IDENTITY_TABLES[0].columns;
  const cells = identityCells(run(perfect), columns);
  const cell = (name: string) => cells[identityHead(columns).indexOf(name)];
  expect(cell('accuracy')).toBe('1.000 pass');
  expect(cell('hard, by hand')).toBe('-');
  expect(cell('same frame')).toBe('0 pass');
  expect(cell('bank v1 / v2')).toBe('0.500 / 0.750');
});

test('missed bars come with their largest causes first', () => {
  const mark = { kind: 'profile', stretch: 'Ada/0' };
  const bad = score(
    [
      {},
      { name: null, mark },
      { name: null },
      { name: 'Ben' },
      { track: null, name: null },
      { person: 'Cid', name: 'Ada' },
    ],
    {
      same_frame: 3,
      review: { decisions: 9, answers: 5, reached: false, share_before: 0.2, share_after: 0.9, per_person: 1.5 },
    },
  );
  expect(missedIdentity(bad)).toEqual(['accuracy', 'hard', 'same_frame', 'decisions']);
  const causes = identityCauses(bad);
  expect(causes[0]).toBe('2.0 s of 6.0 s are seeded people left unknown');
  expect(causes).toContain('1.0 s of 6.0 s are strangers with a name');
  expect(causes).toContain('Cid is called Ada: 1.0 s');
  expect(causes).toContain('Ada: 4.0 s of 5.0 s wrong');
  expect(causes).toContain('profile: 0.0 % of 1.0 s right');
  expect(causes).toContain('3 pairs of faces share a label and a frame');
  expect(causes.at(-1)).toMatch(/^9 decisions in 5 answers bring 20.0 % to 90.0 % .*nothing more is asked$/);
});

test('too many decisions miss the bar although the share is reached', () => {
  const review = { decisions: 5, answers: 5, reached: true, share_before: 0, share_after: 1, per_person: 2.5 };
  expect(missedIdentity(score([{}], { review }))).toEqual(['decisions']);
});

test('the written tables have one cell for each head, in every row', () => {
  const point = { fpir_max: 0.05, fpir: 0, tpir: 0.9, interval: { low: 0.7, high: 1 }, threshold: 0.5 };
  const faces = {
    ...{ weights: 'local', embedder: 'made_up' },
    score: {
      ...{ probes: 3, open_set: [{ ...point, mated_tracks: 4, impostor_tracks: 20 }] },
      calibration: { ece: 0.05, claims: 3, bins: [] },
      occlusions: [
        {
          ...{ kind: 'mask', faces: 3, found: 1, right: 0.5, wrong: 0, tracks: 2, tracks_right: 1 },
          interval: { low: 0.1, high: 0.9 },
        },
      ],
    },
  };
  for (const row of faceSetRows(faces)) expect(row).toHaveLength(FACE_SET_HEAD.length);
  const text = identityMarkdown([run(score([{}])), run(score([{ name: null }]))], [faces]);
  expect(text).toContain('0.900 (4 / 20: 0.70-1.00)');
  const tables = text.split('\n').filter((line) => line.startsWith('|'));
  const widths = Object.values(Object.groupBy(tables, (line) => String(line.split('|').length))).map(
    (rows) => rows?.length,
  );
  expect(widths).toHaveLength(3); // three tables, each of one width
  expect(text).not.toMatch(/undefined|NaN|\$\{/);
});

test('a mark belongs to a person and a time, and what is independent is the shot', () => {
  const stretch = { person: 'person_1', mark: 'profile' as const, at: [[0, 0.5, 0.5] as [number, number, number]] };
  const labels = {
    ...{ clip: 'x.mp4', method: 'made up' },
    stretches: [
      { ...stretch, from_s: 1, to_s: 2 },
      { ...stretch, from_s: 5, to_s: 6, mark: 'occluded' as const },
    ],
  };
  const markOf = markReader(labels, [4000]);
  expect(markOf('person_1', 1000)).toEqual({ kind: 'profile', stretch: 'person_1/0' });
  expect(markOf('person_1', 2000)).toBeNull();
  expect(markOf('person_2', 1500)).toBeNull();
  expect(markOf('person_1', 5500)).toEqual({ kind: 'occluded', stretch: 'person_1/1' });
});

test('whether the intervals of totals hold is told over all clips, for each embedder', () => {
  const of = (inside: number, people: number) => score([{}], { intervals: { inside, people, outside: [] } });
  const runs = [run(of(3, 4)), run(of(5, 5)), { ...run(of(1, 2)), weights: 'local' }];
  const text = identityMarkdown(runs, []);
  expect(text).toContain('over all clips: embedded made_up 8 of 9 (0.57-0.98); local made_up 1 of 2 (');
  expect(identityMarkdown([run(of(0, 0))], [])).not.toContain('over all clips');
});
