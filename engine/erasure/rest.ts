import type { ChangePayload, LoggedDecision, PeopleFact } from '../core/change.ts';
import type { Box } from '../core/image.ts';
import { iou } from '../math/boxes.ts';
import { isIn, type Needles } from './needles.ts';

/** Whom an erasure is about, and where their face is known to be. */
export interface Erased extends Needles {
  readonly person_ids: readonly string[];
  readonly seed_ids: readonly string[];
  /** Detections of tracks that were theirs, by episode. */
  readonly faces: ReadonlyMap<string, readonly { readonly at_ms: number; readonly box: Box }[]>;
}

/** A change of the log, as far as an erasure looks at it. */
export interface Logged {
  readonly ep_id: string | null;
  readonly payload: ChangePayload;
}

/**
 * What is left of a change without a person: the same object when it holds nothing of theirs; undefined when it is theirs alone.
 * Ids of people are words without meaning once the person is gone; they stay in what was before and after.
 */
export function without(change: Logged, erased: Erased): ChangePayload | undefined {
  const { payload } = change;
  const people = payload.people?.flatMap((fact) => factWithout(fact, erased));
  const decisions = payload.decisions?.flatMap((decision) => decisionWithout(decision, change.ep_id, erased));
  const same = sameList(people, payload.people) && sameList(decisions, payload.decisions);
  const { actor, ...told } = payload;
  if (same && !isIn(JSON.stringify({ ...told, decisions: undefined }), erased)) return payload;
  if (!people?.length && !decisions?.length) return undefined;
  const reason = payload.reason !== null && isIn(payload.reason, erased) ? null : payload.reason;
  const gone = new Set([
    ...erased.person_ids.map((id) => `person:${id}`),
    ...erased.seed_ids.map((id) => `seed:${id}`),
  ]);
  const entities = payload.entities.filter((entity) => !gone.has(entity));
  return {
    ...{ ...payload, reason, entities, before: [], after: [] },
    ...(people && { people }),
    ...(decisions && { decisions }),
  };
}

function factWithout(fact: PeopleFact, { person_ids, seed_ids }: Erased): PeopleFact[] {
  if (fact.act === 'seed_add' || fact.act === 'seed_remove') {
    const kept = fact.seed_ids.filter((id) => !seed_ids.includes(id));
    if (kept.length === fact.seed_ids.length) return [fact];
    return kept.length === 0 ? [] : [{ ...fact, seed_ids: kept }];
  }
  const about = fact.act === 'merge' ? [fact.person_id, fact.into] : [fact.person_id];
  return about.some((id) => person_ids.includes(id)) ? [] : [fact];
}

/** A decision that names them goes; of any other, what shows their face. */
function decisionWithout(decision: LoggedDecision, ep_id: string | null, erased: Erased): LoggedDecision[] {
  if (decision.person_id !== null && erased.person_ids.includes(decision.person_id)) return [];
  const evidence = decision.evidence.filter((each) => !showsThem(each, ep_id, erased));
  if (evidence.length === decision.evidence.length) return [decision];
  return evidence.length === 0 ? [] : [{ ...decision, evidence }];
}

/** Evidence whose boxes lie on a face of theirs. */
export function showsThem(
  { moments }: Pick<LoggedDecision['evidence'][number], 'moments'>,
  ep_id: string | null,
  { faces }: Pick<Erased, 'faces'>,
): boolean {
  const own = ep_id === null ? [] : (faces.get(ep_id) ?? []);
  return moments.some(({ at_ms, box }) =>
    own.some((face) => Math.abs(face.at_ms - at_ms) <= MOMENT_MS && iou(face.box, box) >= SAME_FACE_IOU),
  );
}
/** Moments of a decision are those of sampled frames; another sampling has one this near. */
const MOMENT_MS = 200;
const SAME_FACE_IOU = 0.5;

/** Decisions said again come last in the log, where they would overrule what was decided since: that part is left out. */
export function notOverruled(decisions: readonly LoggedDecision[], later: readonly LoggedDecision[]): LoggedDecision[] {
  const newer = later.flatMap(({ evidence }) => evidence);
  const free = (span: { start_ms: number; end_ms: number }) =>
    !newer.some((each) => each.start_ms < span.end_ms && span.start_ms < each.end_ms);
  return decisions.flatMap((decision) => {
    const evidence = decision.evidence.filter(free);
    return evidence.length === 0 ? [] : [{ ...decision, evidence }];
  });
}

function sameList<T>(a: readonly T[] | undefined, b: readonly T[] | undefined): boolean {
  return a?.length === b?.length && (a ?? []).every((each, at) => each === b?.[at]);
}
