import type { Readable } from '#engine/store/db.ts';

/** Rows that people's changes have a say in, as they stand; clocks left out. */
export async function stateOf(db: Readable): Promise<Record<string, unknown[]>> {
  const run = 'join sa.run r on r.run_key = t.run_key join sa.episode e on e.episode_key = r.episode_key';
  const person = 'left join sa.person p on p.person_key = t.person_key';
  const tables = {
    assignment: `select e.ep_id, r.run_id, to_jsonb(t) - 'run_key' as row from sa.assignment t ${run}
      order by 1, 2, t.track_id, t.start_ms`,
    identity: `select e.ep_id, r.run_id, p.person_id, to_jsonb(t) - 'run_key' as row from sa.identity t ${run} ${person}
      order by 1, 2, t.label`,
    screen_time: `select e.ep_id, r.run_id, p.person_id, to_jsonb(t) - 'run_key' as row from sa.screen_time t ${run} ${person}
      order by 1, 2, t.label`,
    appearance: `select e.ep_id, r.run_id, to_jsonb(t) - 'run_key' as row from sa.appearance t ${run}
      order by 1, 2, t.appearance_id`,
    person: `select person_id, to_jsonb(t) - 'updated_at' as row from sa.person t where not deleted order by 1`,
    seed: `select seed_id, to_jsonb(t) - 'updated_at' as row from sa.seed t order by 1`,
  };
  const found = Object.entries(tables).map(async ([name, sql]) => [name, await db.read((q) => q.query(sql))] as const);
  return Object.fromEntries(await Promise.all(found));
}

/** Whom each moment of a run's tracks counts for, by label. */
export async function labelsOf(db: Readable, ep_id: string): Promise<{ track_id: number; label: string | null }[]> {
  const sql = `select t.track_id, t.label from sa.assignment t join sa.run r on r.run_key = t.run_key
    join sa.episode e on e.episode_key = r.episode_key where e.ep_id = $1 and r.current order by 1, t.start_ms`;
  return db.read((q) => q.query(sql, [ep_id]));
}

/** A seed without pictures. */
export const INSERT_SEED = `
  insert into sa.seed (seed_id, person_key, source_sha256, source_name, origin, detector, source_box, box, landmarks, score,
    size_px, yaw_deg, roll_deg, sharpness, quality, active, actor)
  select $1, person_key, repeat('ab', 32), 'a.jpg', 'photo', 'mediapipe_face_full', '{0,0,1,1}', '{0,0,1,1}',
    '{0,0,0,0,0,0,0,0,0,0}', 0.9, 80, 0, 0, 1, 1, false, 'test'
  from sa.person where person_id = $2`;
