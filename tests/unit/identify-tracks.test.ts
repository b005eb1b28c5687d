import { expect, test } from 'vitest';
import type { Decision, Decisions, Identities as Made } from '#engine/core/identities.ts';
import { Identities } from '#engine/core/identities.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { type IdentifyInput, identifyTracks, previewSplit } from '#engine/math/identify-tracks.ts';
import { keptScores } from '#engine/run/score-memo.ts';
import { bankOf, episodeOf, faceMaker, OPENSET, pointing, type Shown, STEP_MS } from '../support/identify-world.ts';

const bank = bankOf({ Ada: [pointing({ 0: 1 }, 63)], Ben: [pointing({ 1: 1 }, 63)] });
/** A track of one crop per second-long slot; `cosines` to Ada (0) and Ben (1), the rest of it on an axis of its own or of its group. */
function shown(slot: number, cosines: Record<number, number>, cluster: number | null, rest = 10 + slot): Shown {
  return { start_ms: slot * 1000, frames: 5, vectors: [pointing(cosines, rest)], cluster };
}
const labels = ({ pieces }: Made) => pieces.map(({ label }) => label);
const seen = (input: IdentifyInput, track_id: number) => {
  const at = input.tracks[track_id]?.detections.map((i) => input.detections[i]) ?? [];
  return at.flatMap((row) => (row === undefined ? [] : [{ at_ms: row.at_ms, box: row.box }]));
};

let seq = 0;
/** A decision on whole tracks, as it comes from the log. */
function decided(
  input: IdentifyInput,
  act: Decision['act'],
  tracks: number[],
  person_id: string | null = null,
): Decision {
  seq++;
  return {
    ...{ change_id: `c_${seq}`, seq, act, scope: 'track', locked: false, person_id, at_ms: null },
    evidence: tracks.map((id) => {
      const { start_ms, end_ms } = input.tracks[id] ?? { start_ms: 0, end_ms: 1 };
      return {
        evidence_id: `e_${seq}_${id}`,
        start_ms,
        end_ms,
        whole_track: true,
        moments: seen(input, id),
        vector: null,
      };
    }),
  };
}
const people: Decisions['people'] = [
  ...bank.people.map(({ person_id, name }) => ({ person_id, name })),
  { person_id: 'p_dora', name: 'Dora' },
];
const withDecisions = (input: IdentifyInput, ...rows: Decision[]): IdentifyInput => ({
  ...input,
  decisions: { rows, people },
});

test('PRO-11: a cluster takes the name it looks like, a doubtful one is asked about, a strange one stays unknown', () => {
  const made = identifyTracks(
    episodeOf(
      [shown(0, { 0: 0.7 }, 0), shown(1, { 0: 0.65 }, 0, 10), shown(2, { 1: 0.37 }, 1), shown(3, { 0: 0.1 }, 2)],
      bank,
    ),
  );
  expect(labels(made)).toEqual(['Ada', 'Ada', 'Unknown-2', 'Unknown-3']);
  expect(made.pieces.map(({ band }) => band)).toEqual(['accept', 'accept', 'ask', 'unknown']);
  expect(made.pieces[0]).toMatchObject({
    method: 'cluster_match',
    label_source: 'machine',
    person_id: 'p_ada',
    threshold: 0.6,
  });
  expect(made.pieces[2]?.others[0]?.label).toBe('Ben');
  expect(
    made.rows.map(({ label, cluster_ids, best_face_id }) => [label, cluster_ids, best_face_id?.split('-')[0]]),
  ).toEqual([
    ['Ada', [0], '0'],
    ['Unknown-2', [1], '2'],
    ['Unknown-3', [2], '3'],
  ]);
  expect(made.audit.map(({ what, outcome, label }) => [what, outcome, label])).toEqual([
    ['cluster', 'accept', 'Ada'],
    ['cluster', 'ask', 'Unknown-2'],
    ['cluster', 'unknown', 'Unknown-3'],
  ]);
  expect(made.audit.map(({ reason }) => reason.replace(/\d\.\d\d/, '0.xx'))).toEqual([
    'best Ada 0.xx reaches 0.9',
    'best Ben 0.xx is under 0.9',
    'best Ada 0.xx is under 0.3',
  ]);
  for (const { probability, others } of made.pieces)
    expect(others.reduce((sum, other) => sum + other.probability, probability ?? 0)).toBeLessThanOrEqual(1 + 1e-5);
  expect(Identities.parse(made)).toEqual(made);
});

test('clusters of one person become one identity', () => {
  const made = identifyTracks(episodeOf([shown(0, { 0: 0.7 }, 0), shown(1, { 0: 0.7 }, 1)], bank));
  expect(made.rows.map(({ label, cluster_ids }) => [label, cluster_ids])).toEqual([['Ada', [0, 1]]]);
});

test('a cluster that looks like somebody, but not like their other faces here, is asked about; by itself it has the name', () => {
  const sure = [shown(0, { 0: 0.8 }, 0, 10), shown(1, { 0: 0.8 }, 0, 10)];
  const alike = (to_them: number) => shown(2, { 0: 0.45, 10: to_them }, 1, 11);
  const made = (...tracks: Shown[]) => identifyTracks(episodeOf(tracks, bank));
  expect(labels(made(alike(-0.55)))).toEqual(['Ada']);
  expect(labels(made(...sure, alike(0.2)))).toEqual(['Ada', 'Ada', 'Ada']);
  const unlike = made(...sure, alike(-0.55));
  expect(labels(unlike)).toEqual(['Ada', 'Ada', 'Unknown-2']);
  expect(unlike.pieces[2]?.band).toBe('ask');
  expect(unlike.pieces[2]?.others[0]?.label).toBe('Ada');
  expect(unlike.audit[1]?.reason).toMatch(
    /^Ada's other faces are unlike it \(0\.03\); best Ada 0\.\d\d is under 0\.9$/,
  );
  // The same when it was a person who named those others.
  const input = episodeOf([...sure, alike(-0.55)], bank);
  expect(labels(identifyTracks(withDecisions(input, decided(input, 'assign', [0, 1], 'p_ada'))))).toEqual([
    ...['Ada', 'Ada', 'Unknown-2'],
  ]);
});

test('without a facebank everybody keeps the name of the cluster, and a face alone in none has no name', () => {
  const made = identifyTracks(
    episodeOf([shown(0, {}, 0), { ...shown(1, {}, null), vectors: [] }, shown(2, {}, null), shown(3, {}, 0, 10)], null),
  );
  expect(labels(made)).toEqual(['Unknown-1', null, null, 'Unknown-1']);
  expect(made.pieces.map(({ method }) => method)).toEqual(['clustering', 'none', 'none', 'clustering']);
  expect(made.confusion).toBe(null);
  expect(made.rows).toEqual([
    { label: 'Unknown-1', person_id: null, cluster_ids: [0], best_face_id: '0-0', purity_estimate: 0.95 },
  ]);
});

test('PRO-14: hysteresis: a weak track keeps the name that its cluster took, but does not take one by itself', () => {
  // The weak track looks like its cluster (same rest axis), and little like Ada.
  const strong = [shown(0, { 0: 0.7 }, 0, 10), shown(1, { 0: 0.7 }, 0, 10), shown(2, { 0: 0.7 }, 0, 10)];
  const weak = { start_ms: 3000, frames: 5, vectors: [pointing({ 0: 0.22, 10: 0.6 }, 20)] };
  expect(labels(identifyTracks(episodeOf([...strong, { ...weak, cluster: 0 }], bank)))[3]).toBe('Ada');
  expect(labels(identifyTracks(episodeOf([...strong, { ...weak, cluster: 1 }], bank)))[3]).toBe('Unknown-2');
  // Above what it has, `leave` drops it.
  const strict = {
    openset: { ...OPENSET, leave: 0.999999 },
    confusion: { pair_min: 0.1, ambiguous_margin: 0.5, split_gain_min: 0.05 },
  };
  const made = identifyTracks(episodeOf([...strong, { ...weak, cluster: 0 }], bank, undefined, strict));
  expect(labels(made)[3]).toBe('Unknown-1');
  expect(made.audit.at(-1)).toMatchObject({ what: 'track', track_id: 3 });
  expect(made.audit.at(-1)?.reason).toContain('its cluster is Ada');
});

test('a track that is clearly somebody else leaves a named cluster, and one takes its name out of an unknown one', () => {
  // One of so many that the cluster gains little by a split.
  const many = Array.from({ length: 20 }, (_, slot) => shown(slot, { 0: 0.7 }, 0, 10));
  const stray = identifyTracks(episodeOf([...many, shown(20, { 1: 0.8 }, 0, 21)], bank));
  expect(labels(stray)).toEqual([...many.map(() => 'Ada'), 'Ben']);
  expect(stray.splits).toMatchObject([{ applied: false }]);
  expect(stray.pieces[20]?.method).toBe('track_match');
  const lone = identifyTracks(
    episodeOf([...[0, 1, 2].map((slot) => shown(slot, {}, 0, 10)), shown(3, { 1: 0.8 }, 0, 20)], bank),
  );
  expect(labels(lone)).toEqual(['Unknown-1', 'Unknown-1', 'Unknown-1', 'Ben']);
  const unclustered = identifyTracks(episodeOf([shown(0, { 1: 0.8 }, null)], bank));
  expect(labels(unclustered)).toEqual(['Ben']);
});

test('two faces in one frame are never one person: the surer keeps the name, the other says why not', () => {
  const made = identifyTracks(
    episodeOf([shown(0, { 0: 0.6 }, 0), { ...shown(0, { 0: 0.7 }, 1), start_ms: 200 }], bank),
  );
  expect(labels(made)).toEqual(['Unknown-1', 'Ada']);
  expect(made.pieces[0]?.others.find(({ label }) => label === 'Ada')).toBe(undefined);
  expect(made.audit[0]?.reason).toContain('Ada is in the same frame');
  // With a second likeness it takes that one.
  const second = identifyTracks(episodeOf([shown(0, { 0: 0.6, 1: 0.58 }, 0), shown(0, { 0: 0.8 }, 1)], bank));
  expect(labels(second)).toEqual(['Ben', 'Ada']);
});

test("people's decisions win: assigned, denied, detached, dropped, linked", () => {
  const base = episodeOf(
    [
      shown(0, { 0: 0.7 }, 0, 10),
      shown(1, { 0: 0.7 }, 0, 10),
      shown(2, {}, 1),
      shown(3, {}, 2),
      shown(4, { 0: 0.7 }, 3),
    ],
    bank,
  );
  expect(labels(identifyTracks(base))).toEqual(['Ada', 'Ada', 'Unknown-2', 'Unknown-3', 'Ada']);
  const on = (...rows: Decision[]) => identifyTracks(withDecisions(base, ...rows));

  const assigned = on(decided(base, 'assign', [2], 'p_dora'));
  expect(labels(assigned)).toEqual(['Ada', 'Ada', 'Dora', 'Unknown-3', 'Ada']);
  expect(assigned.pieces[2]).toMatchObject({
    label_source: 'person',
    method: 'decision',
    band: 'decided',
    probability: 1,
    person_id: 'p_dora',
  });

  const denied = on(decided(base, 'deny', [4], 'p_ada'));
  expect(labels(denied)).toEqual(['Ada', 'Ada', 'Unknown-2', 'Unknown-3', 'Unknown-4']);
  expect(denied.pieces[4]?.others.map(({ label }) => label)).not.toContain('Ada');

  expect(labels(on(decided(base, 'detach', [1])))).toEqual(['Ada', 'Unknown-5', 'Unknown-2', 'Unknown-3', 'Ada']);
  expect(labels(on(decided(base, 'drop', [3])))).toEqual(['Ada', 'Ada', 'Unknown-2', null, 'Ada']);
  expect(labels(on(decided(base, 'link', [2, 3])))).toEqual(['Ada', 'Ada', 'Unknown-2', 'Unknown-2', 'Ada']);
  expect(labels(on(decided(base, 'link', [3, 4])))).toEqual(['Ada', 'Ada', 'Unknown-2', 'Ada', 'Ada']);
  expect(labels(on(decided(base, 'assign', [3], 'p_ben'), decided(base, 'link', [3, 2])))).toEqual([
    'Ada',
    'Ada',
    'Ben',
    'Ben',
    'Ada',
  ]);
});

test('a person in a frame by decision keeps the machine from giving the name twice', () => {
  const base = episodeOf([shown(0, { 0: 0.8 }, 0), shown(0, {}, 1)], bank);
  expect(labels(identifyTracks(base))).toEqual(['Ada', 'Unknown-2']);
  expect(labels(identifyTracks(withDecisions(base, decided(base, 'assign', [1], 'p_ada'))))).toEqual([
    'Unknown-1',
    'Ada',
  ]);
});

test('a cluster of two people is split between them; a preview changes nothing', () => {
  const input = episodeOf(
    [0, 1, 2, 3].map((slot) => shown(slot, { [slot % 2]: 0.62 }, 0)),
    bank,
  );
  const made = identifyTracks(input);
  expect(made.splits).toMatchObject([{ cluster_id: 0, applied: true, people: ['p_ada', 'p_ben'] }]);
  expect(labels(made)).toEqual(['Ada', 'Ben', 'Ada', 'Ben']);
  expect(made.pieces.map(({ method }) => method)).toContain('anchored_split');
  expect(made.confusion?.ambiguous).toMatchObject([{ cluster_id: 0 }]);
  expect(previewSplit(input, 0)).toMatchObject({ applied: true });
  expect(previewSplit(input, 0, ['p_ada'])).toMatchObject({ applied: false });
  expect(previewSplit(input, 7)).toBe(undefined);
});

test('a cluster of two people who look a little alike is split, too, however surely all its faces together are one of them', () => {
  const tracks = [0, 1, 2, 3, 4, 5, 6].map((slot) =>
    shown(slot, slot < 4 ? { 0: 0.8, 1: 0.4 } : { 0: 0.4, 1: 0.75 }, 0),
  );
  const made = identifyTracks(episodeOf(tracks, bank));
  const [cluster] = made.audit;
  expect(made.confusion?.ambiguous[0]?.margin).toBeGreaterThan(0.5); // not close
  expect(made.splits).toMatchObject([{ cluster_id: 0, applied: true, people: ['p_ada', 'p_ben'] }]);
  expect(labels(made)).toEqual(['Ada', 'Ada', 'Ada', 'Ada', 'Ben', 'Ben', 'Ben']);
  expect(cluster).toMatchObject({ what: 'cluster', outcome: 'accept' });
});

/** A made-up episode: people in and out of the bank, clusters that are partly wrong, tracks that overlap. */
function randomWorld(seed: number): IdentifyInput {
  const next = random(seed);
  const face = faceMaker(seed);
  const cast = bankOf({ Ada: [face(0), face(0), face(0)], Ben: [face(1), face(1)], Cid: [face(2)] });
  const tracks = Array.from({ length: 14 }, (): Shown => {
    const person = Math.floor(next() * 5);
    const cluster = next() < 0.15 ? Math.floor(next() * 5) : person;
    const frames = 2 + Math.floor(next() * 12);
    const vectors = next() < 0.1 ? [] : [face(person), face(person)];
    return {
      start_ms: Math.floor(next() * 60) * STEP_MS,
      frames,
      vectors,
      cluster: vectors.length === 0 ? null : cluster,
    };
  });
  const used = [...new Set(tracks.flatMap(({ cluster }) => cluster ?? []))].sort((a, b) => a - b);
  const numbered = tracks.map((t) => ({ ...t, cluster: t.cluster === null ? null : used.indexOf(t.cluster) }));
  const input = episodeOf(numbered, cast);
  const rows = Array.from({ length: Math.floor(next() * 4) }, () => {
    const act = (['assign', 'deny', 'detach', 'link', 'drop'] as const)[Math.floor(next() * 5)] ?? 'deny';
    const ids = [0, 1].map(() => Math.floor(next() * 14));
    return decided(input, act, [...new Set(ids)], act === 'assign' || act === 'deny' ? 'p_ada' : null);
  });
  return withDecisions(input, ...rows);
}

test('with what was kept of other decisions and another bank, everything comes out as without it', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const input = randomWorld(seed);
    const files = new Map<string, Uint8Array>();
    const blobs = {
      get: async (key: string) => files.get(key),
      put: async (key: string, bytes: Uint8Array | string) => void files.set(key, Buffer.from(bytes)),
    };
    const open = () => keptScores(blobs, { embeddings: 'e', clusters: 'c' }, 1, input.embeddings.tracks.length);
    const first = await open();
    const facebank = input.facebank && { ...input.facebank, people: input.facebank.people.slice(1) };
    identifyTracks({ ...input, facebank, decisions: { rows: [], people }, memo: first });
    await first.save();
    const [plain, memo] = [identifyTracks(input), await open()];
    expect(identifyTracks({ ...input, memo }), `world ${seed}`).toEqual(plain);
    await memo.save();
    expect(identifyTracks({ ...input, memo: await open() }), `world ${seed}, again`).toEqual(plain);
  }
});

test('over random worlds nobody is twice in one moment, every moment of a track has one piece, and every label is an identity', () => {
  for (let seed = 0; seed < 150; seed++) {
    const input = randomWorld(seed);
    const made = Identities.parse(identifyTracks(input));
    const present = new Map<string, number>();
    for (const track of input.tracks) {
      const own = made.pieces.filter(({ track_id }) => track_id === track.track_id);
      expect([own[0]?.start_ms, own.at(-1)?.end_ms]).toEqual([track.start_ms, track.end_ms]);
      own.slice(1).forEach((piece, i) => {
        expect(piece.start_ms).toBe(own[i]?.end_ms);
      });
      for (const d of track.detections) {
        const at_ms = input.detections[d]?.at_ms ?? -1;
        const piece = own.find(({ start_ms, end_ms }) => start_ms <= at_ms && at_ms < end_ms);
        if (piece?.label == null) continue;
        const key = `${at_ms} ${piece.label}`;
        expect(present.get(key), `world ${seed}: ${key}`).toBe(undefined);
        present.set(key, track.track_id);
      }
    }
    const used = new Set(made.pieces.flatMap(({ label }) => label ?? []));
    expect(made.rows.map(({ label }) => label).sort()).toEqual([...used].sort());
    for (const { applied, after, before } of made.splits) expect(!applied || after > before).toBe(true);
  }
});

test('the order in which people, seeds, faces, clusters and pieces come does not matter', () => {
  for (let seed = 0; seed < 20; seed++) {
    const input = randomWorld(seed);
    const facebank = input.facebank && {
      ...input.facebank,
      people: input.facebank.people.map((p) => ({ ...p, seeds: p.seeds.toReversed() })).reverse(),
    };
    const order = [...input.faces.keys()].reverse();
    const turned: IdentifyInput = {
      ...input,
      facebank,
      tracks: input.tracks.toReversed(),
      faces: order.flatMap((i) => input.faces[i] ?? []),
      embeddings: {
        ...input.embeddings,
        faces: order.flatMap((i) => input.embeddings.faces[i] ?? []),
        tracks: input.embeddings.tracks.toReversed(),
      },
    };
    const [a, b] = [identifyTracks(turned), identifyTracks(input)];
    expect([a.pieces, a.rows, a.confusion]).toEqual([b.pieces, b.rows, b.confusion]);
  }
});

test('a bank of another model is refused', () => {
  const input = episodeOf([shown(0, {}, 0)], { ...bank, model_id: 'another' });
  expect(() => identifyTracks(input)).toThrow(RangeError);
});

test('an episode without tracks has nobody', () => {
  const made = identifyTracks(episodeOf([], bank));
  expect([made.rows, made.pieces, made.audit]).toEqual([[], [], []]);
});
