import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { DbReader, ScriptDb } from './db.ts';

/** `migrations/NNNN_name.sql`, each with a `-- up` and a `-- down` section. Numbers begin at 1 and leave no gap. */
interface Migration {
  version: number;
  name: string;
  up: string;
  down: string;
}

const Version = z.tuple([z.object({ version: z.int().nonnegative() })]);
const LOCK = 7_264_001; // any number, the same in every program that migrates

/** Brings the tables to `target`, up or down; the newest by default. All or nothing. Gives the versions passed. */
export async function migrate(db: ScriptDb, target?: number): Promise<{ from: number; to: number }> {
  const all = readMigrations();
  const newest = all.length;
  const to = target ?? newest;
  // The usual case, without a lock: nothing to do.
  const seen = await db.read(currentVersion);
  if (seen === to) return { from: seen, to };
  if (target === undefined && seen > newest) {
    const reason = 'the tables are newer than this program';
    throw new ScreenalyticsError('DATABASE_UNAVAILABLE', { reason, version: seen, known: newest });
  }
  return db.script(async (q, run) => {
    // Two callers at once: on a server this waits for the other; the embedded database runs one transaction at a time.
    await q.query('select pg_advisory_xact_lock($1)', [LOCK]);
    await run('create schema if not exists sa');
    await run(VERSION_TABLE);
    const from = await currentVersion(q);
    for (const { version, name, up } of all.filter((m) => m.version > from && m.version <= to)) {
      await run(up);
      await q.query('insert into sa.migration (version, name) values ($1, $2)', [version, name]);
    }
    for (const { version, down } of all.filter((m) => m.version <= from && m.version > to).reverse()) {
      await run(down);
      await q.query('delete from sa.migration where version = $1', [version]);
    }
    return { from, to };
  });
}

const VERSION_TABLE = `create table if not exists sa.migration (
  version int primary key, name text not null, applied_at timestamptz not null default now())`;

async function currentVersion(q: DbReader): Promise<number> {
  const [table] = await q.query<{ there: boolean }>(`select to_regclass('sa.migration') is not null as there`);
  if (table?.there !== true) return 0;
  return Version.parse(await q.query('select coalesce(max(version), 0) as version from sa.migration'))[0].version;
}

function readMigrations(): Migration[] {
  const folder = join(import.meta.dirname, 'migrations');
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  return files.sort().map((file, index) => {
    const [, number, name] = /^(\d{4})_([a-z_]+)\.sql$/.exec(file) ?? [];
    const [, up, down] = /^-- up$(.*)^-- down$(.*)/ms.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
    if (name === undefined || up === undefined || down === undefined || Number(number) !== index + 1)
      throw new Error(`migrations/${file}: not NNNN_name.sql with -- up and -- down, or a number is missing`);
    return { version: index + 1, name, up, down };
  });
}
