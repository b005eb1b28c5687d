import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Db, DbReader } from '#engine/store/db.ts';
import { REPORT_VIEWS } from './views.ts';

/** A login of our own making, kept in the home for its database. */
const Login = z.object({
  user: z.string().regex(/^sa_analytics_[0-9a-f]{8}$/),
  password: z.string().regex(/^[0-9a-f]{48}$/),
});
type Login = z.output<typeof Login>;

const CONNECTIONS_MAX = 8;
const TEMP_FILES_MAX = '256MB';

/**
 * What no query needs and everybody may call by default: it sets things, runs text as SQL, writes large objects, waits, or
 * tells others. Taken from everybody but who owns the tables, where the login of DATABASE_URL may do that.
 */
const REVOKED = `^(set_config|query_to_xml.*|table_to_xml.*|schema_to_xml.*|database_to_xml.*|cursor_to_xml.*|lo_.*|loread|lowrite|pg_sleep.*|pg_notify|pg_logical_emit_message)$`;

export interface LoginWanted {
  readonly home: string;
  readonly database_url: string;
  /** One that an operator made. */
  readonly analytics_url: string | null;
  /** The only shows whose rows it may see; empty: all. */
  readonly shows: readonly string[];
}

/**
 * The address that free queries use on a server: a login that may read the reporting views and nothing else. DATABASE_ANALYTICS_URL,
 * or one that is made here on first use when the login of DATABASE_URL may make logins; another one for other shows.
 */
export async function analyticsUrl({ home, database_url, analytics_url, shows }: LoginWanted, db: Db): Promise<string> {
  if (analytics_url !== null) return analytics_url;
  const url = database_url;
  const { file, login } = loginOf(home, [url, ...shows]);
  try {
    await db.write(async (q) => {
      await makeLogin(q, login);
      await keepScope(q, login.user, shows);
    });
  } catch (cause) {
    if (cause instanceof ScreenalyticsError) throw cause;
    const reason = 'the login of DATABASE_URL cannot make one for queries: set DATABASE_ANALYTICS_URL';
    throw new ScreenalyticsError('ANALYTICS_UNAVAILABLE', { reason }, { cause });
  }
  keep(file, login);
  const own = new URL(url);
  own.username = login.user;
  own.password = login.password;
  return own.href;
}

/**
 * Writes down which shows a login may see, once and for good: a process that was told otherwise is refused, so that none widens or
 * narrows what another one asks with the same login.
 */
export async function keepScope(q: DbReader, login: string, shows: readonly string[]): Promise<void> {
  const wanted = shows.length === 0 ? null : [...new Set(shows)].sort();
  await q.query('insert into sa.report_scope (login, shows) values ($1, $2) on conflict do nothing', [login, wanted]);
  const found = await q.query('select shows from sa.report_scope where login = $1', [login]);
  const [kept] = z.tuple([z.object({ shows: z.array(z.string()).nullable() })]).parse(found);
  if (JSON.stringify(kept.shows) === JSON.stringify(wanted)) return;
  const sees = kept.shows === null ? 'all shows' : kept.shows.join(', ');
  const reason = `the login ${login} was made to see ${sees}: set DATABASE_ANALYTICS_URL to another one for analytics.shows`;
  throw new ScreenalyticsError('ANALYTICS_UNAVAILABLE', { reason });
}

/** Refuses a login that could do more than read the views, whoever made it. */
export const checkLogin = {
  sql: `select (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls or r.rolreplication
      or has_schema_privilege('sa', 'usage') or has_schema_privilege('sa_all', 'usage') or has_schema_privilege('sa_report', 'create')
      or pg_has_role(current_user, 'pg_read_server_files', 'member') or pg_has_role(current_user, 'pg_read_all_data', 'member')
      or pg_has_role(current_user, 'pg_execute_server_program', 'member'))::text as strong, session_user as login
    from pg_roles r where r.rolname = current_user and current_user = session_user`,
  /** Gives its name. */
  judge(rows: unknown): string {
    const [found] = z.array(z.object({ strong: z.string(), login: z.string() })).parse(rows);
    if (found?.strong === 'false') return found.login;
    const reason = 'the login of DATABASE_ANALYTICS_URL may do more than read the reporting views';
    throw new ScreenalyticsError('ANALYTICS_UNAVAILABLE', { reason });
  },
};

/** The same login again for the same home, database and shows, so that processes do not take it from each other. */
function loginOf(home: string, [url, ...shows]: [string, ...string[]]): { file: string; login: Login } {
  const { host, pathname, search } = new URL(url);
  const about = [`${host}${pathname}${search}`, ...new Set(shows.toSorted())].join('\n');
  const name = createHash('sha256').update(about).digest('hex').slice(0, 16);
  const file = join(home, 'db', `analytics-${name}.json`);
  try {
    return { file, login: Login.parse(JSON.parse(readFileSync(file, 'utf8'))) };
  } catch {
    const login = { user: `sa_analytics_${randomBytes(4).toString('hex')}`, password: randomBytes(24).toString('hex') };
    return { file, login };
  }
}

function keep(file: string, login: Login): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(login), { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

/** Names and password are made of letters of our own choosing, and checked: nothing is to be quoted. */
async function makeLogin(q: DbReader, login: Login): Promise<void> {
  const { user, password } = Login.parse(login);
  await q.query('select pg_advisory_xact_lock(7264003)');
  const [own] = await q.query<{ strong: boolean }>(
    'select rolsuper as strong from pg_roles where rolname = current_user',
  );
  const [role] = await q.query('select 1 from pg_roles where rolname = $1', [user]);
  const may = `login nosuperuser nocreatedb nocreaterole noinherit connection limit ${CONNECTIONS_MAX} password '${password}'`;
  await q.query(`${role === undefined ? 'create' : 'alter'} role ${user} ${may}`);
  await q.query(`alter role ${user} set default_transaction_read_only = on`);
  if (own?.strong === true) await q.query(`alter role ${user} set temp_file_limit = '${TEMP_FILES_MAX}'`);
  await q.query(`do $$ begin execute format('grant connect on database %I to ${user}', current_database()); end $$`);
  await q.query(`grant usage on schema sa_report to ${user}`);
  await q.query(`grant select on ${REPORT_VIEWS.map(({ name }) => `sa_report.${name}`).join(', ')} to ${user}`);
  if (own?.strong === true) await revokeFunctions(q);
}

/** Functions' rights are those of one database. Its owner keeps them; a superuser has them in any case. */
async function revokeFunctions(q: DbReader): Promise<void> {
  await q.query(`do $do$
    declare f regprocedure;
    begin
      for f in select p.oid from pg_catalog.pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
        and p.proname ~ '${REVOKED}' and has_function_privilege('public', p.oid, 'execute')
      loop
        execute format('revoke execute on function %s from public', f);
      end loop;
    end $do$`);
}
