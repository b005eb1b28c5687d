import type { Db } from '#engine/store/db.ts';

/** A finished current run of an episode that is there already, in which people were seen for so many seconds. */
export async function seenIn(
  db: Db,
  ep_id: string,
  people: readonly { name: string; person_id: string | null; visual_s: number }[],
): Promise<void> {
  const run = `
    insert into sa.run (episode_key, run_id, settings, settings_hash, analyzed_fps, detector, embedder, tracker, device,
      duration_ms, current, counts, media, actor)
    select episode_key, 'r-' || ep_id, '{}', 'x', 4, 'made-up', 'made-up', 'made-up', 'cpu', 100000, true, '{}', '{}', 'x'
    from sa.episode where ep_id = $1`;
  const row = `
    with identity as (
      insert into sa.identity (run_key, label, person_key, cluster_ids, purity_estimate)
      select r.run_key, $2, (select person_key from sa.person where person_id = $3), '{0}', 1
      from sa.run r join sa.episode e on e.episode_key = r.episode_key where e.ep_id = $1
      returning run_key, label, person_key
    )
    insert into sa.screen_time (run_key, label, person_key, visual_s, share, first_seen_ms, last_seen_ms, appearances, tracks)
    select run_key, label, person_key, $4::double precision, $4::double precision / 100, 1000, 9000, 2, 2 from identity`;
  await db.write(async (q) => {
    await q.query(run, [ep_id]);
    for (const { name, person_id, visual_s } of people) await q.query(row, [ep_id, name, person_id, visual_s]);
  });
}
