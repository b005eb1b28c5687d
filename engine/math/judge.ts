import type { Config } from '#config/schema.ts';
import type { Facebank } from '#engine/core/identities.ts';
import { type BankModel, bankModel, normalisedScores, trackScores } from './bank-scores.ts';
import type { IdentifyInput, Item } from './identify-items.ts';
import {
  blend,
  evidenceOf,
  likelihoods,
  type OpenSet,
  openSetPrior,
  posteriorOf,
  type Ranked,
  rank,
  type Shares,
} from './openset.ts';
import { buildBank } from './prototypes.ts';
import { rivalries } from './rivalry.ts';
import { zeros } from './vectors.ts';

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
  /** What it made of a pool already, by who was ruled out: the items of a group ask the same of it. */
  readonly known: WeakMap<Pool, Map<string, Opinion | undefined>>;
}

export function judgeOf(input: IdentifyInput, items: readonly Item[]): Judge {
  const { openset } = input.params;
  if (input.facebank !== null && input.facebank.model_id !== input.embeddings.model_id)
    throw new RangeError(`identify: a bank of ${input.facebank.model_id}, tracks of ${input.embeddings.model_id}`);
  const none = { detector_id: '', model_id: input.embeddings.model_id, people: [], without_seeds: [] };
  const { model, rivalry } = readied(input.facebank ?? none, input);
  const { bank } = model;
  const index = new Map(bank.people.map(({ person_id }, k) => [person_id, k]));
  const scores = bank.people.length === 0 ? items.map(() => null) : scoresOf(input, items, model);
  return {
    model,
    open: { calibration: model.calibration, rivalry },
    prior: openSetPrior(bank.people.length, openset),
    limits: openset,
    scores,
    denied: items.map(({ piece: { denied } }) =>
      denied.length === 0 ? NOBODY : new Set(denied.flatMap((id) => index.get(id) ?? [])),
    ),
    known: new WeakMap(),
  };
}

/** What follows from a bank and these settings alone. */
interface Readied {
  readonly from: readonly unknown[];
  readonly model: BankModel;
  readonly rivalry: OpenSet['rivalry'];
}

/** As long as a bank is in use: all episodes of a season are named from one. */
const ready = new WeakMap<Facebank, Readied>();

function readied(facebank: Facebank, { calibration, params: { openset } }: IdentifyInput): Readied {
  const from = [JSON.stringify(calibration), openset.bank, openset.cohort_weight];
  const known = ready.get(facebank);
  if (known?.from.every((each, i) => each === from[i])) return known;
  const model = bankModel(buildBank(facebank, openset.bank), calibration, openset.cohort_weight);
  const made = { from, model, rivalry: rivalries(model) };
  ready.set(facebank, made);
  return made;
}

/** Of a whole track as of all tracks; of a part of one by itself. */
function scoresOf({ embeddings, memo }: IdentifyInput, items: readonly Item[], model: BankModel): Judge['scores'] {
  const whole = trackScores(
    embeddings.tracks.map(({ vector }) => vector),
    model,
    memo,
  );
  return items.map(({ row, vector }) => {
    if (row !== null) return whole[row] as Float64Array;
    return vector === null ? null : (normalisedScores([vector], model)[0] as Float64Array);
  });
}

/** The same judge, with one person's odds against everybody else taken times `factor` before looking. */
export function doubting(judge: Judge, person: number, factor: number): Judge {
  const { people, unknown } = judge.prior;
  const sum = 1 - (1 - factor) * (people[person] as number);
  const rest = people.map((share, k) => (k === person ? share * factor : share) / sum);
  return { ...judge, prior: { people: rest, unknown: unknown / sum }, known: new WeakMap() };
}

/** What is known of one thing: who it may be, and by which scores. */
export interface Opinion {
  /** (people) */
  readonly scores: Float64Array;
  readonly shares: Shares;
  readonly ranked: Ranked;
  /** How much likelier the scores are of whoever may come than of nobody of the bank. */
  readonly evidence: number;
}

/** Weighted sums of the scores of several items: what is needed to judge them together, or all but one of them. */
export interface Pool {
  /** (people) */
  readonly sum: Float64Array;
  /** (people): of the items for which the person was not ruled out. */
  readonly weight: Float64Array;
  readonly total: number;
  readonly squares: number;
}

/** What a pool says by itself. */
interface PooledScores {
  /** (people) */
  readonly scores: Float64Array;
  readonly ratios: Float64Array;
}

export function poolOf(judge: Judge, items: readonly Item[]): Pool {
  const people = judge.model.bank.people.length;
  const sum = zeros(people);
  const weight = zeros(people);
  let [total, squares] = [0, 0];
  for (const item of items) {
    const scores = judge.scores[item.index];
    if (!scores) continue;
    total += item.weight;
    squares += item.weight ** 2;
    const denied = judge.denied[item.index];
    for (let k = 0; k < people; k++) {
      if (denied?.has(k)) continue;
      sum[k] = (sum[k] as number) + item.weight * (scores[k] as number);
      weight[k] = (weight[k] as number) + item.weight;
    }
  }
  return { sum, weight, total, squares };
}

/**
 * How much likelier the scores of a pool without one of its items are of whoever may come than of nobody of the bank; undefined where nothing
 * is left. Thousands of items ask it, and nothing else of that pool: it lies in memory that the next one takes again.
 */
function evidenceWithout(judge: Judge, pool: Pool, item: Item, out: ReadonlySet<number>): number | undefined {
  const people = pool.sum.length;
  if (spare.sum.length !== people) spare = roomFor(people);
  const { sum, weight } = spare;
  const scores = judge.scores[item.index] as Float64Array;
  const denied = judge.denied[item.index] ?? NOBODY;
  for (let k = 0; k < people; k++) {
    const is_in = denied.size === 0 || !denied.has(k);
    sum[k] = (pool.sum[k] as number) - (is_in ? item.weight * (scores[k] as number) : 0);
    weight[k] = (pool.weight[k] as number) - (is_in ? item.weight : 0);
  }
  const rest = { sum, weight, total: pool.total - item.weight, squares: pool.squares - item.weight ** 2 };
  const scored = scoresOfPool(judge, rest, out, spare.ratios);
  return scored && evidenceOf(scored.ratios, judge.prior);
}

let spare = roomFor(0);

function roomFor(people: number) {
  return { sum: new Float64Array(people), weight: new Float64Array(people), ratios: new Float64Array(people) };
}

/**
 * Several items that are one person, together: the weighted mean of their scores, as many as weigh alike (Kish's effective count). An
 * item says nothing of people who were ruled out for it; who is ruled out for all of them, or in `out`, it is not. Undefined without
 * a score.
 */
export function judgeTogether(judge: Judge, items: readonly Item[], out = NOBODY): Opinion | undefined {
  return judgePool(judge, poolOf(judge, items), out);
}

/** The same of items whose scores are summed already. */
export function judgePool(judge: Judge, pool: Pool, out = NOBODY): Opinion | undefined {
  const key = out.size === 0 ? '' : [...out].sort((a, b) => a - b).join(' ');
  const known = judge.known.get(pool) ?? new Map<string, Opinion | undefined>();
  if (known.has(key)) return known.get(key);
  const scored = scoresOfPool(judge, pool, out);
  const made = scored && opinion(judge, scored.scores, scored.ratios);
  judge.known.set(pool, known.set(key, made));
  return made;
}

/** `into`: the scores take the place of the sums, and the ratios lie there. */
function scoresOfPool(
  judge: Judge,
  { sum, weight, total, squares }: Pool,
  out: ReadonlySet<number>,
  into?: Float64Array,
): PooledScores | undefined {
  // What is left of a weight after a subtraction is nothing.
  const some = (w: number) => w > NOTHING;
  if (!some(total)) return undefined;
  let barred = out;
  for (let k = 0; k < weight.length; k++)
    if (!some(weight[k] as number) && !barred.has(k)) barred = new Set([...barred, k]);
  const scores = into === undefined ? zeros(sum.length) : sum;
  for (let k = 0; k < scores.length; k++)
    scores[k] = barred.size === 0 || !barred.has(k) ? (sum[k] as number) / (weight[k] as number) : 0;
  const count = total ** 2 / squares;
  const options = { count, out: barred };
  return { scores, ratios: likelihoods(scores, judge.open, into === undefined ? options : { ...options, into }) };
}

const NOBODY: ReadonlySet<number> = new Set();
const NOTHING = 1e-9;

/**
 * One item: `own`, by its own face alone; `within`, also knowing the others of its group, as far as it belongs to them (`membership`, 0..1).
 * Undefined without a score.
 *
 * `within` is the law of total probability over whether it belongs. If it does, its score and theirs are one body of evidence about one
 * person, pooled with what they share (`judgeTogether`): tracks of a look-alike are alike together, so that their agreement is no
 * second witness, as a product of the two would have it (Kish 1965; Genest & Zidek, "Combining probability distributions", Statistical
 * Science 1986, on pools of dependent opinions). If not, its own score stands alone. Which of the two it is follows by Bayes from what each
 * makes of its score.
 */
export function judgeOne(
  judge: Judge,
  item: Item,
  { pool, membership }: { readonly pool: Pool | undefined; readonly membership: number },
  out: ReadonlySet<number>,
): { own: Opinion; within: Opinion } | undefined {
  const scores = judge.scores[item.index];
  if (!scores) return undefined;
  const denied = judge.denied[item.index] ?? NOBODY;
  const barred = denied.size === 0 ? out : new Set([...out, ...denied]);
  const own = opinion(judge, scores, likelihoods(scores, judge.open, { out: barred }));
  const others = pool && evidenceWithout(judge, pool, item, out);
  const all = pool && judgePool(judge, pool, barred);
  if (others === undefined || all === undefined) return { own, within: own };
  const belongs = membership * all.evidence;
  const either = belongs + (1 - membership) * own.evidence * others;
  const shares = blend(all.shares, own.shares, either === 0 ? membership : belongs / either);
  const ranked = rank(shares, judge.limits);
  return { own, within: { scores, shares, ranked, evidence: own.evidence } };
}

function opinion({ limits, prior }: Judge, scores: Float64Array, ratios: Float64Array): Opinion {
  const evidence = evidenceOf(ratios, prior);
  const shares = posteriorOf(ratios, prior, evidence);
  return { scores, shares, ranked: rank(shares, limits), evidence };
}
