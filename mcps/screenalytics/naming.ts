import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { AssignLine, Confusion, Identities, SplitAudit } from '#engine/core/identities.ts';
import type { EngineReader } from '#engine/engine.ts';
import { openNamed } from '#engine/review/open-review.ts';
import type { Run } from '#engine/store/runs.ts';

const LINES_MAX = 50;
const PAIRS_MAX = 20;

/** Why faces got their names, or got none: what the manifests of `identify` hold, cut to what is worth reading. */
export const Naming = z.object({
  /** confusion_matrix.json: who is easily taken for whom; the most alike first. */
  confusion: Confusion,
  /** anchored_split_audit.json */
  splits: z.array(SplitAudit),
  /** id_assign_audit.jsonl: those that stayed open first. */
  decisions: z.array(AssignLine),
  decisions_omitted: z.int(),
  unmatched: Identities.shape.unmatched,
  conflicts: Identities.shape.conflicts,
});
export type Naming = z.output<typeof Naming>;

/** NO_FACEBANK where a run had nobody to compare with. */
export async function namingOf(engine: EngineReader, { ep_id, run_id }: Run): Promise<Naming> {
  const { identities } = await openNamed(engine, ep_id, run_id);
  const { confusion, splits, audit, unmatched, conflicts } = identities;
  if (confusion === null)
    throw new ScreenalyticsError('NO_FACEBANK', {
      episode: ep_id,
      fix: { tool: 'add_seeds', input: { paths: ['a folder with one sub-folder per person'] } },
    });
  const rank = { ask: 0, unknown: 1, accept: 2, decided: 3 };
  const decisions = [...audit].sort((a, b) => rank[a.outcome] - rank[b.outcome]);
  return {
    confusion: { ...confusion, pairs: confusion.pairs.slice(0, PAIRS_MAX) },
    splits,
    decisions: decisions.slice(0, LINES_MAX),
    decisions_omitted: Math.max(0, decisions.length - LINES_MAX),
    unmatched,
    conflicts,
  };
}
