import pg from 'pg';
import { type Answered, openClient, runSelect } from '#engine/analytics/run-select.ts';
import type { Readable } from '#engine/store/db.ts';
import { type Attempt, RAW_SECRET } from './sql-attempts.ts';

export const CAPS = { rows_max: 50, chars_max: 50_000, time_ms_max: 3_000 };

/** How attempts ended. */
export interface Tried {
  /** Those that got an answer. */
  readonly answered: { readonly attempt: Attempt; readonly text: string }[];
  /** code -> how many */
  readonly codes: Map<string, number>;
}

/** One after the other, as a patient attacker would. */
export async function tryAll(attempts: readonly Attempt[], ask: (sql: string) => Promise<Answered>): Promise<Tried> {
  const tried: Tried = { answered: [], codes: new Map() };
  for (const attempt of attempts) {
    try {
      tried.answered.push({ attempt, text: JSON.stringify((await ask(attempt.sql)).rows) });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
      tried.codes.set(code, (tried.codes.get(code) ?? 0) + 1);
    }
  }
  return tried;
}

/** Answers that hold what only a raw table has. */
export function leaks({ answered }: Tried): string[] {
  return answered.filter(({ text }) => text.includes(RAW_SECRET)).map(({ attempt }) => attempt.sql);
}

/** Answers to attempts of a kind: each of them is one too many. */
export function through({ answered }: Tried, kind: Attempt['kind']): string[] {
  return answered.filter(({ attempt }) => attempt.kind === kind).map(({ attempt }) => attempt.sql);
}

/** As the product runs a query, but where and with whose rights the test says, and unchecked. */
export async function askUnchecked(config: pg.ClientConfig, sql: string): Promise<Answered> {
  const { client } = openClient(config);
  await client.connect();
  try {
    return await runSelect(client, sql, [], CAPS, { statement_timeout: String(CAPS.time_ms_max) });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The same without even the transaction that only reads. */
export async function askFreely(config: pg.ClientConfig, sql: string): Promise<void> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Of every row of ours but those of tables `without`, and of what else a database holds: the same means that nothing was written. */
export async function fingerprint(db: Readable, without: readonly string[] = []): Promise<string> {
  return db.read(async (q) => {
    const tables = await q.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'sa' and table_type = 'BASE TABLE' order by 1`,
    );
    const parts = tables
      .filter(({ name }) => !without.includes(name))
      .map(
        ({ name }) =>
          `select '${name}', coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from sa.${name} t`,
      );
    const others = [
      `select 'relations', md5(string_agg(c.oid::text || c.relname, ',' order by c.oid)) from pg_class c
         where c.relname !~ '^pg_toast'`,
      `select 'functions', md5(string_agg(p.oid::text, ',' order by p.oid)) from pg_proc p`,
      `select 'roles', md5(string_agg(r.rolname || r.rolsuper, ',' order by r.rolname)) from pg_roles r`,
      `select 'objects', count(*)::text from pg_largeobject_metadata`,
    ];
    return JSON.stringify(await q.query(`select * from (${[...parts, ...others].join(' union all ')}) f(name, hash)`));
  });
}
