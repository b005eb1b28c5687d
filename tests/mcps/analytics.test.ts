import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { openServer } from '#engine/analytics/server.ts';
import { analyticsUrl } from '#engine/analytics/server-login.ts';
import { REPORT_VIEWS } from '#engine/analytics/views.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { openDb } from '#engine/store/db.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { listViews } from '#mcps/postgres/tools/list-views.ts';
import { queryViews } from '#mcps/postgres/tools/query-views.ts';
import { runAnalytics } from '#mcps/postgres/tools/run-analytics.ts';
import { servers } from '../../cli/mcp.ts';
import { fillAnalyticsWorld } from '../support/analytics-world.ts';
import { makeHome } from '../support/home.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

const SETUP_MS_MAX = 600_000; // the first time, Postgres is installed
const TEST_MS_MAX = 240_000;
/** What an endless query gets; every other one gets so much that no machine is too slow for it. */
const QUERY_S_MAX = 2;
const QUERY_S_AMPLE = 120;
const ENDLESS = 'with recursive n(i) as (select 1 union all select i % 7 + 1 from n) select count(*) from n';

describe.each(['embedded', 'server'] as const)('analytics on the %s database', { timeout: TEST_MS_MAX }, (kind) => {
  const { home, remove } = makeHome();
  let server: PostgresServer | undefined;
  let url: string | undefined;
  const engines: Engine[] = [];
  let engine: Engine;

  const open = (shows: string[], query_s_max = QUERY_S_AMPLE): Engine => {
    const env = { SCREENALYTICS_HOME: home, ...(url !== undefined && { DATABASE_URL: url }) };
    const opened = openEngine(loadConfig(env, { analytics: { shows, query_s_max } }));
    engines.push(opened);
    return opened;
  };
  beforeAll(async () => {
    if (kind === 'server') server = startPostgres();
    url = server?.createDatabase('analytics');
    if (kind === 'server' && url === undefined) return;
    engine = open([]);
    await fillAnalyticsWorld(await engine.db());
  }, SETUP_MS_MAX);
  afterAll(async () => {
    await Promise.all(engines.map((each) => each.close()));
    server?.stop();
    await remove();
  }, TEST_MS_MAX);
  const contract = (name: string, run: () => Promise<void>) =>
    test(name, async ({ skip }) => {
      skip(engine === undefined, 'no PostgreSQL 15 with pgvector here');
      await run();
    });

  const caller = (on: Engine) => ({ surface: 'cli' as const, engine: on, signal: new AbortController().signal });
  const ask = (sql: string, more: Record<string, unknown> = {}, on = engine) =>
    runTool(queryViews, { sql, ...more }, caller(on));
  const saved = async (name: string, more: Record<string, unknown> = {}, on = engine) =>
    (await runTool(runAnalytics, { name, ...more }, caller(on))).rows;

  contract('the list of views is what the database has, each column with its type', async () => {
    const db = await engine.db();
    const sql = `select table_name || '.' || column_name as name from information_schema.columns
      where table_schema = 'sa_report' order by table_name, ordinal_position`;
    const there = (await db.read((q) => q.query<{ name: string }>(sql))).map(({ name }) => name);
    const listed = REPORT_VIEWS.flatMap(({ name, columns }) =>
      Object.keys(columns).map((column) => `${name}.${column}`),
    );
    expect([...listed].sort()).toEqual([...there].sort());

    const { views, columns } = await runTool(listViews, { view: 'v_cast' }, caller(engine));
    expect(views).toMatchObject([{ name: 'v_cast', columns: ['show', 'season', 'person'] }]);
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      ...[
        ['show', 'text'],
        ['season', 'integer'],
        ['person', 'text'],
      ],
    ]);
  });

  contract('a query sees the rows of the views, all of them and no other', async () => {
    const db = await engine.db();
    for (const { name } of REPORT_VIEWS) {
      const sql = `select row_to_json(v)::text as row from sa_report.${name} v order by 1`;
      const there = (await db.read((q) => q.query<{ row: string }>(sql))).map(({ row }) => row);
      const found = await ask(sql, { rows_max: 1000 });
      expect(
        found.rows.map(([row]) => row),
        name,
      ).toEqual(there);
    }
    expect((await ask('select name from v_person order by name')).rows).toEqual([['Ada'], ['Ben'], ['Dee']]);
  });

  contract('values keep their types, in JSON and in CSV', async () => {
    const sql = `select 1 as n, 2.5 as x, true as yes, null as nothing, $1 as said, date '2026-11-21' as day, 1 as n`;
    const found = await ask(sql, { params: ['=1+1, "x"'] });
    expect(found.rows).toEqual([[1, 2.5, true, null, '=1+1, "x"', '2026-11-21', 1]]);
    expect(found.columns.map(({ type }) => type)).toEqual([
      ...['integer', 'number', 'boolean', 'text', 'text', 'date', 'integer'],
    ]);
    const { csv } = await ask(sql, { params: ['=1+1, "x"'], format: 'csv' });
    expect(csv).toBe(`n,x,yes,nothing,said,day,n_7\n1,2.5,true,,"'=1+1, ""x""",2026-11-21,1\n`);
  });

  contract('AGT-04: what a query may take has an end', async () => {
    const rows = await ask('select * from generate_series(1, 1000) g', { rows_max: 7 });
    expect(rows).toMatchObject({ row_count: 7, cut: 'rows' });
    const wide = `select string_agg(a || '', '') from generate_series(1, 60000) a`;
    expect(await ask(wide)).toMatchObject({ row_count: 0, cut: 'chars' });
    await expect(ask('select title + 1 from v_episode')).rejects.toMatchObject({
      ...{ code: 'SQL_FAILED', details: { position: 14 } },
    });
    await expect(ask('select title from v_episode where $1 = 1')).rejects.toMatchObject({ code: 'SQL_REFUSED' });
  });

  contract('an endless query ends at the cap, and others are answered again', async () => {
    const capped = open([], QUERY_S_MAX);
    const error = { code: 'SQL_LIMIT', details: { limit: 'time', limit_s: QUERY_S_MAX } };
    await expect(ask(ENDLESS, {}, capped)).rejects.toMatchObject(error);
    expect((await ask('select count(*) from v_episode')).rows).toEqual([[3]]);
  });

  contract('a write of somebody else does not wait for an endless query; who stops asking stops it', async () => {
    await ask('select 1'); // what is made on first use is there
    const stop = new AbortController();
    const asked = runTool(queryViews, { sql: ENDLESS }, { ...caller(engine), signal: stop.signal });
    const ended = asked.catch((error: unknown) => error);
    const other = await openDb({ home, database_url: url ?? null });
    for (
      const until = performance.now() + 500;
      performance.now() < until; // by then it has begun
    )
      await other.write((q) => q.query(`update sa.show set title = 'New title' where slug = 'beta'`));
    await other.close();
    stop.abort();
    expect(await ended, 'it went on until then').toMatchObject({ code: 'CANCELED' });
  });

  contract('what was written is seen by the next query', async () => {
    const db = await engine.db();
    await db.write((q) => q.query(`insert into sa.person (name, base_name, actor) values ('Finn', 'Finn', 'x')`));
    expect((await ask(`select count(*) from v_person where name = 'Finn'`)).rows).toEqual([[1]]);
    await db.write((q) => q.query(`update sa.person set name = 'Fay' where name = 'Finn'`));
    expect((await ask(`select name from v_person where name like 'F%'`)).rows).toEqual([['Fay']]);
    await db.write((q) => q.query(`delete from sa.person where name = 'Fay'`));
    expect((await ask(`select name from v_person where name like 'F%'`)).rows).toEqual([]);
  });

  contract('DAT-04: saved questions give what is worked out by hand', async () => {
    expect(await saved('presence_by_person')).toEqual([
      ['Ada', 2, 40, (20 / 60 + 20 / 40) / 2, 'alpha-s01e01', 'alpha-s01e02'],
      ['Ben', 3, 40, expect.closeTo((10 / 60 + 20 / 40 + 10 / 30) / 3), 'alpha-s01e01', 'beta-s01e01'],
      ['Dee', 1, 30, 1, 'beta-s01e01', 'beta-s01e01'],
    ]);
    const inOne = await saved('presence_by_person', { episode: 'alpha-s01e01' });
    expect(inOne.map(([person, , seconds]) => [person, seconds])).toEqual([
      ...[
        ['Ada', 20],
        ['Unknown-1', 15],
        ['Ben', 10],
      ],
    ]);
    expect(await saved('co_appearance')).toEqual([
      ...[
        ['Ada', 'Ben', 15, 2, 2],
        ['Ben', 'Dee', 10, 1, 1],
      ],
    ]);
    expect(await saved('co_appearance', { person: 'ben' })).toEqual([
      ...[
        ['Ben', 'Ada', 15, 2, 2],
        ['Ben', 'Dee', 10, 1, 1],
      ],
    ]);
    expect(await saved('co_appearance', { person: 'Ben', other: 'Dee' })).toEqual([['Ben', 'Dee', 10, 1, 1]]);
    expect(await saved('co_appearance', { episode: 'alpha-s01e01', person: 'Unknown-1' })).toEqual([
      ['Unknown-1', 'Ada', 5, 1, 1],
    ]);
    expect(await saved('season_totals', { show: 'alpha' })).toEqual([
      ...[
        [1, 'One', 'Ada', 2, 2, 40, 0.4],
        [1, 'One', 'Ben', 2, 2, 30, 0.3],
      ],
    ]);
    expect((await saved('episodes_of_person', { person: 'Ben' })).map((row) => [row[0], row[5]])).toEqual([
      ...[
        ['alpha-s01e01', 10],
        ['alpha-s01e02', 20],
        ['beta-s01e01', 10],
      ],
    ]);
    await expect(saved('episodes_of_person')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(saved('season_totals', { show: 'gamma' })).rejects.toMatchObject({ code: 'SHOW_NOT_FOUND' });
    const none = saved('season_totals', { show: 'alpha', season: 9 });
    await expect(none).rejects.toMatchObject({ code: 'SEASON_NOT_FOUND', details: { seasons: [1] } });
    await expect(saved('episodes_of_person', { person: 'Cleo' })).rejects.toMatchObject({ code: 'PERSON_NOT_FOUND' });
  });

  contract('who may ask of one show sees no row of another', async () => {
    const scoped = open(['beta']);
    for (const { name } of REPORT_VIEWS) {
      const { rows } = await ask(`select v::text from ${name} v`, {}, scoped);
      expect(
        rows.filter(([row]) => /alpha|Ada/.test(String(row))),
        name,
      ).toEqual([]);
    }
    expect((await ask('select ep_id from v_episode', {}, scoped)).rows).toEqual([['beta-s01e01']]);
    expect((await ask('select person from v_screen_time order by 1', {}, scoped)).rows).toEqual([['Ben'], ['Dee']]);
    expect(await saved('co_appearance', {}, scoped)).toEqual([['Ben', 'Dee', 10, 1, 1]]);
    expect(await saved('episodes_of_person', { person: 'Ada' }, scoped)).toEqual([]);
    await expect(saved('season_totals', { show: 'alpha' }, scoped)).rejects.toMatchObject({ code: 'SHOW_NOT_FOUND' });
  });

  contract(
    'SEC-02: who is held to one show is shown nothing of another by any server, and nothing without saying of which',
    async () => {
      const rules = [
        { tools: '*', effect: 'read' as const, action: 'allow' as const, limits: { shows: ['beta'] }, reason: 'x' },
      ];
      const held = { ...caller(engine), policies: [{ name: 'beta alone', rules }] };
      const given: Record<string, unknown> = {
        view: 'v_run',
        name: 'season_totals',
        sql: 'select 1',
        source: 'alpha-s01e01',
      };
      for (const tool of Object.values(servers).flatMap<AnyTool>(({ tools }) => [...tools])) {
        if (tool.effect !== 'read') continue;
        const fields = Object.entries(tool.input.shape);
        const needed = fields
          .filter(([, schema]) => !schema.safeParse(undefined).success)
          .map(([field]) => [field, given[field] ?? 'x']);
        const of = (show: string) => ({
          ...Object.fromEntries(needed),
          ...('episode' in tool.input.shape
            ? { episode: `${show}-s01e01` }
            : 'show' in tool.input.shape
              ? { show }
              : {}),
        });
        const asked = (input: object) =>
          runTool(tool, input, held).then(
            () => 'shown',
            (error: { code: string }) => error.code,
          );
        expect(await asked(of('alpha')), tool.name).toBe('PROPOSED');
        if ('episode' in tool.input.shape) expect(await asked(of('beta')), tool.name).not.toBe('PROPOSED');
      }
    },
  );

  if (kind === 'embedded') return;
  const betaUrl = async (shows = ['beta']) =>
    analyticsUrl({ home, database_url: url ?? '', analytics_url: null, shows }, await engine.db());
  /** As that login, without the product before it: what each statement gives, and what the server said meanwhile. */
  const asLogin = async (address: string, ...statements: string[]) => {
    const client = new pg.Client({ connectionString: address });
    const said: string[] = [];
    client.on('notice', ({ message }) => said.push(String(message)));
    await client.connect();
    const given: string[] = [];
    for (const sql of statements)
      given.push(
        await client.query(sql).then(
          (found) => JSON.stringify([found].flat().map(({ rows }) => rows)),
          (error: Error) => error.message,
        ),
      );
    await client.end();
    return { given, said };
  };

  contract('the login of one show sees no row of another, whatever it sets and whoever it says it is', async () => {
    const address = await betaUrl();
    const mine = new URL(address).username;
    const alls = new URL(await betaUrl([])).username;
    const everything = REPORT_VIEWS.map(({ name }) => `select * from sa_report.${name}`);
    const setting = [
      ...['set default_transaction_read_only = off', `set role ${alls}`, `set session authorization ${alls}`],
      ...['set row_security = off', `select set_config('role', 'postgres', false)`, 'reset role', 'set role none'],
      `select set_config('session_authorization', '${alls}', false)`,
      ...[`insert into sa.report_scope values ('${mine}', null)`, `update sa.report_scope set shows = null`],
      ...['set search_path = sa_all, sa', `alter role ${mine} superuser`, `grant ${alls} to ${mine}`],
      `alter view sa_report.v_episode reset (security_barrier)`,
      ...['create table pg_temp.report_scope (login text, shows text[])', 'set search_path = pg_temp, sa_report'],
      `insert into pg_temp.report_scope values ('${mine}', null)`,
    ];
    const raw = ['select * from sa_all.v_episode', 'select * from sa.episode', 'select * from sa.report_scope'];
    const { given } = await asLogin(address, ...setting, ...raw, ...everything);
    expect(given.join('\n')).toContain('beta-s01e01');
    const shown = given.slice(setting.length).join('\n');
    expect(shown).not.toMatch(/alpha|Ada/);
    expect(given.slice(setting.length, -everything.length)).toEqual(
      raw.map((sql) => expect.stringMatching(sql.includes('sa_all') ? /schema sa_all/ : /schema sa/)),
    );
    for (const name of ['set role', 'set session authorization', 'update', 'alter role', 'grant'])
      expect(given[setting.findIndex((sql) => sql.startsWith(name))], name).toMatch(/denied|must |cannot/);
  });

  contract('no condition of its own is worked out on rows that it may not see; without the barrier it is', async () => {
    const address = await betaUrl();
    const ask = () =>
      asLogin(
        address,
        'set default_transaction_read_only = off',
        `create function pg_temp.tell(text) returns boolean language plpgsql cost 0.0000001 as
         $$ begin raise notice '%', $1; return true; end $$`,
        'select ep_id from sa_report.v_episode where pg_temp.tell(ep_id)',
        'select distinct person from sa_report.v_screen_time where pg_temp.tell(person) order by 1',
      );
    const { given, said } = await ask();
    expect(given.slice(2)).toEqual(['[[{"ep_id":"beta-s01e01"}]]', '[[{"person":"Ben"},{"person":"Dee"}]]']);
    expect(said.toSorted()).toEqual(['Ben', 'Dee', 'beta-s01e01']);
    const db = await engine.db();
    const barrier = (on: boolean) =>
      db.write((q) => q.query(`alter view sa_report.v_episode set (security_barrier = ${on})`));
    await barrier(false);
    const open = await ask();
    await barrier(true);
    expect(open.given).toEqual(given);
    expect(open.said).toContain('alpha-s01e01');
  });

  contract('whose shows nobody wrote down sees nothing; a login keeps its shows', async () => {
    const address = await betaUrl(['alpha']);
    const db = await engine.db();
    await db.write((q) => q.query('delete from sa.report_scope where login = $1', [new URL(address).username]));
    const { given } = await asLogin(address, ...REPORT_VIEWS.map(({ name }) => `select * from sa_report.${name}`));
    expect(given).toEqual(REPORT_VIEWS.map(() => '[[]]'));

    const asBeta = { home, database_url: url ?? '', analytics_url: await betaUrl() };
    const caps = { rows_max: 10, chars_max: 1000, time_ms_max: 5000 };
    const asked = (shows: string[]) =>
      openServer(() => engine.db(), { ...asBeta, shows }).ask(
        'select ep_id from v_episode',
        [],
        caps,
        caller(engine).signal,
      );
    expect((await asked(['beta'])).rows).toEqual([['beta-s01e01']]);
    for (const shows of [[], ['alpha'], ['alpha', 'beta']])
      await expect(asked(shows)).rejects.toMatchObject({ code: 'ANALYTICS_UNAVAILABLE' });
  });
});
