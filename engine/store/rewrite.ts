import { z } from 'zod';
import type { Db } from './db.ts';

/** What machines found in pictures: large, and without anything of who it is. */
const OF_MACHINES = ['shot', 'detection', 'track', 'face', 'cluster', 'cluster_track'];

/**
 * Rows that were deleted or changed lie in the files of their table until it is written anew. Does so with all tables that may hold
 * something of people, and their indexes, so that no dead row is left in the database's files; in the embedded database also
 * the write-ahead log, which holds every row that ever was until its files are used again. Of a server the log is its
 * administrator's.
 */
export async function rewriteTables(db: Db): Promise<void> {
  const sql = `select table_name as name from information_schema.tables
    where table_schema = 'sa' and table_type = 'BASE TABLE' order by 1`;
  const tables = z.array(z.object({ name: z.string() })).parse(await db.alone(sql));
  for (const { name } of tables) if (!OF_MACHINES.includes(name)) await db.alone(`vacuum (full, analyze) sa."${name}"`);
  if (db.kind === 'embedded') await overwriteLog(db);
}

/**
 * Files of the log that are done with are used again under a later name, old bytes and all. Each is written over by becoming the
 * current one and being left: a switch fills it with zeros. It takes about 0.1 s a file.
 */
async function overwriteLog(db: Db): Promise<void> {
  const leave = async (): Promise<void> => {
    await db.alone('select pg_switch_wal()');
    await db.alone('checkpoint');
  };
  await leave();
  const { last } = await lookAtLog(db);
  for (let turn = 0; turn < LOG_FILES_MAX && (await lookAtLog(db)).current <= last; turn++) await leave();
}
/** 16 MB each: four times the size that Postgres keeps its log to. */
const LOG_FILES_MAX = 256;

/** Names of files of one timeline are in the order of their use. */
async function lookAtLog(db: Db): Promise<{ current: string; last: string }> {
  const sql = `
    select pg_walfile_name(pg_current_wal_insert_lsn()) as current,
      (select max(name) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$') as last`;
  return z.tuple([z.object({ current: z.string(), last: z.string() })]).parse(await db.alone(sql))[0];
}
