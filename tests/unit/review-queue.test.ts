import { expect, test } from 'vitest';
import type { Identity, Piece } from '#engine/core/identities.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { openDecisions } from '#engine/review/open-decisions.ts';
import {
  answersTo,
  certaintyAfter,
  type ReviewInput,
  ReviewItem,
  reviewQueue,
  uncheckedTracks,
} from '#engine/review/queue.ts';
import { formatTrackRef, parseNumber, parseTrackRef, refOfPiece } from '#engine/review/refs.ts';

const PARAMS = { accept: 0.9, ask: 0.3, margin_small: 0.5, mixed: 0.5 };

test('QA-01: the order is that of the seconds an answer would put right, by trying every outcome', () => {
  const next = random(11);
  for (let round = 0; round < 20; round++) {
    const pieces = Array.from({ length: 12 }, (_, track_id) => {
      const label = ['Ada', 'Ben', 'Unknown-1', 'Unknown-2'][Math.floor(next() * 4)] as string;
      const named = !label.startsWith('Unknown');
      const probability = named ? 0.3 + 0.6 * next() : null;
      return piece(track_id, label, 1000 + Math.floor(next() * 9000), { probability, band: named ? 'ask' : 'unknown' });
    });
    const input = made(pieces);
    const { items } = reviewQueue(input);
    const gains = items.map(({ targets }) =>
      gainOf(pieces.filter(({ track_id }) => targets.includes(String(track_id)))),
    );
    items.forEach((item, i) => {
      expect(item.stake_s).toBeCloseTo((gains[i] as number) / 1000, 2);
    });
    // Whatever other questions were asked first, no choice of as many would gain more.
    for (const n of [1, 2, 3]) {
      const first = gains.slice(0, n).reduce((sum, gain) => sum + gain, 0);
      for (const chosen of choices(gains, n)) expect(first).toBeGreaterThanOrEqual(chosen - 2);
    }
    expect(items.flatMap(({ targets }) => targets).sort()).toEqual(pieces.map((each) => String(each.track_id)).sort());
  }
});

test('one answer settles a whole Unknown and a whole doubtful match; a doubtful track stands alone', () => {
  const ask = { band: 'ask', probability: 0.7, margin: 0.6 } as const;
  const input = made([
    piece(1, 'Unknown-1', 4000),
    piece(2, 'Unknown-1', 6000),
    piece(3, 'Ada', 9000, { ...ask, method: 'cluster_match', cluster_id: 7 }),
    piece(4, 'Ada', 1000, { ...ask, method: 'cluster_match', cluster_id: 7 }),
    piece(5, 'Ada', 5000, { ...ask, method: 'track_match', cluster_id: 8 }),
    piece(6, 'Ada', 50_000, { band: 'accept', probability: 0.99, cluster_id: 8 }),
  ]);
  const queue = reviewQueue(input);
  expect(queue.items.map(({ id, kind, targets }) => ({ id, kind, targets }))).toEqual([
    { id: 'Unknown-1', kind: 'identity', targets: ['2', '1'] },
    { id: 'cluster-7', kind: 'cluster', targets: ['3', '4'] },
    { id: 'track-5', kind: 'track', targets: ['5'] },
  ]);
  expect(queue.items[1]).toMatchObject({
    clip: { start_ms: 0, end_ms: 9000 },
    seconds: 10,
    stake_s: 3,
    reasons: ['low_score'],
  });
  expect(queue.items[1]?.probability).toBeCloseTo(0.7, 9);
  expect(queue).toMatchObject({ face_s: 75, certain_s: 50, settles_s: [10, 10, 5] });
  expect(certaintyAfter(queue, 0).share).toBeCloseTo(50 / 75, 9);
  expect(certaintyAfter(queue, 2).share_after).toBeCloseTo(70 / 75, 9);
  expect(certaintyAfter(queue, 3).share_after).toBe(1);
  expect([answersTo(queue, 0.5), answersTo(queue, 0.8), answersTo(queue, 0.99)]).toEqual([0, 1, 3]);
});

test('mixed tracks, suspects, contradictions and long tracks are asked about although their names were accepted', () => {
  const sure = { band: 'accept', probability: 0.98, margin: 0.9 } as const;
  const input = made(
    [
      piece(1, 'Ada', 10_000, { ...sure, cluster_id: 0 }),
      piece(2, 'Ada', 8000, { ...sure, cluster_id: 0 }),
      piece(3, 'Ada', 2000, { ...sure, band: 'decided', label_source: 'person', probability: 1 }),
      piece(4, 'Ada', 30_000, sure),
      piece(5, 'Ben', 3000, { ...sure, margin: 0.2 }),
      piece(6, 'Ben', 7000, sure),
    ],
    {
      switches: { 1: [3000, 60_000] }, // the second lies outside
      contamination: [{ track_id: 2, cluster_id: 0 }],
      conflicts: [3],
      long_tracks: [4],
    },
  );
  const queue = reviewQueue(input);
  const by_id = new Map(queue.items.map((item) => [item.id, item]));
  expect(by_id.get('track-1')).toMatchObject({ reasons: ['mixed_track'], stake_s: 1.5 }); // half of the shorter side
  expect(by_id.get('track-1')?.suggestion).toContain('split at 3000 ms');
  expect(by_id.get('track-2')).toMatchObject({ reasons: ['contamination'], stake_s: 4 });
  expect(by_id.get('track-3')).toMatchObject({ reasons: ['conflict'], stake_s: 1 });
  expect(by_id.get('track-4')).toMatchObject({ reasons: ['long_track'], stake_s: 0.6 });
  expect(by_id.get('track-5')).toMatchObject({ reasons: ['small_margin'], stake_s: 0.06 });
  expect([...by_id.keys()]).toEqual(['track-2', 'track-1', 'track-3', 'track-4', 'track-5']);
  expect(queue).toMatchObject({ face_s: 60, certain_s: 40 });
});

test('what a person decided or locked is certain and not asked about again; nothing counted is no question', () => {
  const decided = { band: 'decided', label_source: 'person', probability: 1 } as const;
  const queue = reviewQueue(
    made(
      [
        piece(1, 'Ada', 4000, decided),
        piece(2, 'Unknown-1', 6000, { ...decided, locked: true }),
        piece(3, 'Unknown-2', 5000, decided), // somebody set it apart, but nobody knows who it is
        { ...piece(4, 'Ada', 9000), label: null, person_id: null, method: 'none' },
      ],
      { switches: { 1: [2000] } },
    ),
  );
  expect(queue.items.map(({ id, reasons }) => [id, reasons])).toEqual([['Unknown-2', ['unknown']]]);
  expect(queue).toMatchObject({ face_s: 15, certain_s: 10, settles_s: [5] });
  expect(certaintyAfter(reviewQueue(made([])), 0)).toEqual({ share: 1, share_after: 1 });
});

test('who wants more than the questions gets the sure names that nobody has looked at, by the seconds expected to be wrong', () => {
  const sure = { band: 'accept', margin: 0.9 } as const;
  const input = made([
    piece(1, 'Ada', 10_000, { ...sure, probability: 0.99 }),
    piece(2, 'Ada', 4000, { ...sure, probability: 0.95 }),
    piece(3, 'Ben', 9000, { ...sure, probability: 0.999 }),
    piece(4, 'Ben', 5000, { ...sure, probability: 0.99, locked: true }),
    piece(5, 'Ben', 5000, { band: 'decided', label_source: 'person', probability: 1 }),
    piece(6, 'Ben', 5000, { band: 'ask', probability: 0.6, margin: 0.6 }),
    piece(7, 'Unknown-1', 5000),
  ]);
  const checks = uncheckedTracks(input);
  expect(checks.map(({ id, stake_s, reasons }) => [id, stake_s, reasons])).toEqual([
    ['track-2', 0.2, ['unchecked']],
    ['track-1', 0.1, ['unchecked']],
    ['track-3', 0.009, ['unchecked']],
  ]);
  for (const item of checks) expect(ReviewItem.safeParse(item).success).toBe(true);
  // No question asks about one of them, and together with the questions everything is covered that a person has not settled.
  const asked = reviewQueue(input).items.flatMap(({ targets }) => targets);
  expect([...asked, ...checks.flatMap(({ targets }) => targets)].sort()).toEqual(['1', '2', '3', '6', '7']);
});

test('PRO-08: candidates come from the line that judged it, weighted by seconds', () => {
  const line = (cluster_id: number, ada: number, ben: number) => ({
    ...{ what: 'cluster', cluster_id, track_id: null, threshold: 0.9, margin: 0.1, model_id: 'm', outcome: 'unknown' },
    ...{ label: 'Unknown-1', reason: 'made up' },
    candidates: [
      { person_id: 'a', name: 'Ada', score: 0, probability: ada },
      { person_id: 'b', name: 'Ben', score: 0, probability: ben },
    ],
  });
  const input = made([piece(1, 'Unknown-1', 3000, { cluster_id: 1 }), piece(2, 'Unknown-1', 1000, { cluster_id: 2 })]);
  const identities = { ...input.identities, audit: [line(1, 0.2, 0.5), line(2, 0.8, 0.1)] };
  const [item] = reviewQueue({ ...input, identities } as ReviewInput).items;
  expect(item?.candidates).toEqual([
    { name: 'Ben', person_id: 'b', probability: expect.closeTo(0.4, 9) },
    { name: 'Ada', person_id: 'a', probability: expect.closeTo(0.35, 9) },
  ]);
  expect(item?.suggestion).toBe('Ben? (40%)');
});

test('tracks, spans and numbers are read as people type them', () => {
  expect(parseTrackRef(' 12 ')).toEqual({ track_id: 12 });
  expect(parseTrackRef('12:3400-5200')).toEqual({ track_id: 12, span: { start_ms: 3400, end_ms: 5200 } });
  for (const wrong of ['Unknown-3', '12:5200-3400', '12:3400', '-1', '12:5-5', ''])
    expect(parseTrackRef(wrong)).toBeUndefined();
  expect(formatTrackRef({ track_id: 12, span: { start_ms: 3400, end_ms: 5200 } })).toBe('12:3400-5200');
  expect([parseNumber('#7'), parseNumber('7'), parseNumber('#x')]).toEqual([7, undefined, undefined]);
  const halves = [piece(3, 'Ada', 1000), { ...piece(3, 'Ben', 2000), start_ms: 1000, end_ms: 2000 }];
  expect(halves.map((half) => refOfPiece(half, halves))).toEqual(['3:0-1000', '3:1000-2000']);
});

/** Expected ms that an answer puts right: over every outcome of which pieces carry the right name now. */
function gainOf(pieces: readonly Piece[]): number {
  let gain = 0;
  for (let outcome = 0; outcome < 2 ** pieces.length; outcome++) {
    let chance = 1;
    let wrong_ms = 0;
    pieces.forEach(({ probability, start_ms, end_ms }, i) => {
      const is_right = (outcome >> i) % 2 === 1;
      chance *= is_right ? (probability ?? 0) : 1 - (probability ?? 0);
      if (!is_right) wrong_ms += end_ms - start_ms;
    });
    gain += chance * wrong_ms;
  }
  return gain;
}

/** The sum of every choice of n. */
function choices(values: readonly number[], n: number): number[] {
  if (n === 0) return [0];
  return values.flatMap((value, i) => choices(values.slice(i + 1), n - 1).map((sum) => sum + value));
}

function piece(track_id: number, label: string, length_ms: number, over: Partial<Piece> = {}): Piece {
  const person_id = label.startsWith('Unknown') ? null : `p_${label}`;
  return {
    ...{ track_id, start_ms: 0, end_ms: length_ms, cluster_id: track_id, label, person_id, label_source: 'machine' },
    ...{ method: person_id === null ? 'clustering' : 'track_match', band: person_id === null ? 'unknown' : 'accept' },
    ...{ score: null, threshold: null, probability: person_id === null ? null : 0.95, margin: null, others: [] },
    ...{ locked: false, change_id: null },
    ...over,
  };
}

function made(
  pieces: readonly Piece[],
  more: {
    switches?: Record<number, number[]>;
    contamination?: { track_id: number; cluster_id: number }[];
    conflicts?: number[];
    long_tracks?: number[];
  } = {},
): ReviewInput {
  const labels = [...new Set(pieces.flatMap(({ label }) => label ?? []))];
  const rows: Identity[] = labels.map((label) => ({
    ...{ label, person_id: label.startsWith('Unknown') ? null : `p_${label}` },
    ...{ cluster_ids: [], best_face_id: null, purity_estimate: 1 },
  }));
  return {
    identities: {
      ...{ rows, pieces: [...pieces], audit: [] },
      conflicts: (more.conflicts ?? []).map((track_id) => ({ track_id, change_ids: ['a', 'b'], reason: 'made up' })),
    },
    embeddings: {
      tracks: Object.entries(more.switches ?? {}).map(([track_id, suspected_switches_ms]) => ({
        track_id: Number(track_id),
        suspected_switches_ms,
      })),
    },
    clusters: {
      contamination: (more.contamination ?? []).map((each) => ({
        ...{ ...each, own: 0.3, other: 0.5, other_cluster_id: 9 },
        reason: 'nearer_to_other',
      })),
    },
    tracks: { metrics: { long_tracks: more.long_tracks ?? [] } },
    params: PARAMS,
  };
}

test('decisions that a run cannot follow come after the questions: what nothing matches, and where two meet unasked', () => {
  const pieces = [piece(1, 'Ada', 4000, { locked: true, band: 'decided' }), piece(2, 'Unknown-1', 3000)];
  const conflicts = [1, 2].map((track_id) => ({ track_id, change_ids: ['c_1', 'c_2'], reason: 'the newer one holds' }));
  const unmatched = ['e_1', 'e_2'].map((evidence_id) => ({
    change_id: 'c_3',
    evidence_id,
    reason: 'no face is there',
  }));
  const input = made(pieces);
  const identities = { ...input.identities, conflicts, unmatched };
  const { items } = reviewQueue({ ...input, identities });
  expect(items.map(({ id, reasons }) => [id, reasons])).toEqual([['Unknown-1', ['unknown', 'conflict']]]);
  expect(openDecisions(identities, items)).toEqual([
    expect.objectContaining({
      ...{ id: 'conflict-1', kind: 'decision', label: 'Ada', targets: ['1'], seconds: 0, stake_s: 0 },
      ...{ clip: { start_ms: 0, end_ms: 4000 }, reasons: ['conflict'], suggestion: 'undo one of c_1, c_2' },
    }),
    expect.objectContaining({
      ...{ id: 'decision-c_3', kind: 'decision', targets: [], seconds: 0, clip: null, reasons: ['unmatched'] },
      suggestion: expect.stringContaining('c_3'),
    }),
  ]);
  for (const item of openDecisions(identities, items)) expect(ReviewItem.safeParse(item).success).toBe(true);
  expect(openDecisions({ pieces, conflicts: [], unmatched: [] }, items)).toEqual([]);
});
