import type { ChangePayload, LoggedDecision } from '../core/change.ts';
import type { Decision, Decisions } from '../core/identities.ts';
import { cancelledIn } from '../store/changes.ts';
import type { PersonState } from '../store/person-log.ts';

/** What folding reads of a change. */
export interface Folded {
  readonly change_id: string;
  readonly target: string | null;
  /** Null: erased. */
  readonly payload: Pick<ChangePayload, 'decisions' | 'unlocks' | 'model_id'> | null;
}

/** Evidence whose vector is not of the model that is asked for. */
export interface Foreign {
  readonly evidence_id: string;
}

/**
 * State is a fold over the events that are in force: the decisions of an episode, names resolved, merges of people followed. `seq`
 * counts the episode's decisions in force, so that what happens elsewhere in the log changes no key. Vectors of another
 * model are taken out and listed.
 */
export function foldDecisions(
  changes: readonly Folded[],
  people: ReadonlyMap<string, PersonState>,
  model_id: string,
): { decisions: Decisions; foreign: Foreign[] } {
  const gone = cancelledIn(changes);
  const active = changes.filter(({ change_id }) => !gone.has(change_id));
  const unlocked = new Set(active.flatMap(({ payload }) => payload?.unlocks ?? []));
  const rows: Decision[] = [];
  const foreign: Foreign[] = [];
  let seq = 0;
  for (const { change_id, payload } of active) {
    const resolved = (payload?.decisions ?? []).flatMap((logged) => resolve(logged, people));
    if (resolved.length > 0) seq++;
    for (const logged of resolved.flatMap((each) => unlock(each, unlocked))) {
      const own = payload?.model_id === model_id;
      if (!own) foreign.push(...logged.evidence.map(({ evidence_id }) => ({ evidence_id })));
      const evidence = own ? logged.evidence : logged.evidence.map((each) => ({ ...each, vector: null }));
      rows.push({ change_id, seq, ...logged, evidence });
    }
  }
  return { decisions: { rows, people: named(rows, people) }, foreign };
}

/** With the person who stands for whoever was meant; nothing when that person was deleted or erased. */
function resolve(logged: LoggedDecision, people: ReadonlyMap<string, PersonState>): LoggedDecision[] {
  if (logged.person_id === null) return [logged];
  const person = people.get(logged.person_id);
  return person === undefined || person.deleted ? [] : [{ ...logged, person_id: person.root_id }];
}

/** A locked decision in two: what is still locked, and what is not any more. */
function unlock(logged: LoggedDecision, unlocked: ReadonlySet<string>): LoggedDecision[] {
  if (!logged.locked) return [logged];
  const open = logged.evidence.filter(({ evidence_id }) => unlocked.has(evidence_id));
  const shut = logged.evidence.filter(({ evidence_id }) => !unlocked.has(evidence_id));
  return [
    ...(shut.length > 0 ? [{ ...logged, evidence: shut }] : []),
    ...(open.length > 0 ? [{ ...logged, locked: false, evidence: open }] : []),
  ];
}

function named(rows: readonly Decision[], people: ReadonlyMap<string, PersonState>): Decisions['people'] {
  const ids = new Set(rows.flatMap(({ person_id }) => person_id ?? []));
  return [...ids].sort().map((person_id) => ({ person_id, name: people.get(person_id)?.name ?? person_id }));
}
