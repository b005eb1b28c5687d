import { describe, expect, test } from 'vitest';
import type { TrackRow } from '#engine/core/artifacts.ts';
import type { Decision, Evidence } from '#engine/core/identities.ts';
import { uniform as randomFrom } from '#engine/eval/intervals.ts';
import { paintDecisions, sameFrame } from '#engine/math/decide.ts';
import type { DecideInput } from '#engine/math/decide-match.ts';

type Box = [number, number, number, number];
const LEFT: Box = [0.1, 0.2, 0.2, 0.4];
const RIGHT: Box = [0.6, 0.2, 0.7, 0.4];
const NEXT_TO_LEFT: Box = [0.17, 0.2, 0.27, 0.4];

interface Spec {
  box?: Box;
  from: number;
  to: number;
  vector?: number[];
  switches?: number[];
}

/** Tracks sampled every 100 ms, each with a face at its first, middle and last sample when it has a vector. */
function scene(...specs: Spec[]): Omit<DecideInput, 'decisions'> {
  const detections: { at_ms: number; box: Box }[] = [];
  const faces: DecideInput['faces'][number][] = [];
  const vectors: Float32Array[] = [];
  const tracks = specs.map(({ box = LEFT, from, to, vector }, track_id): TrackRow => {
    const first = detections.length;
    for (let at_ms = from; at_ms < to; at_ms += 100) detections.push({ at_ms, box });
    const own = Array.from({ length: detections.length - first }, (_, i) => first + i);
    if (vector !== undefined)
      [0, own.length >> 1, own.length - 1].forEach((n, i) => {
        const detection = own[n] as number;
        faces.push({
          ...{ face_id: `${track_id}-${i}`, track_id, detection, box, score: 1, quality: 1, yaw_deg: 0, roll_deg: 0 },
          ...{ at_ms: detections[detection]?.at_ms ?? 0, sharpness: 1, size_px: 80, flags: [] },
        });
        vectors.push(Float32Array.from(vector));
      });
    return { track_id, shot_id: 0, start_ms: from, end_ms: to, detections: own };
  });
  const templates = specs.flatMap(({ vector, switches = [] }, track_id) =>
    vector === undefined && switches.length === 0
      ? []
      : [
          {
            track_id,
            vector: Float32Array.from(vector ?? [1, 0]),
            dispersion: 0,
            quality: 1,
            weight: 1,
            suspected_switches_ms: switches,
          },
        ],
  );
  return { tracks, detections, faces, embeddings: { model_id: 'made-up', dim: 2, faces: vectors, tracks: templates } };
}

let count = 0;
function seen(from: number, to: number, over: Partial<Evidence> & { box?: Box } = {}): Evidence {
  const { box = LEFT, ...rest } = over;
  const moments = [];
  for (let at_ms = from; at_ms < to; at_ms += 100) moments.push({ at_ms, box });
  return { evidence_id: `e_${count++}`, start_ms: from, end_ms: to, whole_track: true, moments, vector: null, ...rest };
}

function decision(seq: number, act: Decision['act'], evidence: Evidence[], over: Partial<Decision> = {}): Decision {
  const base = {
    change_id: `c_${seq}`,
    seq,
    act,
    scope: 'track' as const,
    locked: false,
    person_id: null,
    at_ms: null,
  };
  return { ...base, evidence, ...over };
}
const is = (seq: number, person_id: string, evidence: Evidence[], over: Partial<Decision> = {}) =>
  decision(seq, 'assign', evidence, { person_id, ...over });

function paint(input: Omit<DecideInput, 'decisions'>, ...rows: Decision[]) {
  return paintDecisions({ ...input, decisions: { rows, people: [] } });
}
const short = (pieces: ReturnType<typeof paint>['pieces']) =>
  pieces.map(({ track_id, start_ms, end_ms, person_id }) => [track_id, start_ms, end_ms, person_id]);

describe('who wins', () => {
  const one = scene({ from: 0, to: 4000 });

  test('MOD-01: by brute force: locked, then the narrower scope, then the newer, at every moment', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = randomFrom(seed);
      const whole = random() < 0.3;
      const rows = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, i): Decision => {
        const from = whole ? 0 : Math.floor(random() * 30) * 100;
        const to = whole ? 4000 : from + 200 + Math.floor(random() * 8) * 100;
        const scope = (['cluster', 'track', 'frame'] as const)[Math.floor(random() * 3)] as Decision['scope'];
        const over = { scope, locked: random() < 0.2 };
        return is(i, `p_${Math.floor(random() * 3)}`, [seen(from, to, { whole_track: whole })], over);
      }).sort(() => random() - 0.5);
      const { pieces } = paint(one, ...rows);
      for (let at = 0; at < 4000; at += 100) {
        const rank = (d: Decision) =>
          Number(d.locked) * 1e6 + ['cluster', 'track', 'frame'].indexOf(d.scope) * 1e3 + d.seq;
        const best = rows
          .filter(({ evidence: [e] }) => e && e.start_ms <= at && at < e.end_ms)
          .sort((a, b) => rank(b) - rank(a))[0];
        const piece = pieces.find((p) => p.start_ms <= at && at < p.end_ms);
        expect([seed, at, piece?.person_id]).toEqual([seed, at, best?.person_id ?? null]);
        expect(piece?.locked).toBe(best?.locked ?? false);
      }
    }
  });

  test('a newer word on the same face holds for all of it, also from a run whose track began and ended elsewhere', () => {
    const { pieces, conflicts } = paint(one, is(1, 'p_a', [seen(0, 4000)]), is(2, 'p_b', [seen(200, 3800)]));
    expect([short(pieces), conflicts]).toEqual([[[0, 0, 4000, 'p_b']], []]);
  });

  test('a newer word on a part of what was one track keeps to its part', () => {
    const { pieces, conflicts } = paint(one, is(1, 'p_a', [seen(0, 4000)]), is(2, 'p_b', [seen(1500, 4000)]));
    expect(short(pieces)).toEqual([
      [0, 0, 1500, 'p_a'],
      [0, 1500, 4000, 'p_b'],
    ]);
    expect(conflicts).toMatchObject([{ track_id: 0, change_ids: ['c_1', 'c_2'] }]);
  });

  test('between two people a suspected switch is the border, else the middle of the gap', () => {
    const rows = [is(1, 'p_a', [seen(0, 1000)]), is(2, 'p_b', [seen(2000, 4000)])];
    expect(short(paint(one, ...rows).pieces)).toEqual([
      [0, 0, 1450, 'p_a'],
      [0, 1450, 4000, 'p_b'],
    ]);
    const known = scene({ from: 0, to: 4000, switches: [300, 1800, 3000] });
    expect(short(paint(known, ...rows).pieces)).toEqual([
      [0, 0, 1800, 'p_a'],
      [0, 1800, 4000, 'p_b'],
    ]);
  });
});

describe('what can be said', () => {
  const one = scene({ from: 0, to: 4000 });

  test('"not this person" takes the name and stays; a newer name lifts it', () => {
    const not = (seq: number) => decision(seq, 'deny', [seen(0, 4000)], { person_id: 'p_a' });
    expect(paint(one, is(1, 'p_a', [seen(0, 4000)]), not(2)).pieces).toMatchObject([
      { person_id: null, denied: ['p_a'] },
    ]);
    expect(paint(one, not(1), is(2, 'p_a', [seen(0, 4000)])).pieces).toMatchObject([{ person_id: 'p_a', denied: [] }]);
    expect(paint(one, not(1), is(2, 'p_b', [seen(0, 4000)])).pieces).toMatchObject([
      { person_id: 'p_b', denied: ['p_a'] },
    ]);
  });

  test('detached, dropped, and back again', () => {
    const all = () => [seen(0, 4000)];
    expect(paint(one, is(1, 'p_a', all()), decision(2, 'detach', all())).pieces).toMatchObject([
      { person_id: null, detached: true, dropped: false, change_id: 'c_2' },
    ]);
    expect(paint(one, decision(1, 'drop', all())).pieces).toMatchObject([{ dropped: true, person_id: null }]);
    expect(paint(one, decision(1, 'drop', all()), is(2, 'p_a', all())).pieces).toMatchObject([
      { dropped: false, person_id: 'p_a' },
    ]);
  });

  test('links make one person of many pieces, whose name is everybody`s', () => {
    const three = scene(
      { from: 0, to: 1000 },
      { from: 2000, to: 3000 },
      { from: 4000, to: 5000 },
      { from: 6000, to: 7000 },
    );
    const [a, b, c] = [seen(0, 1000), seen(2000, 3000), seen(4000, 5000)];
    const linked = paint(three, decision(1, 'link', [a, b]), decision(2, 'link', [b, c])).pieces;
    expect(linked.map((piece) => piece.link)).toEqual([0, 0, 0, null]);
    const named = paint(three, decision(1, 'link', [a, b, c]), is(2, 'p_a', [b])).pieces;
    // The newer word is about one piece: it leaves the link.
    expect(named.map(({ person_id, link }) => [person_id, link])).toEqual([
      [null, 0],
      ['p_a', null],
      [null, 0],
      [null, null],
    ]);
    const before = paint(three, is(1, 'p_a', [b]), decision(2, 'link', [a, b, c])).pieces;
    expect(before.map(({ person_id }) => person_id)).toEqual(['p_a', 'p_a', 'p_a', null]);
  });

  test('a cut divides the track, and each half may be somebody', () => {
    const cut = decision(1, 'cut', [seen(0, 4000)], { at_ms: 1730 });
    expect(short(paint(one, cut).pieces)).toEqual([
      [0, 0, 1730, null],
      [0, 1730, 4000, null],
    ]);
    const half = is(2, 'p_b', [seen(1730, 4000, { whole_track: false })], { scope: 'frame' });
    expect(short(paint(one, cut, half).pieces)).toEqual([
      [0, 0, 1730, null],
      [0, 1730, 4000, 'p_b'],
    ]);
    const elsewhere = decision(1, 'cut', [seen(0, 4000)], { at_ms: 3990 }); // nothing was sampled from there on
    expect(short(paint(one, elsewhere).pieces)).toEqual([[0, 0, 4000, null]]);
  });

  test('the faces of a piece are those within it', () => {
    const faces = scene({ from: 0, to: 4000, vector: [1, 0] });
    const { pieces } = paint(faces, decision(1, 'cut', [seen(0, 4000)], { at_ms: 2500 }));
    expect(pieces.map((piece) => piece.face_ids)).toEqual([['0-0', '0-1'], ['0-2']]);
  });
});

describe('finding it again', () => {
  test('what a detector missed is found by its looks, when one track of that time alone looks like it', () => {
    const a = { vector: Float32Array.from([1, 0]), box: [0.4, 0.7, 0.45, 0.8] as Box };
    const two = scene({ from: 0, to: 3000, vector: [0.9, 0.1] }, { box: RIGHT, from: 0, to: 3000, vector: [0, 1] });
    expect(short(paint(two, is(1, 'p_a', [seen(500, 2500, a)])).pieces)).toEqual([
      [0, 0, 3000, 'p_a'],
      [1, 0, 3000, null],
    ]);
    const alike = scene({ from: 0, to: 3000, vector: [0.9, 0.1] }, { box: RIGHT, from: 0, to: 3000, vector: [1, 0.1] });
    const { pieces, unmatched } = paint(alike, is(1, 'p_a', [seen(500, 2500, a)]));
    expect(pieces.map((piece) => piece.person_id)).toEqual([null, null]);
    expect(unmatched).toMatchObject([{ change_id: 'c_1', reason: expect.stringContaining('two of that time') }]);
  });

  test('what matches nothing is kept and said', () => {
    const late = scene({ from: 60_000, to: 62_000 });
    expect(paint(late, is(1, 'p_a', [seen(0, 1000)])).unmatched).toMatchObject([
      { change_id: 'c_1', reason: expect.stringContaining('No face was found there') },
    ]);
    const other = scene({ box: RIGHT, from: 0, to: 1000 });
    expect(paint(other, is(1, 'p_a', [seen(0, 1000)])).unmatched).toHaveLength(1);
  });

  test('of two faces side by side of which one was missed, the other keeps its own name', () => {
    const neighbour: Box = [0.14, 0.2, 0.24, 0.4]; // between the two, nearer to the right one
    const found = scene({ box: neighbour, from: 0, to: 2000 });
    const rows = [is(1, 'p_a', [seen(0, 2000)]), is(2, 'p_b', [seen(0, 2000, { box: NEXT_TO_LEFT })])];
    const { pieces, unmatched } = paint(found, ...rows);
    expect(pieces.map((piece) => piece.person_id)).toEqual(['p_b']);
    expect(unmatched.map((row) => row.change_id)).toEqual(['c_1']);
  });

  test('a face that this run found twice at once has its name once, and people hear of it', () => {
    const twice = scene({ from: 0, to: 2000 }, { box: [0.11, 0.21, 0.21, 0.41], from: 1800, to: 4000 });
    const { pieces, conflicts } = paint(twice, is(1, 'p_a', [seen(0, 4000)]));
    expect(short(pieces)).toEqual([
      [0, 0, 2000, 'p_a'],
      [1, 1800, 2000, null],
      [1, 2000, 4000, 'p_a'],
    ]);
    expect(conflicts).toMatchObject([{ track_id: 1, reason: expect.stringContaining('in one frame') }]);
  });

  test('one person on two tracks of one frame is told before it is written', () => {
    const two = scene({ from: 0, to: 2000 }, { box: RIGHT, from: 1000, to: 3000 }, { from: 5000, to: 6000 });
    const rows = [is(1, 'p_a', [seen(0, 2000), seen(1000, 3000, { box: RIGHT }), seen(5000, 6000)])];
    const found = sameFrame({ ...two, decisions: { rows, people: [] } });
    expect(found.map(({ a, b, moments }) => [a.track_id, b.track_id, moments.length])).toEqual([[0, 1, 10]]);
  });
});
