import type { By } from '../core/identities.ts';
import { appendChange, cancelled, changesOf, requireChange, type StoredChange } from '../store/changes.ts';
import type { DbReader } from '../store/db.ts';
import { changesNear, erasePayloads, type Traces } from '../store/erasure.ts';
import { isIn, type Needles, sqlPattern } from './needles.ts';
import { type Erased, notOverruled, showsThem, without } from './rest.ts';

/** What an erasure takes out of the log. */
export interface LogPlan {
  /** Changes whose payload goes. */
  readonly gone: StoredChange[];
  /** What they said of others. */
  readonly again: StoredChange[];
  readonly undone: ReadonlyMap<string, string>;
  /** Crops kept with decisions that show the face. */
  readonly evidence: { ep_id: string; evidence_id: string }[];
}

export async function planLog(q: DbReader, traces: Traces): Promise<LogPlan> {
  const erased = erasedOf(traces);
  const ids = await changesNear(q, traces, sqlPattern(erased) ?? 'a^');
  const undone = await cancelled(q);
  const gone: StoredChange[] = [];
  const again: StoredChange[] = [];
  for (const id of ids) {
    const change = await requireChange(q, id);
    const rest = change.payload === null ? undefined : without({ ...change, payload: change.payload }, erased);
    if (change.payload === null || rest === change.payload) continue;
    gone.push(change);
    if (rest !== undefined && !undone.has(id)) again.push({ ...change, payload: rest });
  }
  return { gone, again, undone, evidence: gone.flatMap((change) => evidenceOf(change, erased)) };
}

/**
 * Takes a person out of the log, within a write transaction that holds its head: payloads that hold something of theirs go, what they
 * said of others is said again at the end, and one `forget` lists what went. The rows and their hashes stay, so the chain still
 * verifies.
 */
export async function eraseLog(
  q: DbReader,
  traces: Traces,
  plan: LogPlan,
  { by, reason, change_id }: { readonly by: By; readonly reason: string | null; readonly change_id: string },
): Promise<void> {
  for (const change of plan.again) await sayAgain(q, change, plan);
  const erased = plan.gone.map((change) => change.change_id);
  await erasePayloads(q, erased);
  const entities = traces.person_ids.map((id) => `person:${id}`);
  const told = reason !== null && isIn(reason, erasedOf(traces)) ? null : reason;
  const after = [{ erased_changes: erased.length, seeds: traces.seed_ids.length, runs: traces.runs.length }];
  const payload = { ...by, reason: told, entities, before: [], after, erased };
  await appendChange(q, { change_id, kind: 'forget', ep_id: null, payload });
}

export function erasedOf({ person_ids, seed_ids, names, faces }: Traces): Erased & Needles {
  return { person_ids, seed_ids, names, ids: seed_ids, faces: Map.groupBy(faces, ({ ep_id }) => ep_id) };
}

/** What is left of a change, as a new one; decisions only where none that came later speaks of the same moments. */
async function sayAgain(
  q: DbReader,
  { kind, ep_id, seq, payload }: StoredChange,
  log: Pick<LogPlan, 'undone' | 'gone'>,
): Promise<void> {
  if (payload === null) return;
  const newer = ep_id === null ? [] : (await changesOf(q, { ep_id })).filter((each) => each.seq > seq);
  const in_force = newer.filter((each) => !log.undone.has(each.change_id) && !log.gone.some((g) => g.seq === each.seq));
  const decisions =
    payload.decisions &&
    notOverruled(
      payload.decisions,
      in_force.flatMap((each) => each.payload?.decisions ?? []),
    );
  if (!decisions?.length && !payload.people?.length) return;
  await appendChange(q, { kind, ep_id, payload: { ...payload, ...(decisions && { decisions }) } });
}

/** Of decisions that named them all, of others what shows them. */
function evidenceOf({ ep_id, payload }: StoredChange, erased: Erased): LogPlan['evidence'] {
  if (ep_id === null) return [];
  return (payload?.decisions ?? []).flatMap((decision) => {
    const theirs = decision.person_id !== null && erased.person_ids.includes(decision.person_id);
    const shown = decision.evidence.filter((each) => theirs || showsThem(each, ep_id, erased));
    return shown.map(({ evidence_id }) => ({ ep_id, evidence_id }));
  });
}
