import { z } from 'zod';
import type { Db } from './db.ts';

/** Tables that hold something of people. Rows that were deleted or changed lie in their files until these are written anew. */
const TABLES = [
  ...['person', 'seed', 'embedding', 'identity', 'assignment', 'screen_time', 'appearance', 'cast_membership'],
  ...['change_payload', 'change_entity'],
];

/**
 * Writes these tables and their indexes anew, so that no dead row is left in the database's files; in the embedded database also
 * the write-ahead log, which holds every row that ever was until its files are used again. Of a server the log is its
 * administrator's.
 */
export async function rewriteTables(db: Db): Promise<void> {
  for (const table of TABLES) await db.alone(`vacuum (full, analyze) sa.${table}`);
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
