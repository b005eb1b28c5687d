import type { LoggedDecision } from '../core/change.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Identities, Piece, Scope } from '../core/identities.ts';
import { intersect } from '../core/spans.ts';
import { claimedTracks, type PaintedPiece, paintDecisions } from '../math/decide.ts';
import type { DecideInput } from '../math/decide-match.ts';
import type { OpenRun } from '../run/open-run.ts';
import { type Made, makeEvidence } from './evidence.ts';
import { resolveTargets, type Target } from './targets.ts';

interface OnTargets {
  /** `12`, `12:3400-5200`, `Unknown-3`, a person's name or id, `cluster-7`. */
  readonly targets: readonly string[];
  /** Of the targets, those that are left out: "all of Unknown-1 except 3 and 7". */
  readonly except?: readonly string[];
  /** How narrow the word is; without it as the targets are named: an identity, a track, a span. */
  readonly scope?: Scope;
}

/** What a person says of an episode's faces. */
export type DecisionDraft =
  /** `propagate` is `assign` for tracks from a preview. */
  | ({ readonly act: 'assign' | 'propagate'; readonly person: string; readonly lock?: boolean | undefined } & OnTargets)
  | ({ readonly act: 'deny'; readonly person: string } & OnTargets)
  | ({ readonly act: 'detach' | 'link' | 'drop' | 'lock' | 'unlock' } & OnTargets)
  | { readonly act: 'cut'; readonly targets: readonly string[]; readonly at_ms: number };

/** A draft, worked out on a run. */
export interface Planned {
  readonly decisions: LoggedDecision[];
  readonly unlocks: string[];
  readonly made: Made[];
  readonly targets: Target[];
}

export interface PlanInput {
  readonly run: OpenRun;
  readonly identities: Identities;
  readonly decide: DecideInput;
  readonly change_id: string;
  /** Resolved from the draft; null where it names nobody. */
  readonly person_id: string | null;
}

/** LOCKED and INPUT_INVALID say why it cannot be. */
export function planCorrection(draft: DecisionDraft, input: PlanInput): Planned {
  const { run, identities } = input;
  const named = { tracks: new Map(run.tracks.rows.map((row) => [row.track_id, row])), identities };
  const { except, scope } = draft.act === 'cut' ? {} : draft;
  const targets = resolveTargets(named, draft.targets, except, scope);
  if (draft.act === 'unlock') return unlock(targets, input);
  refuseLocked(targets, paintDecisions(input.decide).pieces);
  const maker = evidenceMaker(input);
  const decisions = decide(draft, targets, input, maker.make);
  if (decisions.length === 0)
    throw new ScreenalyticsError('INPUT_INVALID', { targets: draft.targets, reason: 'there is nothing to change' });
  return { decisions, unlocks: [], made: maker.made, targets };
}

type Make = (targets: readonly Target[]) => LoggedDecision['evidence'];

function evidenceMaker({ run, change_id }: PlanInput): { make: Make; made: Made[] } {
  const made: Made[] = [];
  const make: Make = (targets) =>
    targets.map((target) => {
      const one = makeEvidence(run, target, change_id, made.length);
      made.push(one);
      return one.evidence;
    });
  return { make, made };
}

function decide(draft: DecisionDraft, targets: readonly Target[], input: PlanInput, make: Make): LoggedDecision[] {
  switch (draft.act) {
    case 'assign':
    case 'propagate':
      return byScope('assign', targets, make, input.person_id, draft.lock);
    case 'deny':
      return byScope('deny', targets, make, input.person_id);
    case 'detach':
    case 'drop':
      return byScope(draft.act, targets, make);
    case 'link':
      return link(targets, input, make);
    case 'lock':
      return lock(targets, input, make);
    case 'cut':
      return [cut(targets, draft.at_ms, input, make)];
    case 'unlock':
      return [];
  }
}

function byScope(
  act: LoggedDecision['act'],
  targets: readonly Target[],
  make: Make,
  person_id: string | null = null,
  locked = false,
): LoggedDecision[] {
  return [...Map.groupBy(targets, (target) => target.scope)].map(([scope, own]) => ({
    ...{ act, scope, locked, person_id, at_ms: null },
    evidence: make(own),
  }));
}

/** One person, whoever it is. Where one of them has a name already, all of them get it. */
function link(targets: readonly Target[], { identities }: PlanInput, make: Make): LoggedDecision[] {
  const touched = targets.map((target) => ({ target, pieces: piecesOf(target, identities) }));
  const people = new Set(touched.flatMap(({ pieces }) => pieces.flatMap(({ piece }) => piece.person_id ?? [])));
  if (people.size > 1)
    throw new ScreenalyticsError('INPUT_INVALID', {
      people: [...people],
      reason: 'they have different names; assign them to one, or merge the two people',
    });
  const [person_id] = people;
  if (person_id !== undefined) {
    const others = touched.filter(({ pieces }) => pieces.some(({ piece }) => piece.person_id !== person_id));
    return byScope(
      'assign',
      others.map(({ target }) => target),
      make,
      person_id,
    );
  }
  if (targets.length < 2)
    throw new ScreenalyticsError('INPUT_INVALID', { reason: 'at least two tracks are needed to be one person' });
  // One decision, so one link: of several scopes the widest counts.
  const scope = (['cluster', 'track', 'frame'] as const).find((each) => targets.some((t) => t.scope === each));
  return [
    { act: 'link', scope: scope ?? 'track', locked: false, person_id: null, at_ms: null, evidence: make(targets) },
  ];
}

/** What it counts for now, locked: a name, one unnamed person, or nobody. */
function lock(targets: readonly Target[], { identities }: PlanInput, make: Make): LoggedDecision[] {
  const parts = targets.flatMap((target) => piecesOf(target, identities));
  const groups = Map.groupBy(parts, ({ piece }) => piece.person_id ?? piece.label ?? '');
  return [...groups.values()].flatMap((own) => {
    const { person_id = null, label = null } = own[0]?.piece ?? {};
    const act = person_id !== null ? 'assign' : label !== null ? 'link' : 'drop';
    return byScope(
      act,
      own.map(({ target }) => target),
      make,
      person_id,
      true,
    );
  });
}

function cut(targets: readonly Target[], at_ms: number, { run }: PlanInput, make: Make): LoggedDecision {
  const [target, ...others] = targets;
  if (target === undefined || others.length > 0)
    throw new ScreenalyticsError('INPUT_INVALID', { reason: 'one track is split at a time' });
  const { track_id, start_ms, end_ms, detections } = target.track;
  const times = detections.map((i) => run.detections.rows[i]?.at_ms ?? 0);
  if (!times.some((at) => at < at_ms) || !times.some((at) => at >= at_ms))
    throw new ScreenalyticsError('INPUT_INVALID', {
      ...{ track: track_id, at_ms, start_ms, end_ms },
      reason: 'the face must be seen before and after the moment of the split',
    });
  const whole = { ...target, start_ms, end_ms, whole: true };
  return { act: 'cut', scope: 'track', locked: false, person_id: null, at_ms, evidence: make([whole]) };
}

/** The parts of a target as they count now, each with the piece that it lies in. */
function piecesOf(target: Target, identities: Identities): { piece: Piece; target: Target }[] {
  return identities.pieces
    .filter((piece) => piece.track_id === target.track.track_id)
    .flatMap((piece) =>
      intersect([piece], [target]).map((span) => ({
        piece,
        target: {
          ...target,
          ...span,
          whole: span.start_ms === target.track.start_ms && span.end_ms === target.track.end_ms,
        },
      })),
    );
}

function refuseLocked(targets: readonly Target[], pieces: readonly PaintedPiece[]): void {
  const locked = pieces.filter(
    (piece) =>
      piece.locked && targets.some(({ track, ...t }) => track.track_id === piece.track_id && overlap(t, piece)),
  );
  if (locked.length === 0) return;
  const refs = locked.map(({ track_id, start_ms, end_ms }) => `${track_id}:${start_ms}-${end_ms}`);
  const changes = [...new Set(locked.flatMap(({ change_id }) => change_id ?? []))];
  throw new ScreenalyticsError('LOCKED', { tracks: refs, changes });
}

function overlap(a: { start_ms: number; end_ms: number }, b: { start_ms: number; end_ms: number }): boolean {
  return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}

function unlock(targets: readonly Target[], { decide: input }: PlanInput): Planned {
  const claims = claimedTracks(input);
  const unlocks = targets.flatMap(({ track, ...span }) =>
    (claims.get(track.track_id) ?? [])
      .filter(({ decision, evidence }) => decision.locked && (evidence.whole_track || overlap(span, evidence)))
      .map(({ evidence }) => evidence.evidence_id),
  );
  if (unlocks.length === 0) throw new ScreenalyticsError('INPUT_INVALID', { reason: 'nothing of that is locked' });
  return { decisions: [], unlocks: [...new Set(unlocks)], made: [], targets: [...targets] };
}
