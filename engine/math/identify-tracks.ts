import type { Identities } from '#engine/core/identities.ts';
import { confusionOf } from './confusion.ts';
import { paintDecisions } from './decide.ts';
import { groupsOf, splitOf } from './groups.ts';
import { type IdentifyInput, isOpen, itemsOf } from './identify-items.ts';
import { auditOf, identitiesOf, piecesOf, type Settled } from './identity-pieces.ts';
import { type Judge, judgeOf, judgeTogether } from './judge.ts';
import { membershipOf } from './membership.ts';
import { placeLabels } from './place-labels.ts';

export type { IdentifyInput } from './identify-items.ts';

/**
 * Who every track is: names from the bank where it is sure, questions where it may be, `Unknown-n` otherwise; and people's decisions before
 * all that. The same input gives the same output, in whatever order its tracks, people and seeds come.
 */
export function identifyTracks(input: IdentifyInput): Identities {
  const painted = paintDecisions(input);
  const items = itemsOf(input, painted.pieces);
  const judge = judgeOf(input, items);
  const membership = membershipOf(input, items);
  const { groups, ambiguous, splits } = groupsOf(input, judge, items, takenBy(judge, items));
  const numbers = input.clusters.rows.map(({ label }) => Number(/\d+$/.exec(label)?.[0] ?? 0));
  const next_unknown = Math.max(0, ...numbers) + 1;
  const { placed, conflicts } = placeLabels({ items, judge, groups, membership: membership.own, next_unknown });
  const settled: Settled = { items, placed, judge, groups, membership, name: namesOf(input) };
  const pieces = piecesOf(settled);
  return {
    model_id: input.embeddings.model_id,
    rows: identitiesOf(input, settled, pieces),
    pieces,
    audit: auditOf(settled, pieces),
    confusion: input.facebank && { ...confusionIn(judge, input.params.confusion.pair_min), ambiguous },
    splits: [...splits],
    unmatched: painted.unmatched,
    conflicts: [...painted.conflicts, ...conflicts],
  };
}

/**
 * What splitting a cluster between these people would give, whatever the machine would do by itself; undefined when there is no such
 * cluster. Without people: between the two likeliest. Changes nothing.
 */
export function previewSplit(
  input: IdentifyInput,
  cluster_id: number,
  person_ids: readonly string[] = [],
): Identities['splits'][number] | undefined {
  const items = itemsOf(input, paintDecisions(input).pieces);
  const judge = judgeOf(input, items);
  const cluster = input.clusters.rows.find((row) => row.cluster_id === cluster_id);
  if (cluster === undefined) return undefined;
  const own = items.filter((item) => item.cluster === cluster && isOpen(item));
  const index = new Map(judge.model.bank.people.map(({ person_id }, k) => [person_id, k]));
  const { best, second } = judgeTogether(judge, own)?.ranked ?? { best: -1, second: -1 };
  const between =
    person_ids.length > 0 ? person_ids.flatMap((id) => index.get(id) ?? []) : [best, second].filter((k) => k >= 0);
  const gain_min = input.params.confusion.split_gain_min;
  return splitOf(judge, cluster, own, { between: [...new Set(between)], taken: takenBy(judge, items), gain_min }).audit;
}

/** Of the bank alone: worked out once for all episodes of a season. */
function confusionIn({ model, open }: Judge, pair_min: number): ReturnType<typeof confusionOf> {
  const before = confusions.get(model);
  if (before?.pair_min === pair_min) return before.made;
  const made = confusionOf(model, open.rivalry, pair_min);
  confusions.set(model, { pair_min, made });
  return made;
}

const confusions = new WeakMap<Judge['model'], { pair_min: number; made: ReturnType<typeof confusionOf> }>();

/** Items that people gave to somebody of the bank. */
function takenBy({ model }: Judge, items: ReturnType<typeof itemsOf>): Map<number, number> {
  const index = new Map(model.bank.people.map(({ person_id }, k) => [person_id, k]));
  return new Map(
    items.flatMap(({ index: i, piece }) => {
      const k = piece.person_id === null || piece.dropped ? undefined : index.get(piece.person_id);
      return k === undefined ? [] : [[i, k] as const];
    }),
  );
}

/** Of everybody who has one; people's decisions know the newest. */
function namesOf({ facebank, decisions }: IdentifyInput): Map<string, string> {
  return new Map([...(facebank?.people ?? []), ...decisions.people].map(({ person_id, name }) => [person_id, name]));
}
