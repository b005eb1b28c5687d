import type { FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import { detectedBy } from '#engine/core/detected.ts';
import type { Identities } from '#engine/core/identities.ts';
import { type Claim, type DecideInput, matchEvidence } from './decide-match.ts';
import { contradict, type Region, regionsOf, strength } from './decide-regions.ts';
import { type Clash, clashes, type Draft, oncePerFrame } from './decide-same-frame.ts';

/** A stretch of a track on which people's decisions say one thing. The pieces of a track cover it without overlap. */
export interface PaintedPiece {
  readonly track_id: number;
  readonly start_ms: number;
  readonly end_ms: number;
  /** Faces of the track within the span. */
  readonly face_ids: string[];
  /** Assigned by a person. */
  readonly person_id: string | null;
  /** People who it is not, by a person's word; sorted. */
  readonly denied: string[];
  readonly detached: boolean;
  readonly dropped: boolean;
  /** Pieces with one number are one person, whoever it is. */
  readonly link: number | null;
  readonly locked: boolean;
  /** Of the decision that holds; null without one. */
  readonly change_id: string | null;
}

export interface Painted {
  readonly pieces: PaintedPiece[];
  readonly unmatched: Identities['unmatched'];
  readonly conflicts: Identities['conflicts'];
}

/** What people's decisions make of a run's tracks. Without decisions: one piece a track, covering it. */
export function paintDecisions(input: DecideInput): Painted {
  const { drafts, unmatched, conflicts } = draftAll(input);
  const once = oncePerFrame(drafts, input);
  const faces = Map.groupBy(input.faces, (face) => face.track_id);
  return {
    pieces: once.pieces.map((draft) => finish(draft, faces.get(draft.track_id) ?? [])),
    unmatched,
    conflicts: [...conflicts, ...once.conflicts],
  };
}

/** Where the decisions, taken at their word, would put one person on two tracks in one frame. */
export function sameFrame(input: DecideInput): Clash[] {
  return clashes(draftAll(input).drafts, input);
}

function draftAll(input: DecideInput): { drafts: Draft[] } & Pick<Painted, 'unmatched' | 'conflicts'> {
  const { claims, unmatched } = matchEvidence(input);
  const by_track = Map.groupBy(claims, (claim) => claim.track_id);
  const switches = new Map(input.embeddings.tracks.map((row) => [row.track_id, row.suspected_switches_ms]));
  const links = unions();
  const drafts: Draft[] = [];
  const conflicts: Identities['conflicts'] = [];
  for (const track of input.tracks) {
    const own = by_track.get(track.track_id);
    if (own === undefined) {
      drafts.push({ ...UNDECIDED, track_id: track.track_id, start_ms: track.start_ms, end_ms: track.end_ms });
      continue;
    }
    const regions = regionsOf(track, own, switches.get(track.track_id) ?? []);
    conflicts.push(...meetings(track, regions));
    drafts.push(...paintTrack(track, regions, input, links));
  }
  return {
    drafts: nameLinks(
      drafts.map((draft) => (draft.link === null ? draft : { ...draft, link: links.root(draft.link) })),
    ),
    unmatched,
    conflicts,
  };
}

/** The decisions that speak of each track of the run, by number of the track. */
export function claimedTracks(input: DecideInput): Map<number, Claim[]> {
  return Map.groupBy(matchEvidence(input).claims, (claim) => claim.track_id);
}

/** Two people's decisions that were made on tracks of their own and are on one track here. */
function meetings(track: TrackRow, regions: readonly Region[]): Identities['conflicts'] {
  const whole = regions.filter(({ claim, spans }) => claim.evidence.whole_track && spans.length > 0);
  const met = new Set<string>();
  whole.forEach((a, i) => {
    for (const b of whole.slice(i + 1))
      if (contradict(a.claim.decision, b.claim.decision))
        for (const { claim } of [a, b]) met.add(claim.decision.change_id);
  });
  if (met.size === 0) return [];
  const reason = 'Decisions on two people meet on this track; it is divided between their moments.';
  return [{ track_id: track.track_id, change_ids: [...met].sort(), reason }];
}

function paintTrack(track: TrackRow, regions: readonly Region[], input: DecideInput, links: Unions): Draft[] {
  const cuts = cutsOf(track, regions);
  const edges = new Set([track.start_ms, track.end_ms, ...cuts]);
  for (const { spans } of regions) for (const { start_ms, end_ms } of spans) edges.add(start_ms).add(end_ms);
  const order = [...edges].sort((a, b) => a - b);
  const pieces: Draft[] = [];
  for (const [i, start_ms] of order.slice(0, -1).entries()) {
    const end_ms = order[i + 1] as number;
    const here = regions.filter(({ spans }) => spans.some((s) => s.start_ms <= start_ms && s.end_ms >= end_ms));
    const next = { track_id: track.track_id, start_ms, end_ms, ...decide(here, input, links) };
    const last = pieces.at(-1);
    if (last !== undefined && !cuts.has(start_ms) && alike(last, next)) pieces[pieces.length - 1] = { ...last, end_ms };
    else pieces.push(next);
  }
  return withDetections(track, pieces, input);
}

/** A track that nobody has said anything about. */
const UNDECIDED = {
  ...{ person_id: null, denied: [], detached: false, dropped: false, link: null, locked: false, by: [], support: 0 },
} satisfies Partial<Draft>;

function cutsOf(track: TrackRow, regions: readonly Region[]): Set<number> {
  const times = regions.flatMap(({ claim: { decision } }) => (decision.act === 'cut' ? (decision.at_ms ?? []) : []));
  return new Set(times.filter((at_ms) => at_ms > track.start_ms && at_ms < track.end_ms));
}

/** What holds where all of these claims speak. */
function decide(
  here: readonly Region[],
  { decisions }: DecideInput,
  links: Unions,
): Omit<Draft, 'track_id' | 'start_ms' | 'end_ms'> {
  const sorted = here.map(({ claim }) => claim).sort((a, b) => strength(b.decision, a.decision));
  const all = sorted.map(({ decision }) => decision);
  const placed = all.find(({ act }) => act === 'assign' || act === 'detach' || act === 'drop');
  const linked = all.filter(({ act }) => act === 'link').filter((d) => !placed || strength(d, placed) > 0);
  const numbers = linked.map((decision) => decisions.rows.indexOf(decision));
  for (const number of numbers) links.join(numbers[0] as number, number);
  const assigned = (person_id: string | null) => all.find((d) => d.act === 'assign' && d.person_id === person_id);
  const denies = all.filter(({ act, person_id }) => act === 'deny' && person_id !== null);
  const in_force = denies.filter((deny) => {
    const yes = assigned(deny.person_id);
    return yes === undefined || strength(deny, yes) > 0;
  });
  const denied = [...new Set(in_force.flatMap(({ person_id }) => person_id ?? []))].sort();
  const person_id = placed?.act === 'assign' ? placed.person_id : null;
  const named = person_id !== null && !denied.includes(person_id) ? person_id : null;
  const by = [
    ...(placed !== undefined && (named !== null || placed.act !== 'assign') ? [placed] : []),
    ...linked,
    ...in_force,
  ];
  return {
    person_id: named,
    denied,
    detached: placed?.act === 'detach' && linked.length === 0,
    dropped: placed?.act === 'drop' && linked.length === 0,
    link: numbers[0] ?? null,
    locked: by.some(({ locked }) => locked),
    by: by.sort((a, b) => strength(b, a)),
    support: Math.max(0, ...sorted.map(({ hits, score }) => hits.length + score)),
  };
}

function alike(a: Draft, b: Draft): boolean {
  return a.by.length === b.by.length && a.by.every((decision, i) => decision === b.by[i]);
}

/** A piece without a detection shows nobody: it goes to its neighbour. */
function withDetections(track: TrackRow, pieces: readonly Draft[], input: DecideInput): Draft[] {
  const detected = detectedBy(input);
  const times = track.detections.flatMap((i) => detected.at_ms(i) ?? []);
  const seen = (piece: Draft) => times.some((at_ms) => piece.start_ms <= at_ms && at_ms < piece.end_ms);
  const out: Draft[] = [];
  let waiting: number | undefined; // where a stretch without detections began, before the first piece with one
  for (const piece of pieces) {
    const last = out.at(-1);
    if (seen(piece)) {
      out.push({ ...piece, start_ms: waiting ?? piece.start_ms });
      waiting = undefined;
    } else if (last !== undefined) out[out.length - 1] = { ...last, end_ms: piece.end_ms };
    else waiting ??= piece.start_ms;
  }
  return out.length > 0 ? out : pieces.slice(0, 1).map((piece) => ({ ...piece, end_ms: track.end_ms }));
}

/** Linked pieces of which one person was named by a person are all that person's, where nobody said otherwise. */
function nameLinks(drafts: readonly Draft[]): Draft[] {
  const people = new Map<number, Set<string>>();
  for (const { link, person_id } of drafts)
    if (link !== null && person_id !== null) people.set(link, (people.get(link) ?? new Set<string>()).add(person_id));
  return drafts.map((draft) => {
    const [person_id, ...others] = draft.link === null ? [] : (people.get(draft.link) ?? []);
    if (person_id === undefined || others.length > 0 || draft.person_id !== null) return draft;
    return draft.denied.includes(person_id) || draft.dropped ? draft : { ...draft, person_id };
  });
}

function finish(draft: Draft, faces: readonly FaceRow[]): PaintedPiece {
  const { track_id, start_ms, end_ms, person_id, denied, detached, dropped, link, locked, by } = draft;
  const face_ids: string[] = [];
  for (const { at_ms, face_id } of faces) if (at_ms >= start_ms && at_ms < end_ms) face_ids.push(face_id);
  const change_id = by[0]?.change_id ?? null;
  return { track_id, start_ms, end_ms, face_ids, person_id, denied, detached, dropped, link, locked, change_id };
}

interface Unions {
  join(a: number, b: number): void;
  root<T extends number | null>(of: T): T;
}

/** Numbers that were said to be one; each goes by the smallest. */
function unions(): Unions {
  const parent = new Map<number, number>();
  const find = (a: number): number => {
    const up = parent.get(a) ?? a;
    return up === a ? a : find(up);
  };
  return {
    join(a, b) {
      const [x, y] = [find(a), find(b)];
      parent.set(Math.max(x, y), Math.min(x, y));
    },
    root: <T extends number | null>(of: T) => (of === null ? of : (find(of) as T)),
  };
}
