import { intersect, type Span, subtract, total, unite } from '#engine/core/spans.ts';
import { bestPairs } from './pairs.ts';
import { f1, ratio } from './ratio.ts';

export interface PredictedPerson {
  readonly label: string;
  readonly spans: readonly Span[];
}

export interface TruePerson {
  readonly person: string;
  readonly visible: readonly Span[];
  /** Neither asked for nor held against us: half hidden, leaving the frame, blurred. */
  readonly dontcare: readonly Span[];
}

export interface ScreenTimeOptions {
  /** Not scored for F1 on each side of every true boundary (the truth's own uncertainty), ms. Totals have no collar. */
  collar_ms?: number;
  /** label -> person -> face-time in common, ms, where it is known whose faces they are; otherwise time alone decides who is who. */
  seen?: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export interface PersonTime {
  person: string;
  /** The predicted label that stands for this person, or null. */
  label: string | null;
  true_ms: number;
  predicted_ms: number;
  /** |predicted - true| / true; null where there was nothing to see. */
  error: number | null;
}

export interface ScreenTimeScore {
  people: PersonTime[];
  error_mean: number;
  error_worst: number;
  visible: { precision: number; recall: number; f1: number };
  /** Time of labels that stand for nobody: a person's second cluster, a false face. */
  unmatched: { label: string; predicted_ms: number }[];
  unmatched_ms: number;
}

/**
 * Screen time against truth. Labels go to people one to one, so that a second cluster of a person is an error, and so is a person whom
 * nobody found. F1 pools the milliseconds of all people; a person's don't-care time is removed on both sides.
 */
export function scoreScreenTime(
  predicted: readonly PredictedPerson[],
  truth: readonly TruePerson[],
  options: ScreenTimeOptions = {},
): ScreenTimeScore {
  const claims = predicted.map(({ label, spans }) => ({ label, spans: unite(spans) }));
  const people = truth.map((person) => prepare(person, options.collar_ms ?? 0));
  const common = claims.map((claim) => people.map((person) => likeness(claim, person, options.seen)));
  const partner = new Map(bestPairs(common).map(([c, p]) => [p, c]));

  const scored = people.map((person, p) => score(person, claims[partner.get(p) ?? -1]));
  const taken = new Set(partner.values());
  const unmatched = claims.flatMap((claim, c) => {
    if (taken.has(c)) return [];
    const owner = people[indexOfMax(options.seen === undefined ? [] : (common[c] ?? []))];
    return [{ label: claim.label, predicted_ms: total(subtract(claim.spans, owner?.dontcare ?? [])) }];
  });
  const sum = (pick: (each: Scored) => number) => scored.reduce((all, each) => all + pick(each), 0);
  const unmatched_ms = unmatched.reduce((all, each) => all + each.predicted_ms, 0);
  const [hit, extra, miss] = [sum((s) => s.hit), sum((s) => s.extra) + unmatched_ms, sum((s) => s.miss)];
  const errors = scored.flatMap(({ row }) => (row.error === null ? [] : [row.error]));
  return {
    people: scored.map(({ row }) => row),
    error_mean: errors.length === 0 ? 0 : errors.reduce((all, each) => all + each, 0) / errors.length,
    error_worst: Math.max(0, ...errors),
    visible: { precision: ratio(hit, hit + extra), recall: ratio(hit, hit + miss), f1: f1(hit, extra, miss) },
    unmatched,
    unmatched_ms,
  };
}

interface Prepared {
  person: string;
  visible: Span[];
  dontcare: Span[];
  /** Don't-care time plus the collar. */
  unscored: Span[];
}

function prepare({ person, visible, dontcare }: TruePerson, collar_ms: number): Prepared {
  const ignored = unite(dontcare);
  const seen = unite(visible);
  const collar = seen.flatMap(({ start_ms, end_ms }) =>
    [start_ms, end_ms].map((at) => ({ start_ms: at - collar_ms, end_ms: at + collar_ms })),
  );
  return { person, visible: subtract(seen, ignored), dontcare: ignored, unscored: unite([...ignored, ...collar]) };
}

/** Don't-care time decides only where nothing else does. */
function likeness(claim: PredictedPerson, person: Prepared, seen: ScreenTimeOptions['seen']): number {
  if (seen !== undefined) return seen.get(claim.label)?.get(person.person) ?? 0;
  return total(intersect(claim.spans, person.visible)) + total(intersect(claim.spans, person.dontcare)) / 1e6;
}

interface Scored {
  row: PersonTime;
  hit: number;
  extra: number;
  miss: number;
}

function score(person: Prepared, claim: PredictedPerson | undefined): Scored {
  const spans = claim?.spans ?? [];
  const true_ms = total(person.visible);
  const predicted_ms = total(subtract(spans, person.dontcare));
  const truth = subtract(person.visible, person.unscored);
  const claimed = subtract(spans, person.unscored);
  const hit = total(intersect(truth, claimed));
  return {
    row: {
      person: person.person,
      label: claim?.label ?? null,
      true_ms,
      predicted_ms,
      error: true_ms === 0 ? null : Math.abs(predicted_ms - true_ms) / true_ms,
    },
    hit,
    extra: total(claimed) - hit,
    miss: total(truth) - hit,
  };
}

/** -1 when nothing is above 0. */
function indexOfMax(values: readonly number[]): number {
  const max = Math.max(0, ...values);
  return max === 0 ? -1 : values.indexOf(max);
}
