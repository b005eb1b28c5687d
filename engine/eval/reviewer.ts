import type { Artifacts, FaceRow } from '#engine/core/artifacts.ts';
import type { Decision, Decisions, Evidence, Identities } from '#engine/core/identities.ts';
import { parseTrackRef } from '../review/refs.ts';

/** A question of the review queue, as far as an answer needs it. */
export interface Question {
  readonly id: string;
  /** Tracks, or spans of them: `12`, `12:3400-5200`. */
  readonly targets: readonly string[];
}

type Shown = Pick<FaceRow, 'track_id' | 'at_ms' | 'box'>;
type Seen = Shown & { readonly person: string | null };

/** Everything that the simulated person has: the queue, its contact sheets, and eyes. */
export interface Desk {
  readonly run: Pick<Artifacts, 'detections' | 'tracks'>;
  identify(decisions: Decisions): Identities;
  /** What is asked, in its order. */
  queue(identities: Identities): readonly Question[];
  /** The faces that the contact sheet of a question shows: all that the person sees of it. */
  sheet(question: Question, identities: Identities): readonly Shown[];
  /** Whose face a shown one is; null: nobody's. */
  who(at_ms: number, box: Shown['box']): string | null;
  /** The bank's id of a person; undefined: the answer creates them. */
  idOf(person: string): string | undefined;
  /** Share of face-seconds that is right, 0..1. */
  right(identities: Identities): number;
}

export interface Reviewed {
  /** What it took: one for each question answered, and one for each group of faces that was excepted in an answer. */
  decisions: number;
  answers: number;
  reached: boolean;
  share_before: number;
  share_after: number;
}

/**
 * A person who answers the review queue in its order, from nothing but what the contact sheets show: the name of most faces on it, except
 * those that are somebody else's. What a sheet does not show is answered like the rest of it; what was said before of the very same
 * tracks is not said again. Ends when the share is reached, or nothing new is asked.
 */
export function review(desk: Desk, share_wanted: number, answers_max = 500): Reviewed {
  let decisions: Decisions = { rows: [], people: [] };
  let identities = desk.identify(decisions);
  const share_before = desk.right(identities);
  const done = { decisions: 0, answers: 0, share_after: share_before };
  const asked = new Set<string>();
  const said = new Set<string>();
  while (done.share_after < share_wanted && done.answers < answers_max) {
    const question = desk.queue(identities).find((each) => !asked.has(keyOf(each)));
    if (question === undefined) break;
    asked.add(keyOf(question));
    const all = answer(question, desk.sheet(question, identities), { desk, identities });
    const groups = all.filter((group) => group.spans.some((span) => !said.has(saying(group, span))));
    if (groups.length === 0) continue; // a sheet without a face, or with nothing that was not said
    for (const group of groups) for (const span of group.spans) said.add(saying(group, span));
    done.answers++;
    done.decisions += groups.length;
    decisions = add(decisions, groups, done.answers, desk);
    identities = desk.identify(decisions);
    done.share_after = desk.right(identities);
  }
  return { ...done, share_before, reached: done.share_after >= share_wanted };
}

function keyOf({ id, targets }: Question): string {
  return `${id} ${[...targets].sort().join(' ')}`;
}

interface Span {
  readonly track_id: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly whole_track: boolean;
}

interface Group {
  /** null: these are nobody's. */
  readonly person: string | null;
  readonly spans: readonly Span[];
}

function saying({ person }: Group, { track_id, start_ms, end_ms }: Span): string {
  return JSON.stringify([person, track_id, start_ms, end_ms]);
}

/** The main answer first, then the exceptions. */
function answer(question: Question, shown: readonly Shown[], { desk, identities }: Known): Group[] {
  const seen = shown.map((face) => ({ ...face, person: desk.who(face.at_ms, face.box) }));
  const counts = [...Map.groupBy(seen, (face) => face.person)].sort((a, b) => b[1].length - a[1].length);
  const [main] = counts[0] ?? [];
  if (main === undefined) return [];
  const spans = question.targets.flatMap((target) => {
    const span = spanOf(target, desk.run.tracks.rows);
    if (span === undefined) return [];
    const inside = seen.filter(
      ({ track_id, at_ms }) => track_id === span.track_id && at_ms >= span.start_ms && at_ms < span.end_ms,
    );
    return divide(span, inside, { main, known: { desk, identities } });
  });
  return [...Map.groupBy(spans, ({ person }) => person)]
    .map(([person, own]) => ({ person, spans: own.map(({ span }) => span) }))
    .sort((a, b) => Number(b.person === main) - Number(a.person === main));
}

/** What else is on the desk when a question is answered. */
interface Known {
  readonly desk: Desk;
  /** Who is who by then. */
  readonly identities: Pick<Identities, 'pieces'>;
}

/** A target whose shown faces are several people's is divided between those that differ. */
function divide(
  span: Span,
  faces: readonly Seen[],
  { main, known }: { main: string | null; known: Known },
): { person: string | null; span: Span }[] {
  const parts: { person: string | null; span: Span }[] = [];
  const sorted = [...faces].sort((a, b) => a.at_ms - b.at_ms);
  let start_ms = span.start_ms;
  for (const [i, face] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next?.person === face.person) continue;
    const end_ms = next === undefined ? span.end_ms : borderOf(face, next, known);
    const whole_track = span.whole_track && start_ms === span.start_ms && end_ms === span.end_ms;
    parts.push({ person: face.person, span: { ...span, start_ms, end_ms, whole_track } });
    start_ms = end_ms;
  }
  return parts.length > 0 ? parts : [{ person: main, span }];
}

/** Halfway; but nobody is in two places: who is named elsewhere meanwhile is not here, too. */
function borderOf(last: Seen, next: Seen, { desk, identities }: Known): number {
  const elsewhere = (person: string | null) => {
    if (person === null) return [];
    const id = idOf(person, desk);
    return identities.pieces.filter(({ track_id, person_id }) => person_id === id && track_id !== last.track_id);
  };
  const between = (at_ms: number) => at_ms > last.at_ms && at_ms <= next.at_ms;
  const half = Math.round((last.at_ms + next.at_ms) / 2);
  const until = elsewhere(last.person).map(({ start_ms }) => start_ms);
  const from = elsewhere(next.person).map(({ end_ms }) => end_ms);
  return Math.max(Math.min(half, ...until.filter(between)), ...from.filter(between));
}

function idOf(person: string, desk: Desk): string {
  return desk.idOf(person) ?? `p_${person}`;
}

function spanOf(target: string, tracks: Artifacts['tracks']['rows']): Span | undefined {
  const ref = parseTrackRef(target);
  const track = tracks.find((row) => row.track_id === ref?.track_id);
  if (ref === undefined || track === undefined) return undefined;
  const { start_ms, end_ms } = ref.span ?? track;
  return { track_id: track.track_id, start_ms, end_ms, whole_track: ref.span === undefined };
}

function add({ rows, people }: Decisions, groups: readonly Group[], answer: number, desk: Desk): Decisions {
  const known = new Map(people.map(({ name, person_id }) => [name, person_id]));
  const made = groups.flatMap(({ person, spans }, n): Decision[] => {
    const person_id = person === null ? null : idOf(person, desk);
    if (person !== null && person_id !== null) known.set(person, person_id);
    const change_id = `answer-${answer}-${n}`;
    const evidence = spans.flatMap((span, e) => evidenceOf(span, `${change_id}-${e}`, desk.run));
    if (evidence.length === 0) return [];
    // The main answer is about a group, an exception about single tracks: the narrower one wins.
    const scope = spans.some((span) => !span.whole_track) ? 'frame' : n === 0 && spans.length > 1 ? 'cluster' : 'track';
    const act = person === null ? 'drop' : 'assign';
    const seq = rows.length + n + 1;
    return [{ change_id, seq, act, scope, locked: false, person_id, at_ms: null, evidence }];
  });
  return {
    rows: [...rows, ...made],
    people: [...known].map(([name, person_id]) => ({ person_id, name })),
  };
}

const MOMENTS_MAX = 9;

function evidenceOf(span: Span, evidence_id: string, { detections, tracks }: Desk['run']): Evidence[] {
  const track = tracks.rows.find((row) => row.track_id === span.track_id);
  const { start_ms, end_ms, whole_track } = span;
  const inside = (track?.detections ?? [])
    .flatMap((index) => detections.rows[index] ?? [])
    .filter(({ at_ms }) => at_ms >= start_ms && at_ms < end_ms);
  if (inside.length === 0) return [];
  const step = (inside.length - 1) / Math.max(1, Math.min(MOMENTS_MAX, inside.length) - 1);
  const chosen = Array.from({ length: Math.min(MOMENTS_MAX, inside.length) }, (_, i) => inside[Math.round(i * step)]);
  const moments = chosen.flatMap((row) => (row === undefined ? [] : [{ at_ms: row.at_ms, box: row.box }]));
  return [{ evidence_id, start_ms, end_ms, whole_track, moments, vector: null }];
}
