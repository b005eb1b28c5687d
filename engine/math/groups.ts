import type { Cluster } from '#engine/core/artifacts.ts';
import type { AssignLine, Candidate, Confusion, SplitAudit } from '#engine/core/identities.ts';
import { anchoredSplit, type Split, type SplitMember } from './anchored-split.ts';
import { type IdentifyInput, type Item, isOpen } from './identify-items.ts';
import { doubting, type Judge, judgeOne, judgePool, judgeTogether, type Opinion, type Pool, poolOf } from './judge.ts';
import { type Likeness, likenessOf } from './likeness.ts';
import { highest } from './openset.ts';

/** Items of one cluster, or of one part of a cluster that was split, and whose they are as a whole. */
export interface Group {
  readonly cluster: Cluster;
  readonly items: readonly Item[];
  /** Of them all. */
  readonly pool: Pool;
  readonly split: boolean;
  /** Person whose name it takes; -1: none. */
  readonly person: number;
  readonly opinion: Opinion | undefined;
  /** People who it cannot be because others who are surer are them, in the same frames. */
  readonly out: ReadonlySet<number>;
  /** Of its items: expects people less whose other faces in the episode are unlike its own. */
  readonly judge: Judge;
  readonly line: AssignLine;
}

export interface Grouped {
  readonly groups: readonly Group[];
  readonly ambiguous: Confusion['ambiguous'];
  readonly splits: readonly SplitAudit[];
}

/** Share of a group's seconds beside somebody's from which it is somebody else; less is a matter of single tracks. */
const BESIDE_MAX = 0.2;

/**
 * A name, a question or unknown for every cluster, the surest first. A cluster that is much seen beside one which already has its name is not that
 * person, and one that is unlike those which have it is so less likely (`likeness.ts`). `taken`: items that people gave to somebody of the bank.
 */
export function groupsOf(
  input: IdentifyInput,
  judge: Judge,
  items: readonly Item[],
  taken: ReadonlyMap<number, number>,
): Grouped {
  const { ambiguous, splits, parts } = partition(input, judge, items, taken);
  const people = judge.model.bank.people.length;
  const waiting = parts.map((part) => ({
    ...part,
    ...{ out: new Set<number>(), likeness: new Map<number, Likeness>() },
    ...{ judge, opinion: judgePool(judge, part.pool) },
  }));
  const holds = new Map<number, number>(taken);
  const done = new Map<(typeof waiting)[number], Group>();
  // Every round settles a part, compares it with one more person's faces, or rules one out for it.
  for (let round = 0; round <= parts.length * (2 * people + 1) && done.size < parts.length; round++) {
    const part = surest(waiting.filter((each) => !done.has(each)));
    if (part === undefined) break;
    const person = part.opinion?.ranked.band === 'accept' ? part.opinion.ranked.best : -1;
    if (person >= 0 && besideShare(part.items, holds, person) > BESIDE_MAX) {
      part.out.add(person);
      part.opinion = judgePool(part.judge, part.pool, part.out);
      continue;
    }
    if (person >= 0 && !part.likeness.has(person)) {
      const named = items.filter(({ index }) => holds.get(index) === person);
      const likeness = likenessOf(part.items, named, judge.model.calibration);
      part.likeness.set(person, likeness);
      if (likeness.ratio < 1) {
        part.judge = doubting(part.judge, person, likeness.ratio);
        part.opinion = judgePool(part.judge, part.pool, part.out);
        continue;
      }
    }
    if (person >= 0) for (const item of part.items) holds.set(item.index, person);
    done.set(part, { ...part, person, line: lineOf(judge, part, person) });
  }
  return { groups: waiting.flatMap((part) => done.get(part) ?? []), ambiguous, splits };
}

/** The first of the likeliest. */
function surest<T extends { opinion: Opinion | undefined }>(parts: readonly T[]): T | undefined {
  const worth = ({ opinion }: T) => opinion?.ranked.probability ?? 0;
  return parts.reduce((best: T | undefined, part) => (best && worth(best) >= worth(part) ? best : part), undefined);
}

function besideShare(items: readonly Item[], holds: ReadonlyMap<number, number>, person: number): number {
  let [all, beside] = [0, 0];
  for (const item of items) {
    const long = item.piece.end_ms - item.piece.start_ms;
    all += long;
    if (item.beside.some((other) => holds.get(other) === person)) beside += long;
  }
  return all === 0 ? 0 : beside / all;
}

type Part = Pick<Group, 'cluster' | 'items' | 'pool' | 'split'>;

/**
 * Clusters, and those that two people could claim: split between them where that is better. Two can, where they are close by all faces together, or where
 * each has tracks that are theirs by their own faces: a mean over both may look surely like one of them.
 */
function partition(
  { params }: IdentifyInput,
  judge: Judge,
  items: readonly Item[],
  taken: ReadonlyMap<number, number>,
): Pick<Grouped, 'ambiguous' | 'splits'> & { parts: Part[] } {
  const ambiguous: Confusion['ambiguous'] = [];
  const splits: SplitAudit[] = [];
  const clustered = items.filter((item) => item.cluster !== undefined && isOpen(item));
  const parts = [...Map.groupBy(clustered, (item) => item.cluster as Cluster)]
    .sort(([a], [b]) => a.cluster_id - b.cluster_id)
    .flatMap(([cluster, own]): Part[] => {
      const pool = poolOf(judge, own);
      const whole = { cluster, items: own, pool, split: false };
      const opinion = judgePool(judge, pool);
      if (opinion === undefined) return [whole];
      const is_close = opinion.ranked.margin < params.confusion.ambiguous_margin;
      if (!is_close && !differ(judge, own)) return [whole];
      const faces = byOwnFaces(judge, own);
      if (!is_close && faces.size < 2) return [whole];
      const between = claimants(judge, faces, opinion);
      const [first, second] = between;
      if (first === undefined || second === undefined) return [whole];
      const { margin } = opinion.ranked;
      const candidate = (k: number) => candidateOf(judge, opinion, k);
      ambiguous.push({ cluster_id: cluster.cluster_id, best: candidate(first), second: candidate(second), margin });
      const split = splitOf(judge, cluster, own, { between, taken, gain_min: params.confusion.split_gain_min });
      splits.push(split.audit);
      if (!split.audit.applied) return [whole];
      const owner = (item: Item) => split.person.get(item.piece.track_id) ?? -1;
      return [...Map.groupBy(own, owner)]
        .sort(([a], [b]) => a - b)
        .map(([k, members]) => ({ cluster, items: members, pool: poolOf(judge, members), split: k !== -1 }));
    });
  return { ambiguous, splits, parts };
}

/** Whether the tracks of a cluster are not all most alike to the same person: cheap, and true of every cluster of two people of the bank. */
function differ({ scores }: Judge, items: readonly Item[]): boolean {
  let one = -1;
  for (const { index } of items) {
    const own = scores[index];
    if (!own) continue;
    const best = highest(own);
    if (one !== -1 && best !== one) return true;
    one = best;
  }
  return false;
}

/** Whom tracks of a cluster are by their own faces alone. */
function byOwnFaces(judge: Judge, items: readonly Item[]): Set<number> {
  const found = new Set<number>();
  for (const item of items) {
    const own = judgeOne(judge, item, { pool: undefined, membership: 0 }, new Set())?.own;
    if (own?.ranked.band === 'accept') found.add(own.ranked.best);
  }
  return found;
}

/** People who could claim a cluster: those whom it may be as a whole, and those whom a track of it is by its own face; likeliest first. */
function claimants(judge: Judge, by_face: ReadonlySet<number>, { shares }: Opinion): number[] {
  const found = new Set(by_face);
  shares.people.forEach((p, k) => {
    if (p >= judge.limits.ask) found.add(k);
  });
  return [...found].sort((a, b) => (shares.people[b] as number) - (shares.people[a] as number) || a - b);
}

/** The split of a cluster between people, as `anchoredSplit` has it. */
export function splitOf(
  judge: Judge,
  cluster: Cluster,
  items: readonly Item[],
  options: { between: readonly number[]; taken: ReadonlyMap<number, number>; gain_min: number },
): Split {
  const track_of = new Map(items.map((item) => [item.index, item.piece.track_id]));
  const members = [...Map.groupBy(items, (item) => item.piece.track_id)].map(([track_id, own]): SplitMember => {
    const beside = own.flatMap((item) => item.beside);
    const out = own.flatMap((item) => [...(judge.denied[item.index] ?? [])]);
    return {
      track_id,
      scores: judgeTogether(judge, own)?.scores ?? null,
      out: new Set([...out, ...beside.flatMap((other) => options.taken.get(other) ?? [])]),
      beside: [...new Set(beside.flatMap((other) => track_of.get(other) ?? []))],
    };
  });
  const { between, gain_min } = options;
  return anchoredSplit({ cluster_id: cluster.cluster_id, members, between, people: judge.model.bank.people, gain_min });
}

export function candidateOf({ model }: Judge, { scores, shares }: Opinion, k: number): Candidate {
  const { person_id, name } = model.bank.people[k] as { person_id: string; name: string };
  return { person_id, name, score: roundScore(scores[k] as number), probability: round(shares.people[k] as number) };
}

const CANDIDATES = 3;

/** Likeliest first. */
export function candidatesOf(judge: Judge, opinion: Opinion | undefined): Candidate[] {
  if (opinion === undefined) return [];
  return [...opinion.shares.people.keys()]
    .sort((a, b) => (opinion.shares.people[b] as number) - (opinion.shares.people[a] as number) || a - b)
    .slice(0, CANDIDATES)
    .map((k) => candidateOf(judge, opinion, k));
}

/** Six digits: surer than sure are told apart by the last of them. */
export function round(value: number): number {
  return Math.round(value * 1e6) / 1e6 + 0; // no -0, which is 0 when it is read again
}

/**
 * Three digits of a cosine: crops of one face differ in the second. One more seed moves everybody's scores in those behind: with them
 * nearly every row of a season would have to be written again.
 */
export function roundScore(value: number): number {
  return Math.round(value * 1e3) / 1e3 + 0;
}

function lineOf(
  judge: Judge,
  { cluster, out, opinion, likeness }: Pick<Group, 'cluster' | 'out' | 'opinion'> & { likeness: Map<number, Likeness> },
  person: number,
): AssignLine {
  const people = judge.model.bank.people;
  const beside = [...out].map((k) => `${people[k]?.name} is in the same frames`);
  const unlike = [...likeness].flatMap(([k, { cosine, ratio }]) =>
    cosine === null || ratio === 1 ? [] : `${people[k]?.name}'s other faces are unlike it (${cosine.toFixed(2)})`,
  );
  return {
    what: 'cluster',
    cluster_id: cluster.cluster_id,
    track_id: null,
    candidates: candidatesOf(judge, opinion),
    threshold: judge.limits.accept,
    margin: opinion === undefined ? null : round(opinion.ranked.margin),
    model_id: judge.model.bank.model_id,
    outcome: opinion?.ranked.band ?? 'unknown',
    label: people[person]?.name ?? cluster.label,
    reason: [...beside, ...unlike, inWords(judge, opinion)].join('; '),
  };
}

/** Why it got the band that it got. */
export function inWords({ model, limits }: Judge, opinion: Opinion | undefined): string {
  const people = model.bank.people;
  if (people.length === 0) return 'the facebank is empty';
  if (opinion === undefined) return 'it has no usable face';
  const { best, second, probability, margin, band } = opinion.ranked;
  if (best < 0) return 'everybody of the facebank is ruled out';
  const most = `best ${people[best]?.name} ${probability.toFixed(2)}`;
  if (band === 'accept') return `${most} reaches ${limits.accept}`;
  if (band === 'unknown') return `${most} is under ${limits.ask}`;
  if (probability < limits.accept) return `${most} is under ${limits.accept}`;
  return `margin ${margin.toFixed(2)} between ${people[best]?.name} and ${people[second]?.name} is under ${limits.margin_min}`;
}
