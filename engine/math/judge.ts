import type { Config } from '#config/schema.ts';
import { type BankModel, bankModel, normalisedScores } from './bank-scores.ts';
import type { IdentifyInput, Item } from './identify-items.ts';
import {
  blend,
  likelihoods,
  type OpenSet,
  openSetPosterior,
  openSetPrior,
  type Ranked,
  rank,
  type Shares,
} from './openset.ts';
import { buildBank } from './prototypes.ts';
import { rivalries } from './rivalry.ts';

/** A bank, and what it says of the items. */
export interface Judge {
  readonly model: BankModel;
  readonly open: OpenSet;
  readonly prior: Shares;
  readonly limits: Config['openset'];
  /** Per item; null: it has no face, or nobody is in the bank. */
  readonly scores: readonly (Float64Array | null)[];
  /** Per item: people whom a person has ruled out, as indexes into the bank. */
  readonly denied: readonly ReadonlySet<number>[];
}

export function judgeOf(input: IdentifyInput, items: readonly Item[]): Judge {
  const { openset } = input.params;
  if (input.facebank !== null && input.facebank.model_id !== input.embeddings.model_id)
    throw new RangeError(`identify: a bank of ${input.facebank.model_id}, tracks of ${input.embeddings.model_id}`);
  const none = { detector_id: '', model_id: input.embeddings.model_id, people: [], without_seeds: [] };
  const bank = buildBank(input.facebank ?? none, openset.bank);
  const model = bankModel(bank, input.calibration, openset.cohort_weight);
  const index = new Map(bank.people.map(({ person_id }, k) => [person_id, k]));
  const seen = bank.people.length === 0 ? [] : items.flatMap((item) => (item.vector === null ? [] : [item]));
  const scored = normalisedScores(
    seen.map(({ vector }) => vector as Float32Array),
    model,
  );
  const by_item = new Map(seen.map((item, i) => [item.index, scored[i] as Float64Array]));
  return {
    model,
    open: { calibration: model.calibration, rivalry: rivalries(model) },
    prior: openSetPrior(bank.people.length, openset.unknown_prior),
    limits: openset,
    scores: items.map((item) => by_item.get(item.index) ?? null),
    denied: items.map(({ piece }) => new Set(piece.denied.flatMap((id) => index.get(id) ?? []))),
  };
}

/** What is known of one thing: who it may be, and by which scores. */
export interface Opinion {
  /** (people) */
  readonly scores: Float64Array;
  readonly shares: Shares;
  readonly ranked: Ranked;
}

/**
 * Several items that are one person, together: the weighted mean of their scores, as many as weigh alike (Kish's effective count). An
 * item says nothing of people who were ruled out for it; who is ruled out for all of them, or in `out`, it is not. `but`: left out
 * of the count. Undefined without a score.
 */
export function judgeTogether(
  judge: Judge,
  items: readonly Item[],
  { out, but }: { out?: ReadonlySet<number>; but?: Item | undefined } = {},
): Opinion | undefined {
  const people = judge.model.bank.people.length;
  const sum = new Float64Array(people);
  const weight = new Float64Array(people);
  let [all, squares] = [0, 0];
  for (const item of items) {
    const scores = judge.scores[item.index];
    if (item === but || !scores) continue;
    all += item.weight;
    squares += item.weight ** 2;
    for (let k = 0; k < people; k++) {
      if (judge.denied[item.index]?.has(k)) continue;
      sum[k] = (sum[k] as number) + item.weight * (scores[k] as number);
      weight[k] = (weight[k] as number) + item.weight;
    }
  }
  if (all === 0) return undefined;
  const barred = new Set(out);
  weight.forEach((w, k) => {
    if (w === 0) barred.add(k);
  });
  const scores = sum.map((s, k) => ((weight[k] as number) > 0 ? s / (weight[k] as number) : 0));
  return opinion(judge, scores, judge.prior, { count: all ** 2 / squares, out: barred });
}

/**
 * One item: `own`, by its own face alone; `within`, also knowing who the others of its group are, as far as it belongs to them (`membership`,
 * 0..1). Undefined without a score.
 */
export function judgeOne(
  judge: Judge,
  item: Item,
  group: { readonly items: readonly Item[]; readonly membership: number },
  out: ReadonlySet<number>,
): { own: Opinion; within: Opinion } | undefined {
  const scores = judge.scores[item.index];
  if (!scores) return undefined;
  const barred = new Set([...out, ...(judge.denied[item.index] ?? [])]);
  const others = judgeTogether(judge, group.items, { out, but: item });
  const prior = others === undefined ? judge.prior : blend(others.shares, judge.prior, group.membership);
  return {
    own: opinion(judge, scores, judge.prior, { out: barred }),
    within: opinion(judge, scores, prior, { out: barred }),
  };
}

function opinion(
  { open, limits }: Judge,
  scores: Float64Array,
  prior: Shares,
  options: { count?: number; out: ReadonlySet<number> },
): Opinion {
  const shares = openSetPosterior(likelihoods(scores, open, options), prior);
  return { scores, shares, ranked: rank(shares, limits) };
}
