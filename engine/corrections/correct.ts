import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import type { Engine } from '../engine.ts';
import type { Identified } from '../run/identify-run.ts';
import { requireChange } from '../store/changes.ts';
import { requirePerson } from '../store/people.ts';
import { type Correction, changeEpisode, decideInput, type EpisodeState, trackEntity } from './apply.ts';
import { type DecisionDraft, planCorrection } from './plan.ts';
import type { Target } from './targets.ts';

export interface CorrectOptions {
  readonly reason?: string | undefined;
  /** The last change that the caller has seen: a newer one of the same tracks is CHANGE_CONFLICT. Absent: not asked. */
  readonly expect?: string | undefined;
}

/** A person's word on faces of an episode: one event, the two stages that depend on it, and the rows, all or nothing. */
export async function correct(
  engine: Engine,
  by: By,
  ep_id: string,
  draft: DecisionDraft,
  { reason, expect }: CorrectOptions = {},
): Promise<Correction> {
  const db = await engine.db();
  const person = 'person' in draft ? await requirePerson(db, draft.person) : null;
  const seen = expect === undefined ? undefined : (await db.read((q) => requireChange(q, expect))).seq;
  let targets: readonly Target[] = [];
  const { correction, after } = await changeEpisode(engine, by, ep_id, async (state, change_id) => {
    const person_id = person?.person_id ?? null;
    const decide = decideInput(state, state.decisions);
    const { run } = state;
    const planned = planCorrection(draft, { run, identities: state.made.identities, decide, change_id, person_id });
    const { decisions, unlocks, made } = planned;
    targets = planned.targets;
    const track_ids = [...new Set(targets.map(({ track }) => track.track_id))];
    if (seen !== undefined) refuseNewer(state, track_ids, seen);
    return {
      kind: draft.act,
      reason: reason ?? null,
      track_ids,
      entities: person === null ? [] : [`person:${person.person_id}`],
      payload: { ...(decisions.length > 0 && { decisions }), ...(unlocks.length > 0 && { unlocks }) },
      made,
      same_frame: 'refused' as const,
    };
  });
  const held = draft.act === 'assign' || draft.act === 'propagate' ? heldBack(targets, after, person?.person_id) : [];
  return { ...correction, later: [], held };
}

/** Changes that somebody else made to the same tracks since the caller looked; of another run's tracks nobody can tell. */
function refuseNewer({ run, log }: EpisodeState, track_ids: readonly number[], seen: number): void {
  const mine = new Set(track_ids.map((id) => trackEntity(run, id)));
  const own = `track:${run.ep_id}/${run.run_id}/`;
  const newer = log.changes.filter(
    ({ seq, entities }) =>
      seq > seen && entities.some((each) => each.startsWith('track:') && (mine.has(each) || !each.startsWith(own))),
  );
  if (newer.length === 0) return;
  const changes = newer.map(({ change_id, kind, created_at, payload }) => ({
    ...{ change_id, kind, at: created_at.toISOString(), actor: payload?.actor ?? null },
    after: payload?.after ?? [],
  }));
  throw new ScreenalyticsError('CHANGE_CONFLICT', { changes });
}

/** Targets that are not the person's for all that: a narrower word of earlier holds there. */
function heldBack(targets: readonly Target[], { identities }: Identified, person_id: string | undefined): string[] {
  return identities.pieces
    .filter((piece) =>
      targets.some(
        ({ track, start_ms, end_ms }) =>
          track.track_id === piece.track_id && start_ms < piece.end_ms && piece.start_ms < end_ms,
      ),
    )
    .filter((piece) => piece.person_id !== person_id)
    .map(({ track_id, start_ms, end_ms }) => `${track_id}:${start_ms}-${end_ms}`);
}
