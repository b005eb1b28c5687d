import { dot, type Vector } from './vectors.ts';

export interface Suspected {
  readonly index: number;
  readonly reason: 'unlike_own' | 'nearer_to_other';
  /** Mean cosine to the other seeds of its person, and to those of the nearest other person (null: there is none). */
  readonly own: number;
  readonly other: number | null;
  readonly other_person: number | null;
}

/** A seed is unlike its own when it agrees with them less than this share of what is usual among them; as for crops of a track. */
const AGREEMENT_MIN = 0.5;

/** So much nearer to another person that chance does not explain it: about the spread of scores of two people. Look-alikes' seeds stay. */
const NEARER_MIN = 0.1;

/**
 * Seeds that may show somebody else, per person, the least fitting first: those that agree with the person's other seeds far less than
 * is usual, and those clearly nearer to another person. `people`: the unit vectors of each. A person's only seed has
 * nothing to be compared with.
 */
export function suspectedSeeds(people: readonly (readonly Vector[])[]): Suspected[][] {
  const sums = people.map(sumOf);
  return people.map((seeds, person) => {
    if (seeds.length < 2) return [];
    const own = seeds.map((seed) => (dot(seed, sums[person] as Vector) - dot(seed, seed)) / (seeds.length - 1));
    const usual = median(own);
    return seeds
      .flatMap((seed, index): Suspected[] => {
        const agrees = own[index] as number;
        const { other, other_person } = nearest(seed, person, people, sums);
        const strange = other !== null && other > agrees + NEARER_MIN;
        if (!strange && agrees >= AGREEMENT_MIN * usual) return [];
        return [{ index, reason: strange ? 'nearer_to_other' : 'unlike_own', own: agrees, other, other_person }];
      })
      .sort((a, b) => a.own - b.own || a.index - b.index);
  });
}

/**
 * Which of the suspected are left out: none of one or two seeds (nobody could say which is wrong), and otherwise fewer than half, since
 * beyond that the usual is no longer the person's (the breakdown point of a median: Huber, Robust Statistics, 1981).
 */
export function leaveOut(suspected: readonly Suspected[], seeds: number): Suspected[] {
  return seeds <= 2 ? [] : suspected.slice(0, Math.floor((seeds - 1) / 2));
}

function nearest(seed: Vector, person: number, people: readonly (readonly Vector[])[], sums: readonly Vector[]) {
  let best: { other: number | null; other_person: number | null } = { other: null, other_person: null };
  sums.forEach((sum, i) => {
    const count = people[i]?.length ?? 0;
    if (i === person || count === 0) return;
    const other = dot(seed, sum) / count;
    if (best.other === null || other > best.other) best = { other, other_person: i };
  });
  return best;
}

function sumOf(vectors: readonly Vector[]): Vector {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  return Float32Array.from(sum);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}
