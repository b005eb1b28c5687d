import type { RunSummary } from '../core/summary.ts';
import { type PersonTime, timeDeltas } from './delta.ts';

/** Who was measured at what by a run, at one moment. */
export interface RunTotals {
  readonly run_id: string;
  readonly rows: readonly PersonTime[];
}

/** What people without a name are called where they are counted together. */
const UNNAMED = 'Unknown';

/**
 * What a run changed in the episode's totals (FAC-17); nothing on a first run. Of two different runs `Unknown-3` is not the same person, so there
 * whoever has no name counts as one line.
 */
export function runChanges(before: RunTotals | null, after: RunTotals): RunSummary['changes'] {
  if (before === null) return [];
  const is_same = before.run_id === after.run_id;
  const [was, is] = [before, after].map(({ rows }) => (is_same ? rows : pooled(rows)));
  return timeDeltas(was ?? [], is ?? []).flatMap(({ person_a, person_b, a_s, b_s, difference_s }) =>
    difference_s === 0 && person_a === person_b
      ? []
      : [{ person: person_b ?? person_a ?? UNNAMED, before_s: a_s, after_s: b_s }],
  );
}

function pooled(rows: readonly PersonTime[]): PersonTime[] {
  const unnamed = rows.filter(({ person_id }) => person_id == null);
  if (unnamed.length === 0) return [...rows];
  const visual_s = Math.round(unnamed.reduce((sum, row) => sum + row.visual_s, 0) * 1000) / 1000;
  return [...rows.filter(({ person_id }) => person_id != null), { person: UNNAMED, person_id: null, visual_s }];
}
