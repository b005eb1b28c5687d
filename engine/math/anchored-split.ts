import type { SplitAudit } from '#engine/core/identities.ts';

export interface SplitMember {
  readonly track_id: number;
  /** (people), normalised; null: no usable face. */
  readonly scores: ArrayLike<number> | null;
  /** People whom it cannot be: they are in the same frame, or a person said so. */
  readonly out: ReadonlySet<number>;
  /** Tracks with a detection at the same moment. */
  readonly beside: readonly number[];
}

export interface SplitInput {
  readonly cluster_id: number;
  readonly members: readonly SplitMember[];
  /** The people between whom it is split, as indexes into the scores. */
  readonly between: readonly number[];
  readonly people: readonly { readonly person_id: string; readonly name: string }[];
  /** Mean similarity that must be gained. */
  readonly gain_min: number;
}

export interface Split {
  readonly audit: SplitAudit;
  /** track_id -> person; -1: none of them. */
  readonly person: ReadonlyMap<number, number>;
}

/**
 * What splitting an ambiguous cluster by the bank's prototypes would give: every track goes to the nearest of the people between whom it
 * is, the surest first, and two tracks of one moment never to one person (constrained assignment as in COP-KMeans with fixed
 * centres: Wagstaff et al., ICML 2001). It is only worth making when no part is empty and the tracks are nearer to their
 * people than to any single one of them. Changes nothing; pure, so that a person can see it first.
 */
export function anchoredSplit({ cluster_id, members, between, people, gain_min }: SplitInput): Split {
  const scored = members.filter((member) => member.scores !== null);
  const of = (member: SplitMember, k: number) => member.scores?.[k] ?? 0;
  const person = new Map<number, number>(members.map(({ track_id }) => [track_id, -1]));
  const wishes = scored
    .flatMap((member) => between.map((k) => ({ member, k, ahead: of(member, k) - bestOther(member, k, between) })))
    .sort((a, b) => b.ahead - a.ahead || a.member.track_id - b.member.track_id || a.k - b.k);
  // Each track's wishes come in order of its own liking, as `ahead` falls with the score.
  for (const { member, k } of wishes) {
    if (person.get(member.track_id) !== -1 || member.out.has(k)) continue;
    if (!member.beside.some((id) => person.get(id) === k)) person.set(member.track_id, k);
  }
  const placed = scored.filter(({ track_id }) => person.get(track_id) !== -1);
  const mean = (k: (member: SplitMember) => number) =>
    placed.length === 0 ? 0 : placed.reduce((sum, member) => sum + of(member, k(member)), 0) / placed.length;
  const before = between.length === 0 ? 0 : Math.max(...between.map((k) => mean(() => k)));
  const after = mean(({ track_id }) => person.get(track_id) as number);
  const used = [...between, -1].filter((k) => [...person.values()].includes(k));
  const named = used.filter((k) => k !== -1);
  const gain = after - before;
  const applied = named.length >= 2 && gain > 0 && gain >= gain_min;
  const name = (k: number) => people[k]?.name ?? '';
  return {
    person,
    audit: {
      cluster_id,
      people: between.map((k) => people[k]?.person_id ?? ''),
      parts: used.map((k) => {
        const own = members.filter(({ track_id }) => person.get(track_id) === k);
        const score = k === -1 ? 0 : own.reduce((sum, member) => sum + of(member, k), 0) / own.length;
        return { person_id: people[k]?.person_id ?? null, track_ids: own.map(({ track_id }) => track_id), score };
      }),
      ...{ before, after, applied },
      reason:
        named.length === 0
          ? 'no track can be any of them'
          : named.length < 2
            ? `all tracks are nearest to ${name(named[0] as number)}`
            : applied
              ? `tracks gain ${gain.toFixed(2)} by it`
              : `tracks gain ${gain.toFixed(2)}, under ${gain_min}`,
    },
  };
}

function bestOther({ scores }: SplitMember, k: number, between: readonly number[]): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...between.filter((j) => j !== k).map((j) => scores?.[j] ?? 0));
}
