import type { DetectionRow, Embeddings, FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import { type Detected, detectedBy } from '#engine/core/detected.ts';
import type { Decision, Decisions, Evidence, Identities } from '#engine/core/identities.ts';
import type { Box } from '#engine/core/image.ts';
import { once } from '#engine/core/once.ts';
import { centre } from '#engine/math/boxes.ts';
import { cosine, mean, type Vector } from '#engine/math/vectors.ts';

export interface DecideInput {
  readonly tracks: readonly TrackRow[];
  readonly detections: readonly Pick<DetectionRow, 'at_ms' | 'box'>[];
  /** The same, where no row of each is made. */
  readonly detected?: Detected | undefined;
  readonly faces: readonly FaceRow[];
  readonly embeddings: Embeddings;
  readonly decisions: Decisions;
}

/** Evidence that was found again: the decision says something about this track. */
export interface Claim {
  readonly decision: Decision;
  readonly evidence: Evidence;
  readonly track_id: number;
  /** Moments at which the track's box is the evidence's; in order, at least one. */
  readonly hits: readonly number[];
  /** Mean agreement of the boxes at the hits, 0..1. */
  readonly score: number;
}

interface Moment {
  readonly at_ms: number;
  readonly box: Box;
}

interface Path {
  readonly track: TrackRow;
  readonly moments: readonly Moment[];
}

/** Two boxes are of one face when their centres lie within half a face of each other: neighbours' are one or more apart. */
const DISTANCE_MAX = 0.5;
/** Detectors draw faces differently large (with or without forehead and ears), by side never twice. */
const SIZE_RATIO_MIN = 0.5;
/** Between moments of the evidence that are further apart than this nobody knows where the face was. */
const INTERPOLATE_MS_MAX = 1500;
/** A track that few moments fall on is looked at at this many times of its own. */
const SAMPLES_MIN = 3;
/** Cosine from which a face is found by its looks alone, far above what strangers score, and its lead over the next. */
const LOOKS_MIN = 0.45;
const LOOKS_LEAD_MIN = 0.1;
/** How far beside its moments a face is still looked for: a detector that missed some frames. */
const NEARBY_MS = 500;
const BUCKET_MS = 10_000;

/** Which tracks each piece of evidence speaks of: by time and box, else by looks. */
export function matchEvidence(input: DecideInput): { claims: Claim[]; unmatched: Identities['unmatched'] } {
  const index = once(() => indexOf(input)); // mostly nobody has decided anything
  const near: Near = (start_ms, end_ms) => index()(start_ms, end_ms);
  const all = input.decisions.rows.flatMap((decision) => decision.evidence.map((evidence) => ({ decision, evidence })));
  const placed = all.map((each) => ({ ...each, claims: byPlace(each.decision, each.evidence, near) }));
  const kept = new Set(withoutNeighbours(placed.flatMap(({ claims }) => claims)));
  const taken = Map.groupBy(kept, (claim) => claim.track_id);
  const claims: Claim[] = [];
  const unmatched: Identities['unmatched'] = [];
  for (const { decision, evidence, claims: own } of placed) {
    const found = own.filter((claim) => kept.has(claim));
    if (found.length === 0) {
      const { claim, reason } = byLooks(decision, evidence, near, taken, input);
      if (claim !== undefined) found.push(claim);
      else unmatched.push({ change_id: decision.change_id, evidence_id: evidence.evidence_id, reason });
    }
    claims.push(...found);
  }
  return { claims, unmatched };
}

/** 0: not the same face; else up to 1. Distances in widths and heights of a face, so that the frame's shape plays no part. */
function agreement(a: Box, b: Box): number {
  const [width, height] = [(a[2] - a[0] + b[2] - b[0]) / 2, (a[3] - a[1] + b[3] - b[1]) / 2];
  const sizes = [(a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])] as const;
  if (!(Math.min(...sizes) > 0)) return 0;
  const [[ax, ay], [bx, by]] = [centre(a), centre(b)];
  const distance = Math.hypot((ax - bx) / width, (ay - by) / height);
  const ratio = Math.sqrt(Math.min(...sizes) / Math.max(...sizes));
  return distance > DISTANCE_MAX || ratio < SIZE_RATIO_MIN ? 0 : (1 - distance) * ratio;
}

/** Tracks that overlap a span. */
type Near = (start_ms: number, end_ms: number) => Path[];

function indexOf(input: DecideInput): Near {
  const detected = detectedBy(input);
  const buckets = new Map<number, Path[]>();
  for (const track of input.tracks) {
    let moments: Moment[] | undefined; // only few tracks are near any evidence
    const path: Path = {
      track,
      get moments() {
        moments ??= momentsOf(track, detected);
        return moments;
      },
    };
    for (let at = Math.floor(track.start_ms / BUCKET_MS); at * BUCKET_MS < track.end_ms; at++)
      buckets.set(at, [...(buckets.get(at) ?? []), path]);
  }
  return (start_ms, end_ms) => {
    const found = new Set<Path>();
    for (let at = Math.floor(start_ms / BUCKET_MS); at * BUCKET_MS < end_ms; at++)
      for (const path of buckets.get(at) ?? [])
        if (path.track.start_ms < end_ms && path.track.end_ms > start_ms) found.add(path);
    return [...found].sort((a, b) => a.track.track_id - b.track.track_id);
  };
}

function momentsOf(track: TrackRow, detected: Detected): Moment[] {
  return track.detections.flatMap((i) => {
    const [at_ms, box] = [detected.at_ms(i), detected.box(i)];
    return at_ms === undefined || box === undefined ? [] : [{ at_ms, box }];
  });
}

/** At each moment the one track whose box agrees best; a track counts when most of the moments on it agree. */
function byPlace(decision: Decision, evidence: Evidence, near: Near): Claim[] {
  const own = [...evidence.moments].sort((a, b) => a.at_ms - b.at_ms);
  const first = own[0];
  const last = own.at(-1);
  if (first === undefined || last === undefined) return [];
  const paths = near(Math.min(first.at_ms, evidence.start_ms), Math.max(last.at_ms + 1, evidence.end_ms));
  const tally = new Map(paths.map((path) => [path, { inside: 0, hits: [] as number[], score: 0 }]));
  for (const sample of samplesOf(evidence, own, paths)) {
    let best: { path: Path; score: number } | undefined;
    for (const path of paths) {
      if (!covers(path, sample.at_ms)) continue;
      (tally.get(path) as { inside: number }).inside++;
      const box = boxAt(path.moments, sample.at_ms);
      const score = box === undefined ? 0 : agreement(box, sample.box);
      if (score > (best?.score ?? 0)) best = { path, score };
    }
    const counted = best && tally.get(best.path);
    if (best === undefined || counted === undefined) continue;
    counted.hits.push(sample.at_ms);
    counted.score += best.score;
  }
  return [...tally].flatMap(([{ track }, { inside, hits, score }]) =>
    hits.length * 2 <= inside
      ? []
      : [{ decision, evidence, track_id: track.track_id, hits, score: score / hits.length }],
  );
}

/** The evidence's own moments, and between them some of each track's that few of these fall on. */
function samplesOf(evidence: Evidence, own: readonly Moment[], paths: readonly Path[]): Moment[] {
  const samples = new Map(own.map((moment) => [moment.at_ms, moment]));
  for (const path of paths) {
    if (own.filter(({ at_ms }) => covers(path, at_ms)).length >= SAMPLES_MIN) continue;
    for (const at_ms of spread(path.moments.map((moment) => moment.at_ms))) {
      const box = between(own, at_ms) ?? atEnds(evidence, own, at_ms);
      if (box !== undefined && !samples.has(at_ms)) samples.set(at_ms, { at_ms, box });
    }
  }
  return [...samples.values()].sort((a, b) => a.at_ms - b.at_ms);
}

function spread(times: readonly number[]): number[] {
  const at = (share: number) => times[Math.round((times.length - 1) * share)];
  return [...new Set([at(0), at(0.25), at(0.5), at(0.75), at(1)])].filter((time) => time !== undefined);
}

function covers({ track }: Path, at_ms: number): boolean {
  return track.start_ms <= at_ms && at_ms < track.end_ms;
}

/** Where the evidence's face was between two of its moments that are near enough. */
function between(moments: readonly Moment[], at_ms: number): Box | undefined {
  const after = moments.findIndex((moment) => moment.at_ms >= at_ms);
  const [before, next] = [moments[after - 1], moments[after]];
  if (next?.at_ms === at_ms) return next.box;
  if (before === undefined || next === undefined || next.at_ms - before.at_ms > INTERPOLATE_MS_MAX) return undefined;
  return boxAt([before, next], at_ms);
}

/** Within its span and just before its first moment, or just after its last: as there. */
function atEnds({ start_ms, end_ms }: Evidence, own: readonly Moment[], at_ms: number): Box | undefined {
  const [first, last] = [own[0], own.at(-1)];
  if (first === undefined || last === undefined || at_ms < start_ms || at_ms >= end_ms) return undefined;
  if (at_ms < first.at_ms) return first.at_ms - at_ms <= NEARBY_MS ? first.box : undefined;
  return at_ms > last.at_ms && at_ms - last.at_ms <= NEARBY_MS ? last.box : undefined;
}

/** Straight between neighbouring moments; before the first and after the last as at these. */
function boxAt(moments: readonly Moment[], at_ms: number): Box | undefined {
  let low = 0;
  let high = moments.length; // the first moment after at_ms
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle] as Moment).at_ms <= at_ms) low = middle + 1;
    else high = middle;
  }
  const [a, b] = [moments[low - 1], moments[low]];
  if (a === undefined || b === undefined) return (a ?? b)?.box;
  const share = (at_ms - a.at_ms) / (b.at_ms - a.at_ms);
  const side = (i: 0 | 1 | 2 | 3) => a.box[i] + (b.box[i] - a.box[i]) * share;
  return [side(0), side(1), side(2), side(3)];
}

/**
 * Evidence of two faces that were seen side by side cannot both speak of one track: it is the one's that agrees better.
 * (The other face was not found this time, and its neighbour is the nearest box.)
 */
function withoutNeighbours(claims: readonly Claim[]): Claim[] {
  const lost = new Set<Claim>();
  for (const own of Map.groupBy(claims, (claim) => claim.track_id).values())
    own.forEach((a, i) => {
      for (const b of own.slice(i + 1)) if (sideBySide(a.evidence, b.evidence)) lost.add(a.score < b.score ? a : b);
    });
  return claims.filter((claim) => !lost.has(claim));
}

/** True when both are known at some moment, and mostly at two places. */
function sideBySide(a: Evidence, b: Evidence): boolean {
  const order = (moments: readonly Moment[]) => [...moments].sort((x, y) => x.at_ms - y.at_ms);
  const [as, bs] = [order(a.moments), order(b.moments)];
  let apart = 0;
  let known = 0;
  for (const { at_ms } of [...as, ...bs]) {
    const [one, other] = [between(as, at_ms), between(bs, at_ms)];
    if (one === undefined || other === undefined) continue;
    known++;
    if (agreement(one, other) === 0) apart++;
  }
  return known > 0 && apart * 2 > known;
}

/** The track at that time that looks like it and that no other evidence of that time claims. */
function byLooks(
  decision: Decision,
  evidence: Evidence,
  near: Near,
  taken: ReadonlyMap<number, readonly Claim[]>,
  { faces, embeddings }: DecideInput,
): { claim?: Claim; reason: string } {
  const from = evidence.start_ms - NEARBY_MS;
  const to = evidence.end_ms + NEARBY_MS;
  const free = near(Math.max(0, from), to).filter(({ track }) =>
    (taken.get(track.track_id) ?? []).every(({ evidence: other }) => !overlap(other, evidence)),
  );
  if (free.length === 0) return { reason: 'No face was found there and then in this run.' };
  const { vector } = evidence;
  if (vector === null) return { reason: 'No face is at that place, and no crop was kept to compare looks with.' };
  const ranked = free
    .flatMap(({ track }) => {
      const looks = looksOf(track, from, to, faces, embeddings);
      return looks === undefined || looks.length !== vector.length
        ? []
        : [{ track, similarity: cosine(looks, vector) }];
    })
    .sort((a, b) => b.similarity - a.similarity);
  const [best, next] = ranked;
  if (best === undefined) return { reason: 'No face is at that place, and none of that time has a usable crop.' };
  if (best.similarity < LOOKS_MIN) return { reason: 'No face is at that place, and none of that time looks like it.' };
  if (best.similarity - (next?.similarity ?? -1) < LOOKS_LEAD_MIN)
    return { reason: 'No face is at that place, and two of that time look like it.' };
  const { start_ms, end_ms, track_id } = best.track;
  const at_ms = Math.min(Math.max(evidence.start_ms, start_ms), end_ms - 1);
  const until = Math.max(at_ms, Math.min(evidence.end_ms, end_ms) - 1);
  return { claim: { decision, evidence, track_id, hits: [...new Set([at_ms, until])], score: 0 }, reason: '' };
}

function overlap(a: Evidence, b: Evidence): boolean {
  return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}

/** Mean of the track's faces within the span; without any there, its template. */
function looksOf(
  track: TrackRow,
  from: number,
  to: number,
  faces: readonly FaceRow[],
  embeddings: Embeddings,
): Vector | undefined {
  const vectors = faces.flatMap((face, i) =>
    face.track_id === track.track_id && face.at_ms >= from && face.at_ms < to ? (embeddings.faces[i] ?? []) : [],
  );
  if (vectors.length > 0) return mean(vectors as Vector[]);
  return embeddings.tracks.find((row) => row.track_id === track.track_id)?.vector;
}
