import type { By } from '#engine/core/identities.ts';
import type { Engine } from '#engine/engine.ts';
import { insertPerson } from '#engine/store/seeds.ts';

type Draft =
  | { kind: 'create'; name: string }
  | { kind: 'rename'; person_id: string; name: string }
  | { kind: 'consent'; person_id: string; consent: string; consent_note: string | null; retain_until: string | null }
  | { kind: 'set_featured'; person_id: string; seed_id: string };

export async function change(engine: Engine, by: By, draft: Draft, _reason: string | undefined): Promise<string> {
  const db = await engine.db();
  if (draft.kind === 'create') return insertPerson(db, draft.name, by.actor);
  if (draft.kind === 'rename')
    await db.write((q) =>
      q.query('update sa.person set name = $2 where person_id = $1', [draft.person_id, draft.name]),
    );
  if (draft.kind === 'consent')
    await db.write((q) =>
      q.query('update sa.person set consent = $2, consent_note = $3, retain_until = $4 where person_id = $1', [
        draft.person_id,
        draft.consent,
        draft.consent_note,
        draft.retain_until,
      ]),
    );
  if (draft.kind === 'set_featured')
    await db.write((q) =>
      q.query('update sa.person set featured_seed = $2 where person_id = $1', [draft.person_id, draft.seed_id]),
    );
  return 'pending';
}
