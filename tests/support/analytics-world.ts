import type { Db, DbReader } from '#engine/store/db.ts';
import { RAW_SECRET } from './sql-attempts.ts';

interface Seen {
  readonly person: string;
  readonly shot_id: number;
  readonly start_ms: number;
  readonly end_ms: number;
}
const seen = (person: string, shot_id: number, start_ms: number, end_ms: number): Seen => {
  return { person, shot_id, start_ms, end_ms };
};

/** Two shows, three episodes; Cleo was deleted. What each test expects of it is worked out by hand. */
const EPISODES = [
  {
    ...{ ep_id: 'alpha-s01e01', show: 'alpha', number: 1, shots: [0, 30_000, 60_000] },
    seen: [
      ...[seen('Ada', 0, 0, 10_000), seen('Ada', 1, 30_000, 40_000), seen('Ben', 0, 5_000, 15_000)],
      seen('Unknown-1', 1, 35_000, 50_000),
    ],
  },
  {
    ...{ ep_id: 'alpha-s01e02', show: 'alpha', number: 2, shots: [0, 40_000] },
    seen: [seen('Ada', 0, 0, 20_000), seen('Ben', 0, 10_000, 30_000)],
  },
  {
    ...{ ep_id: 'beta-s01e01', show: 'beta', number: 1, shots: [0, 30_000] },
    seen: [seen('Dee', 0, 0, 30_000), seen('Ben', 0, 0, 10_000)],
  },
] as const;

const ACTOR = RAW_SECRET;

export async function fillAnalyticsWorld(db: Db): Promise<void> {
  await db.write(async (q) => {
    for (const name of ['Ada', 'Ben', 'Cleo', 'Dee'])
      await q.query('insert into sa.person (name, base_name, deleted, actor) values ($1, $1, $2, $3)', [
        ...[name, name === 'Cleo', ACTOR],
      ]);
    for (const show of ['alpha', 'beta']) {
      await q.query('insert into sa.show (slug, title, actor) values ($1, upper($1), $2)', [show, ACTOR]);
      await q.query(
        `insert into sa.season (show_key, number, label, actor) select show_key, 1, 'One', $2 from sa.show where slug = $1`,
        [show, ACTOR],
      );
    }
    await q.query(
      `insert into sa.cast_membership (season_key, person_key, actor) select s.season_key, p.person_key, $1
       from sa.season s join sa.show h on h.show_key = s.show_key and h.slug = 'alpha' join sa.person p on p.name = 'Ada'`,
      [ACTOR],
    );
    for (const episode of EPISODES) await addEpisode(q, episode);
  });
}

async function addEpisode(q: DbReader, { ep_id, show, number, shots, seen }: (typeof EPISODES)[number]): Promise<void> {
  const duration_ms = shots.at(-1);
  await q.query(
    `insert into sa.episode (ep_id, number, title, duration_ms, status, season_key, actor)
     select $1, $2, 'Title of ' || $1, $3, 'analysed', s.season_key, $4
     from sa.season s join sa.show h on h.show_key = s.show_key where h.slug = $5`,
    [ep_id, number, duration_ms, ACTOR, show],
  );
  const [run] = await q.query<{ run_key: number }>(
    `insert into sa.run (episode_key, run_id, settings, settings_hash, analyzed_fps, detector, embedder, tracker, device,
       duration_ms, current, counts, media, actor)
     select episode_key, 'run-1', '{}', 'f00d', 10, 'd', 'e', 't', 'cpu', $2, true, '{"shots": 1}', '{}', $3
     from sa.episode where ep_id = $1 returning run_key`,
    [ep_id, duration_ms, ACTOR],
  );
  const key = run?.run_key;
  for (const [shot_id, start_ms] of shots.slice(0, -1).entries())
    await q.query(`insert into sa.shot values ($1, $2, $3, $4, 'cut', 0.5)`, [
      ...[key, shot_id, start_ms, shots[shot_id + 1]],
    ]);
  for (const label of new Set(seen.map(({ person }) => person))) {
    const own = seen.filter(({ person }) => person === label);
    const visual_ms = own.reduce((sum, each) => sum + each.end_ms - each.start_ms, 0);
    await q.query(
      `insert into sa.identity (run_key, label, person_key, cluster_ids, purity_estimate)
       values ($1, $2, (select person_key from sa.person where name = $2), '{}', 1)`,
      [key, label],
    );
    await q.query(
      `insert into sa.screen_time (run_key, label, person_key, visual_s, share, first_seen_ms, last_seen_ms, appearances, tracks)
       values ($1, $2, (select person_key from sa.person where name = $2), $3, $4, $5, $6, $7, $7)`,
      [
        ...[key, label, visual_ms / 1000, visual_ms / (duration_ms ?? 1)],
        ...[own[0]?.start_ms, own.at(-1)?.end_ms, own.length],
      ],
    );
  }
  for (const [id, each] of seen.entries())
    await q.query(`insert into sa.appearance values ($1, $2, $3, $4, $5, $6, '{1}')`, [
      ...[key, id, each.person, each.shot_id, each.start_ms, each.end_ms],
    ]);
}
