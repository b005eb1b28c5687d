import { z } from 'zod';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Readable } from './db.ts';

/** What the store knows of how a run can be made again. */
export const StoredKeys = z.object({
  ep_id: z.string(),
  run_id: z.string(),
  run_key: z.int(),
  current: z.boolean(),
  /** Stage -> key of its artifact; empty for runs of older programs. */
  keys: z.record(z.string(), z.string()),
  settings: z.record(z.string(), z.unknown()),
  detector: z.string(),
  embedder: z.string(),
  device: z.string(),
  revision: z.int(),
  decisions_seq: z.int(),
  facebank_key: z.string().nullable(),
});
export type StoredKeys = z.output<typeof StoredKeys>;

/** Of the current run, or of `run_id`. */
export function runKeys(db: Readable, ep_id: string, run_id?: string): Promise<StoredKeys> {
  return db.read(async (q) => {
    const [row] = z.array(StoredKeys).parse(await q.query(SELECT_KEYS, [ep_id, run_id ?? null]));
    if (row === undefined) throw new ScreenalyticsError('RUN_NOT_FOUND', { ep_id, ...(run_id && { run_id }) });
    return row;
  });
}

/** Of the current run of every episode, in order of name. */
export function currentRunKeys(db: Readable): Promise<StoredKeys[]> {
  return db.read(async (q) =>
    z.array(StoredKeys).parse(await q.query(`${STORED_KEYS} where r.current order by e.ep_id`)),
  );
}

const STORED_KEYS = `
  select e.ep_id, r.run_id, r.run_key, r.current, r.keys, r.settings, r.detector, r.embedder, r.device, r.revision,
    r.decisions_seq, r.facebank_key
  from sa.run r join sa.episode e on e.episode_key = r.episode_key`;
const SELECT_KEYS = `${STORED_KEYS}
  where e.ep_id = $1 and case when $2::text is null then r.current else r.run_id = $2 end`;

export const Revision = z.object({
  revision: z.int(),
  identities_key: z.string(),
  screen_time_key: z.string(),
  cause: z.string(),
  change_id: z.string().nullable(),
  created_at: z.date(),
});
export type Revision = z.output<typeof Revision>;

/** Every state that a run's identities have had, the first one first. */
export function listRevisions(db: Readable, run: { ep_id: string; run_id: string }): Promise<Revision[]> {
  const sql = `
    select v.revision, v.identities_key, v.screen_time_key, v.cause, v.change_id, v.created_at
    from sa.revision v
    join sa.run r on r.run_key = v.run_key
    join sa.episode e on e.episode_key = r.episode_key
    where e.ep_id = $1 and r.run_id = $2 order by v.revision`;
  return db.read(async (q) => z.array(Revision).parse(await q.query(sql, [run.ep_id, run.run_id])));
}

const CurrentRun = z.object({ ep_id: z.string(), run_id: z.string(), decisions_seq: z.int(), newest: z.int() });

/** The current run of every episode, and the newest change that concerns it: its own, or one of people and seeds. */
export function listCurrentRuns(db: Readable): Promise<z.output<typeof CurrentRun>[]> {
  const sql = `
    select e.ep_id, r.run_id, r.decisions_seq, coalesce((select max(c.seq) from sa.change c
      where c.episode_key = e.episode_key or c.episode_key is null), 0) as newest
    from sa.run r join sa.episode e on e.episode_key = r.episode_key
    where r.current order by e.ep_id`;
  return db.read(async (q) => z.array(CurrentRun).parse(await q.query(sql)));
}
