/** What somebody was measured at. */
export interface PersonTime {
  readonly person: string;
  /** Tells people apart whose label changed; null: nobody knows. */
  readonly person_id?: string | null;
  readonly visual_s: number;
}

export interface TimeDelta {
  /** Null: not in that list. */
  readonly person_a: string | null;
  readonly person_b: string | null;
  readonly a_s: number;
  readonly b_s: number;
  readonly difference_s: number;
}

/** Two lists of people side by side, `b` in its order and then who is only in `a`: the same person by id, else by name without regard to case. */
export function timeDeltas(a: readonly PersonTime[], b: readonly PersonTime[]): TimeDelta[] {
  const left = new Map(a.map((row) => [keyOf(row), row]));
  const rows = b.map((row) => {
    const other = partner(row, a, left);
    if (other !== undefined) left.delete(keyOf(other));
    return delta(other, row);
  });
  return [...rows, ...[...left.values()].map((row) => delta(row, undefined))];
}

function partner(row: PersonTime, all: readonly PersonTime[], left: ReadonlyMap<string, PersonTime>) {
  const known = row.person_id == null ? undefined : all.find(({ person_id }) => person_id === row.person_id);
  return known !== undefined && left.has(keyOf(known)) ? known : left.get(keyOf(row));
}

function keyOf({ person }: PersonTime): string {
  return person.toLowerCase();
}

function delta(a: PersonTime | undefined, b: PersonTime | undefined): TimeDelta {
  const [a_s, b_s] = [a?.visual_s ?? 0, b?.visual_s ?? 0];
  const difference_s = Math.round((b_s - a_s) * 1000) / 1000;
  return { person_a: a?.person ?? null, person_b: b?.person ?? null, a_s, b_s, difference_s };
}

/** One state of a run's totals after another, and what made each. */
export interface TotalsStep {
  readonly rows: readonly PersonTime[];
  /** In words, such as `assign (c_12)`; of the first it is not read. */
  readonly cause: string;
}

/** The first state against the last, per person with every cause between that changed their time or name. */
export function stepDeltas(steps: readonly TotalsStep[]): (TimeDelta & { cause: string })[] {
  const causes = new Map<string, string[]>();
  steps.slice(1).forEach(({ rows, cause }, i) => {
    for (const { person_a, person_b, difference_s } of timeDeltas(steps[i]?.rows ?? [], rows)) {
      if (difference_s === 0 && person_a === person_b) continue;
      const before = person_a === null ? [] : (causes.get(person_a) ?? []);
      causes.set(person_b ?? person_a ?? '', [...before, cause]);
    }
  });
  return timeDeltas(steps[0]?.rows ?? [], steps.at(-1)?.rows ?? []).map((row) => {
    const own = causes.get(row.person_b ?? row.person_a ?? '') ?? [];
    return { ...row, cause: own.length === 0 ? 'same' : [...new Set(own)].join('; ') };
  });
}
