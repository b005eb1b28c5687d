import { describe, expect, test } from 'vitest';
import type { TrackRow } from '#engine/core/artifacts.ts';
import type { Decision } from '#engine/core/identities.ts';
import { paintDecisions } from '#engine/math/decide.ts';
import { decidedByTruth, type Eyes, look, madeWorld, type SeenBy } from '../support/decide-world.ts';

const PLAIN: Eyes = { seed: 1, period_ms: 100, missed: 0, jitter: 0, scale: 1, breaks: 0, joins: false };
const FIRST: Eyes = { ...PLAIN, missed: 0.1, jitter: 0.03, breaks: 0.01 };

/** Other runs: other sampling, another detector, more breaks, tracks that go on from one person to the next. */
const RUNS: [string, Omit<Eyes, 'seed'>][] = [
  ['the same again', FIRST],
  ['sampled more sparsely', { ...FIRST, period_ms: 250 }],
  ['sampled more densely', { ...FIRST, period_ms: 40, missed: 0.3 }],
  ['larger boxes that jump', { ...FIRST, scale: 1.35, jitter: 0.12 }],
  ['smaller boxes, a third missed', { ...FIRST, scale: 0.75, jitter: 0.1, missed: 0.33 }],
  ['broken up', { ...FIRST, breaks: 0.15, period_ms: 125 }],
  ['joined', { ...FIRST, joins: true, period_ms: 80 }],
  ['joined and broken up', { ...FIRST, joins: true, breaks: 0.08, scale: 1.2, jitter: 0.1, missed: 0.2 }],
];

describe('decisions of one run, on the tracks of another', () => {
  test.each(RUNS)('%s: nobody loses their name, nobody takes another', (_, eyes) => {
    for (let seed = 1; seed <= 25; seed++) {
      const world = madeWorld(seed);
      const before = look(world, { ...FIRST, seed });
      const after = look(world, { ...eyes, seed: seed + 1000 });
      const decisions = { rows: decidedByTruth(before), people: [] };
      const { pieces, unmatched } = paintDecisions({ ...after.input, decisions });
      expect(covered(after.input.tracks, pieces)).toEqual([]);
      const { wrong, nameless, right } = judged(after, pieces, decisions.rows);
      expect({ seed, wrong, nameless }).toEqual({ seed, wrong: [], nameless: [] });
      expect(right).toBeGreaterThan(50);
      // A track of one or two samples may well be missed by other eyes; what was seen longer is found again.
      const lasting = decisions.rows.flatMap((row) => row.evidence).filter((e) => e.moments.length > 4);
      const missing = new Set(unmatched.map((row) => row.evidence_id));
      expect(lasting.filter((e) => missing.has(e.evidence_id)).map((e) => e.evidence_id)).toEqual([]);
    }
  });

  test('where two people meet on one track it is cut between them, and people hear of it', () => {
    let met = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const world = madeWorld(seed);
      const before = look(world, { ...PLAIN, seed });
      const after = look(world, { ...PLAIN, seed: seed + 50, joins: true });
      const { conflicts, pieces } = paintDecisions({
        ...after.input,
        decisions: { rows: decidedByTruth(before), people: [] },
      });
      const mixed = after.input.tracks.filter((t) => new Set(t.detections.map((i) => after.truth[i])).size > 1);
      expect(conflicts.map((row) => row.track_id).sort()).toEqual(mixed.map((t) => t.track_id).sort());
      for (const { track_id } of mixed) expect(pieces.filter((p) => p.track_id === track_id)).toHaveLength(2);
      met += mixed.length;
    }
    expect(met).toBeGreaterThan(20);
  });

  test('the numbers of tracks and detections play no part', () => {
    const world = madeWorld(4);
    const decisions = { rows: decidedByTruth(look(world, FIRST)), people: [] };
    const { input } = look(world, { ...FIRST, seed: 9, joins: true, breaks: 0.05 });
    const last = input.detections.length - 1;
    const turned = {
      ...input,
      detections: [...input.detections].reverse(),
      tracks: input.tracks
        .map((t) => ({ ...t, track_id: 500 - t.track_id, detections: t.detections.map((i) => last - i) }))
        .reverse(),
    };
    const plain = paintDecisions({ ...input, decisions }).pieces;
    const other = paintDecisions({ ...turned, decisions }).pieces.map((p) => ({ ...p, track_id: 500 - p.track_id }));
    const order = (pieces: typeof plain) =>
      pieces.toSorted((a, b) => a.track_id - b.track_id || a.start_ms - b.start_ms);
    expect(order(other)).toEqual(order(plain));
  });

  test('without decisions each track is one piece with all its faces', () => {
    const { input } = look(madeWorld(2), FIRST);
    const { pieces, unmatched, conflicts } = paintDecisions({ ...input, decisions: { rows: [], people: [] } });
    expect([unmatched, conflicts]).toEqual([[], []]);
    expect(pieces.map(({ track_id, start_ms, end_ms }) => ({ track_id, start_ms, end_ms }))).toEqual(
      input.tracks.map(({ track_id, start_ms, end_ms }) => ({ track_id, start_ms, end_ms })),
    );
    const nothing = { person_id: null, denied: [], detached: false, dropped: false, link: null, locked: false };
    for (const piece of pieces) expect(piece).toMatchObject({ ...nothing, change_id: null });
  });
});

type Pieces = ReturnType<typeof paintDecisions>['pieces'];

/** Tracks whose pieces do not cover them exactly. */
function covered(tracks: readonly TrackRow[], pieces: Pieces): number[] {
  return tracks
    .filter(({ track_id, start_ms, end_ms }) => {
      const own = pieces.filter((piece) => piece.track_id === track_id);
      const joined = own.every((piece, i) => piece.start_ms === (own[i - 1]?.end_ms ?? start_ms));
      return !joined || own.at(-1)?.end_ms !== end_ms;
    })
    .map(({ track_id }) => track_id);
}

/** By truth: detections that were given another's name, and those of no name although a decision was made then and there. */
function judged(run: SeenBy, pieces: Pieces, decisions: readonly Decision[]) {
  const wrong: string[] = [];
  const nameless: string[] = [];
  let right = 0;
  const by_track = Map.groupBy(pieces, (piece) => piece.track_id);
  for (const track of run.input.tracks)
    for (const i of track.detections) {
      const { at_ms } = run.input.detections[i] as { at_ms: number };
      const person = run.truth[i] as string;
      const piece = by_track.get(track.track_id)?.find((p) => p.start_ms <= at_ms && at_ms < p.end_ms);
      const known = decisions.some(
        ({ person_id, evidence: [e] }) => person_id === person && e && e.start_ms <= at_ms && at_ms < e.end_ms,
      );
      if (piece?.person_id === person) right++;
      else if (piece?.person_id != null) {
        // At the very edge of a change of people nobody was looked at: the cut lies in the middle of the gap.
        if (known) wrong.push(`${track.track_id} at ${at_ms}: ${piece.person_id} for ${person}`);
      } else if (known) nameless.push(`${track.track_id} at ${at_ms}: ${person}`);
    }
  return { wrong, nameless, right };
}
