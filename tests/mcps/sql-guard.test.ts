import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '#config/load.ts';
import { openCopy } from '#engine/analytics/copy.ts';
import { openServer } from '#engine/analytics/server.ts';
import { checkSql } from '#engine/analytics/sql-guard.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { ensureOwner } from '#engine/store/embedded.ts';
import { fillAnalyticsWorld } from '../support/analytics-world.ts';
import { makeHome } from '../support/home.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { sqlAttempts } from '../support/sql-attempts.ts';
import { askFreely, askUnchecked, CAPS, fingerprint, leaks, through, tryAll } from '../support/sql-layers.ts';

const SETUP_MS_MAX = 600_000; // the first time, Postgres is installed
const TEST_MS_MAX = 300_000;
const COMING = new AbortController().signal;
const REFUSALS = new Set(['SQL_REFUSED', 'SQL_FAILED', 'SQL_LIMIT']);

const attempts = sqlAttempts();
const plain = attempts.filter(({ disguise }) => disguise === 'plain');
/** What can be tried without the parser before it: waiting and killing would only cost time. */
const reading = plain.filter(({ kind }) => kind === 'raw' || kind === 'file');
const writing = plain.filter(({ kind }) => kind === 'write' || kind === 'run');

test('there are enough attempts, and they are the same every time', () => {
  expect(attempts.length).toBeGreaterThanOrEqual(2_000);
  expect(new Set(attempts.map(({ shape }) => shape)).size).toBeGreaterThanOrEqual(200);
  expect(sqlAttempts()).toEqual(attempts);
});

test('an ordinary question is not refused', async () => {
  const questions = [
    'select person, sum(visual_s) s from v_screen_time where current group by person order by s desc limit 5;',
    `with a as (select * from sa_report.v_person where name ilike $1) select a.name, count(*) over (partition by a.consent)
       from a join v_cast c on c.person = a.name -- who else?`,
    `select date_trunc('month', air_date), count(*) filter (where status = 'analysed') from v_episode group by rollup (1)`,
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 9) select i, i % 2 = 0 from n`,
    'select distinct on (person) person, ep_id from v_appearance order by person, start_ms desc nulls last',
    `select percentile_cont(0.5) within group (order by visual_s), extract(year from now()), interval '1 day' from v_screen_time`,
    `select counts ->> 'shots', jsonb_object_keys(counts) from v_run where settings_hash ~ '^f' and counts @> '{}'`,
    'select e.*, s.n from v_episode e left join lateral (select count(*) n from v_shot s where s.ep_id = e.ep_id) s on true',
    `select lag(start_ms) over w, ntile(4) over (w rows between 1 preceding and current row) from v_shot window w as (order by start_ms)`,
    `table v_cast`,
    `values (1, 'a'), (2, 'b')`,
    `select case when visual_s between 1 and 2 then 'x' else coalesce(person, '?') end from v_screen_time except select 'y'`,
  ];
  for (const sql of questions) await expect(checkSql(sql, 1), sql).resolves.toBeUndefined();
});

test('a refusal says what and where', async () => {
  const refused = (sql: string) => checkSql(sql, 0).catch((error: { details: unknown }) => error.details);
  expect(await refused('select name, pg_sleep(1) from v_person')).toEqual({
    ...{ reason: 'the function pg_sleep is not on the list', position: 14 },
  });
  expect(await refused("select 'é', 1 from pg_class")).toMatchObject({ position: 20 });
  expect(await refused('select 1 fro m v_person x y')).toMatchObject({
    reason: expect.stringContaining('syntax error'),
  });
});

describe('on the embedded database', { timeout: TEST_MS_MAX }, () => {
  const { home, remove } = makeHome();
  let engine: Engine;
  beforeAll(async () => {
    engine = openEngine(loadConfig({ SCREENALYTICS_HOME: home }, { analytics: { query_s_max: 3 } }));
    await fillAnalyticsWorld(await engine.db());
  }, SETUP_MS_MAX);
  afterAll(async () => {
    await engine.close();
    await remove();
  }, TEST_MS_MAX);
  /** The live database itself, as its one login, which may do everything. */
  const live = async () => ({
    host: await ensureOwner(home, 60_000),
    port: 5432,
    user: 'postgres',
    database: 'postgres',
  });

  test('no attempt writes, reads a file or a raw table, or stops anything', async () => {
    const before = await fingerprint(await engine.db());
    const tried = await tryAll(attempts, (sql) => engine.analytics.ask({ sql, params: [], rows_max: 50 }, COMING));
    expect([...tried.codes.keys()].filter((code) => !REFUSALS.has(code))).toEqual([]);
    expect(leaks(tried)).toEqual([]);
    for (const kind of ['write', 'run', 'raw', 'file', 'statement'] as const)
      expect(through(tried, kind), kind).toEqual([]);
    expect(tried.answered.length).toBeLessThan(10); // texts that only look dangerous
    expect(await fingerprint(await engine.db())).toBe(before);
    const { rows } = await engine.analytics.ask({ sql: 'select 1', params: [], rows_max: 1 }, COMING);
    expect(rows).toEqual([[1]]);
  });

  test('without the parser, the copy still has no raw row and no file of this machine, but tells what it is made of', async () => {
    const copy = openCopy(() => engine.db(), { memory_mb_max: 1024, shows: [] });
    const before = await fingerprint(await engine.db());
    const tried = await tryAll(reading, (sql) => copy.ask(sql, [], CAPS, COMING));
    expect(leaks(tried)).toEqual([]);
    expect(tried.answered.filter(({ text }) => text.includes('root:'))).toEqual([]);
    expect(await fingerprint(await engine.db())).toBe(before);
    expect(through(tried, 'raw').length).toBeGreaterThan(10);
    expect(through(tried, 'file')).toContain("select pg_read_file('PG_VERSION')"); // of the database in memory

    const huge = `select string_agg(repeat(g::text, 50000000), '') from generate_series(10, 30) g`;
    const patient = { ...CAPS, time_ms_max: 60_000 };
    const ended = await copy.ask(huge, [], patient, COMING).catch((error: unknown) => error);
    expect(ended).toMatchObject({ code: 'SQL_LIMIT', details: { limit: 'memory' } });
    await copy.close();
  });

  test('without the parser and the copy, raw tables and files of the database are read', async () => {
    const config = await live();
    const before = await fingerprint(await engine.db());
    const tried = await tryAll(reading, (sql) => askUnchecked(config, sql));
    expect(leaks(tried).length).toBeGreaterThan(10);
    expect(through(tried, 'file').length).toBeGreaterThan(0);
    expect(await fingerprint(await engine.db())).toBe(before); // it only reads
  });

  test('without the copy alone, a long question holds up everybody', async () => {
    const clock = 'extract(epoch from clock_timestamp())::float8';
    const long = 'select count(*) from generate_series(1, 2000000)';
    await checkSql(long, 0);
    const sql = `select ${clock}, (${long}), ${clock}`;
    const db = await engine.db();
    let is_done = false;
    const asked = askUnchecked(await live(), sql).finally(() => {
      is_done = true;
    });
    const written: number[] = []; // when, by the database's clock; one write waits at every moment
    while (!is_done) {
      const [row] = await db.write((q) => q.query<{ at: number }>(`select ${clock} as at`));
      if (row) written.push(row.at);
    }
    const [began, , ended] = z.tuple([z.number(), z.unknown(), z.number()]).parse((await asked).rows[0]);
    expect(ended - began).toBeGreaterThan(0.05);
    expect(written.filter((at) => at > began && at < ended)).toEqual([]);
    expect(written.filter((at) => at >= ended).length).toBeGreaterThan(0);
  });

  test('without the transaction that only reads, rows are written', async () => {
    const config = await live();
    const sql = `with i as (insert into sa.person (name, base_name, actor) values ('x', 'x', 'x') returning *) select * from i`;
    const before = await fingerprint(await engine.db());
    await expect(askFreely(config, 'begin read only; commit')).resolves.toBeUndefined();
    await expect(askUnchecked(config, sql)).rejects.toThrow();
    expect(await fingerprint(await engine.db())).toBe(before);
    await askFreely(config, sql);
    expect(await fingerprint(await engine.db())).not.toBe(before);
  });
});

describe('on a real server', { timeout: TEST_MS_MAX }, () => {
  const { home, remove } = makeHome();
  let server: PostgresServer | undefined;
  let engine: Engine | undefined;
  let url = '';
  beforeAll(async () => {
    server = startPostgres();
    if (server === undefined) return;
    url = server.createDatabase('guard');
    const env = { SCREENALYTICS_HOME: home, DATABASE_URL: url };
    engine = openEngine(loadConfig(env, { analytics: { query_s_max: 3 } }));
    await fillAnalyticsWorld(await engine.db());
    await engine.analytics.ask({ sql: 'select 1', params: [], rows_max: 1 }, COMING); // makes the login
  }, SETUP_MS_MAX);
  afterAll(async () => {
    await engine?.close();
    server?.stop();
    await remove();
  }, TEST_MS_MAX);
  const guarded = (name: string, run: (on: Engine) => Promise<void>) =>
    test(name, async ({ skip }) => {
      if (engine === undefined) return skip(true, 'no PostgreSQL 15 with pgvector here');
      await run(engine);
    });

  guarded('no attempt of a sample writes, reads a file or a raw table, or stops anything', async (on) => {
    const sample = attempts.filter(({ disguise }) => ['plain', 'in_cte', 'second', 'quoted'].includes(disguise));
    const before = await fingerprint(await on.db());
    const tried = await tryAll(sample, (sql) => on.analytics.ask({ sql, params: [], rows_max: 50 }, COMING));
    expect([...tried.codes.keys()].filter((code) => !REFUSALS.has(code))).toEqual([]);
    expect(leaks(tried)).toEqual([]);
    for (const kind of ['write', 'run', 'raw', 'file', 'statement'] as const)
      expect(through(tried, kind), kind).toEqual([]);
    expect(await fingerprint(await on.db())).toBe(before);
  });

  guarded('without the parser, the login still reads no raw row and no file, and writes nothing', async (on) => {
    const own = openServer(() => on.db(), { home, database_url: url, analytics_url: null, shows: [] });
    const before = await fingerprint(await on.db());
    const tried = await tryAll([...reading, ...writing], (sql) => own.ask(sql, [], CAPS, COMING));
    expect(leaks(tried)).toEqual([]);
    expect(through(tried, 'file').filter((sql) => /pg_(read|stat|ls)_/.test(sql))).toEqual([]);
    // Nothing of what stands within EXISTS is worked out.
    expect(
      through(tried, 'run').filter((sql) => /set_config|_to_xml|pg_sleep/.test(sql) && !/exists/.test(sql)),
    ).toEqual([]);
    expect(through(tried, 'write').filter((sql) => /lo_|with [diu] as|sa\./.test(sql))).toEqual([]);
    expect(await fingerprint(await on.db())).toBe(before);
    expect(through(tried, 'raw').length).toBeGreaterThan(10); // the server's own catalog
  });

  guarded('without the parser and the login, raw tables and files of the machine are read', async () => {
    const tried = await tryAll(reading, (sql) => askUnchecked({ connectionString: url }, sql));
    expect(leaks(tried).length).toBeGreaterThan(10);
    expect(tried.answered.some(({ text }) => text.includes('root:'))).toBe(true);
  });

  guarded('without the transaction that only reads, rows are written', async (on) => {
    const sql = `with i as (insert into sa.person (name, base_name, actor) values ('x', 'x', 'x') returning *) select * from i`;
    const before = await fingerprint(await on.db());
    await expect(askUnchecked({ connectionString: url }, sql)).rejects.toThrow();
    expect(await fingerprint(await on.db())).toBe(before);
    await askFreely({ connectionString: url }, sql);
    expect(await fingerprint(await on.db())).not.toBe(before);
  });

  guarded('a login that may do more than read the views is refused', async (on) => {
    const strong = openServer(() => on.db(), { home, database_url: url, analytics_url: url, shows: [] });
    await expect(strong.ask('select 1', [], CAPS, COMING)).rejects.toMatchObject({ code: 'ANALYTICS_UNAVAILABLE' });
    const missing = openServer(() => on.db(), {
      ...{ home, database_url: url, analytics_url: url.replace('postgres@', 'nobody_here@'), shows: [] },
    });
    await expect(missing.ask('select 1', [], CAPS, COMING)).rejects.toMatchObject({ code: 'ANALYTICS_UNAVAILABLE' });
  });
});
