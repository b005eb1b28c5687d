/** Ways to make a query do, or tell, more than it may. Each line is a shape; each shape comes in many disguises. */
export interface Attempt {
  readonly shape: string;
  readonly kind: Kind;
  readonly disguise: string;
  readonly sql: string;
}
type Kind = keyof typeof SHAPES;

/** What no answer may ever hold: it stands in a raw table that no view shows. */
export const RAW_SECRET = 'raw-only-7f3a9c';

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** Each is a statement, in itself valid SQL or near it. */
const SHAPES = {
  /** Statements that are no query. */
  statement: lines(`
    insert into sa.person (name, base_name, actor) values ('x', 'x', 'x')
    insert into sa_report.v_person (name) values ('x')
    update sa.person set name = 'x'
    update sa_report.v_person set name = 'x'
    delete from sa.person
    delete from sa_report.v_person
    truncate sa.person cascade
    merge into sa.person p using (select 1) s on true when matched then delete
    drop table sa.person cascade
    drop schema sa_report cascade
    create table sa.mine (a int)
    create temp table mine (a int)
    create table mine as select * from sa.person
    create view mine as select 1
    create materialized view mine as select 1
    create function f() returns int language sql as 'select 1'
    create extension dblink
    create role mine superuser
    alter role postgres nosuperuser
    alter table sa.person add column x int
    alter system set log_statement = 'all'
    alter database postgres set search_path = x
    grant all on schema sa to public
    revoke all on schema sa_report from public
    set role postgres
    set session authorization default
    set local role postgres
    set statement_timeout = 0
    set transaction read write
    set session characteristics as transaction read write
    reset all
    show all
    show data_directory
    begin
    start transaction read write
    commit
    end
    abort
    rollback
    savepoint a
    release a
    prepare transaction 'x'
    prepare p as select 1
    execute p
    deallocate all
    declare d cursor with hold for select 1
    fetch all from answer
    move 5 in answer
    close answer
    copy sa.person to stdout
    copy (select * from sa.person) to '/tmp/x'
    copy sa.person from '/etc/passwd'
    copy sa.person from program 'id'
    copy (select 1) to program 'id'
    do $$ begin perform 1; end $$
    do language plpgsql 'begin delete from sa.person; end'
    call nothing()
    listen x
    notify x, 'y'
    unlisten *
    lock table sa.person
    vacuum
    analyze
    checkpoint
    cluster
    reindex database postgres
    discard all
    load 'x'
    import foreign schema a from server b into c
    create server s foreign data wrapper w
    create publication p for all tables
    create subscription s connection '' publication p
    create event trigger t on ddl_command_end execute function f()
    create trigger t before insert on sa.person execute function f()
    create rule r as on select to sa.person do instead nothing
    create policy p on sa.person
    create domain d as int
    create type t as (a int)
    create operator === (function = f)
    create cast (text as int) with function f(text)
    create sequence s
    create index i on sa.person (name)
    comment on table sa.person is 'x'
    security label on table sa.person is 'x'
    refresh materialized view mine
    explain select * from sa.person
    explain analyze select * from sa_report.v_person
    explain (analyze, buffers) delete from sa.person
    explain analyze insert into sa.person (name, base_name, actor) values ('x', 'x', 'x')
    explain analyze create table mine as select 1
    explain (analyze false) select 1
  `),
  /** Queries that write, lock or leave something behind. */
  write: lines(`
    with d as (delete from sa.person returning *) select * from d
    with d as (delete from sa_report.v_person returning *) select * from d
    with u as (update sa.person set name = 'x' returning *) select * from u
    with i as (insert into sa.person (name, base_name, actor) values ('x', 'x', 'x') returning *) select * from i
    with m as (merge into sa.person p using (select 1) s on true when matched then delete returning *) select * from m
    with recursive d as (delete from sa.person returning *) select 1
    with a as (select 1) delete from sa.person
    with a as (select 1) insert into sa.person (name, base_name, actor) select 'x', 'x', 'x' from a
    select * into sa.mine from v_person
    select * into temp mine from v_person
    select 1 as a into mine
    select * from v_person for update
    select * from v_person for no key update
    select * from v_person for share
    select * from v_person for key share skip locked
    select * from (select * from v_person for update nowait) x
    select nextval('sa.change_seq_seq')
    select setval('sa.change_seq_seq', 1)
    select lo_create(4242)
    select lo_creat(-1)
    select lo_from_bytea(4243, 'x')
    select lo_import('/etc/passwd')
    select lo_export(4242, '/tmp/x')
    select lo_unlink(4242)
    select lo_put(4242, 0, 'x')
    select loread(lo_open(4242, 262144), 10)
    select lowrite(lo_open(4242, 131072), 'x')
    select pg_notify('x', 'y')
    select pg_advisory_lock(1)
    select pg_advisory_xact_lock(1)
    select pg_try_advisory_lock(1)
    select pg_advisory_lock_shared(7264001)
    select pg_logical_emit_message(false, 'x', 'y')
    select pg_switch_wal()
    select pg_create_restore_point('x')
    select pg_create_logical_replication_slot('x', 'y')
    select pg_drop_replication_slot('x')
    select pg_reload_conf()
    select pg_rotate_logfile()
    select pg_promote()
    select pg_stat_reset()
    select pg_stat_reset_shared('bgwriter')
    select pg_import_system_collations('pg_catalog')
    select pg_extension_config_dump('pg_class', '')
    select txid_current()
    select pg_current_xact_id()
    select pg_export_snapshot()
    select binary_upgrade_set_next_pg_authid_oid(1)
    select sa.create_embedding_index('track', 'x', 3)
    select sa.embedding_index_missing('track', 'x')
    select create_embedding_index('track', 'x', 3)
  `),
  /** Queries that set something, run text as SQL, or stop somebody. */
  run: lines(`
    select set_config('role', 'postgres', false)
    select set_config('transaction_read_only', 'off', true)
    select pg_catalog.set_config('statement_timeout', '0', false)
    select * from set_config('session_authorization', 'postgres', false)
    select name from v_person where set_config('role', 'none', false) is null
    select name from v_person order by set_config('role', 'none', false)
    select count(*) filter (where set_config('role', 'none', false) = '') from v_person
    select 1 limit length(set_config('role', 'none', false))
    select 1 offset (select length(set_config('role', 'none', false)))
    select case when true then set_config('role', 'none', false) end
    select array[set_config('role', 'none', false)]
    select row(set_config('role', 'none', false))
    select coalesce(null, set_config('role', 'none', false))
    select greatest(set_config('role', 'none', false), 'x')
    select (select set_config('role', 'none', false))
    select exists (select set_config('role', 'none', false))
    select 1 = any (select length(set_config('role', 'none', false)))
    select sum(length(set_config('role', 'none', false))) over () from v_person
    select name from v_person group by name having set_config('role', 'none', false) = ''
    select distinct on (set_config('role', 'none', false)) 1
    values (set_config('role', 'none', false))
    select x from lateral (select set_config('role', 'none', false)) as l(x)
    select string_agg(name, set_config('role', 'none', false)) from v_person
    select json_build_object('a', set_config('role', 'none', false))
    select * from v_person a join v_cast b on set_config('role', 'none', false) = ''
    with a as (select set_config('role', 'none', false)) select * from a
    select 1 union select length(set_config('role', 'none', false))
    select query_to_xml('select * from sa.person', true, true, '')
    select query_to_xml_and_xmlschema('select * from sa.person', true, true, '')
    select query_to_xmlschema('select * from sa.person', true, true, '')
    select table_to_xml('sa.person'::regclass, true, true, '')
    select schema_to_xml('sa', true, true, '')
    select database_to_xml(true, true, '')
    select cursor_to_xml('answer', 1, true, true, '')
    select xpath('/x', query_to_xml('delete from sa.person', true, true, ''))
    select xmlforest(query_to_xml('select 1', true, true, ''))
    select xmlelement(name x, (select actor from sa.person limit 1))
    select xmlparse(document '<x/>')
    select * from xmltable('/x' passing query_to_xml('select 1', true, true, '') columns a text)
    select ts_stat('select actor::tsvector from sa.person')
    select * from ts_stat('select to_tsvector(actor) from sa.person')
    select ts_rewrite('a'::tsquery, 'select t, s from sa.x')
    select * from dblink('dbname=postgres', 'select 1') as t(a int)
    select dblink_exec('dbname=postgres', 'drop table x')
    select dblink_connect('host=127.0.0.1')
    select * from crosstab('select 1, 2, 3') as t(a int, b int)
    select * from plpgsql_check_function('f()')
    select pg_terminate_backend(pg_backend_pid())
    select pg_cancel_backend(1)
    select pg_sleep_for('10 minutes')
    select pg_sleep(0.01)
    select pg_sleep_until(now())
    select v_person.query_to_xml from v_person
    select (v_person).set_config from v_person
    select (row('select 1', true, true, '')).query_to_xml
    select v.pg_sleep from (select 0.01) v
    select 1 operator(pg_catalog.+) 1
    select 1 operator(sa.===) 1
    select 'a' collate "sa"."x"
    select 1 order by 1 using operator(pg_catalog.<)
    select name from v_person tablesample system (1)
    select * from v_person tablesample bernoulli (100)
  `),
  /** Queries that read what no view shows. */
  raw: lines(`
    select * from sa.person
    select * from only sa.person
    table sa.person
    select * from sa.seed
    select * from sa.embedding
    select vec from sa.embedding
    select * from sa.change_payload
    select actor from sa.episode
    select * from sa.audit
    select * from sa.proposal
    select * from person
    select * from "sa"."person"
    select (select actor from sa.person limit 1)
    select name from v_person union all select actor from sa.person
    select name from v_person where name in (select actor from sa.person)
    select exists (select from sa.person where actor like 'a%')
    select * from v_person, sa.person
    select * from v_person left join sa.person p using (name)
    select * from (sa.person cross join v_cast)
    with v_person as (select * from sa.person) select * from v_person
    with a as (with b as (select actor from sa.person) select * from b) select * from a
    select * from (with person as (select 1) select * from person) x, person
    with recursive a as (select actor from sa.person union select actor from a) select * from a
    select (p).actor from sa.person p
    select p.*::text from sa.person p
    select row_to_json(p) from sa.person p
    select array(select actor from sa.person)
    select count(*) from sa_report.v_secret
    select * from public.v_person
    select * from postgres.sa.person
    select * from postgres.sa_report.v_person
    select * from pg_temp.v_person
    select * from pg_class
    select * from pg_catalog.pg_authid
    select rolpassword from pg_authid
    select * from pg_shadow
    select * from pg_user_mapping
    select * from pg_settings
    select * from pg_file_settings
    select * from pg_hba_file_rules
    select * from pg_stat_activity
    select query from pg_stat_statements
    select * from pg_stats
    select most_common_vals from pg_stats where schemaname = 'sa'
    select * from pg_statistic
    select * from pg_largeobject
    select * from pg_proc
    select * from pg_views
    select * from information_schema.tables
    select * from information_schema.columns
    select relname from pg_catalog.pg_class where relnamespace = 'sa'::regnamespace
    select 'sa.person'::regclass
    select 'sa.person'::regclass::oid
    select cast('postgres' as regrole)
    select regclass 'pg_authid'
    select 16384::regclass
    select '(1,2)'::sa.person
    select null::sa.person
    select null::pg_catalog.pg_authid
    select (null::sa.person).*
    select json_populate_record(null::sa.person, '{}')
    select * from json_to_recordset('[]') as x(a sa.person)
    select * from jsonb_populate_recordset(null::sa.person, '[]')
    select to_regclass('sa.person')
    select has_table_privilege('sa.person', 'select')
    select pg_get_viewdef('sa_report.v_person')
    select pg_get_functiondef('sa.create_embedding_index'::regproc)
    select obj_description(1)
    select col_description(1, 1)
    select pg_relation_size('sa.person')
    select pg_relation_filepath('sa.person')
    select pg_table_size('sa.person')
    select pg_total_relation_size(1259)
    select pg_typeof(name) from v_person
    select row_security_active('sa.person')
    select currtid2('sa.person', '(0,1)')
    select version()
    select current_user
    select session_user
    select current_role
    select user
    select current_catalog
    select current_schema
    select current_schemas(true)
    select current_database()
    select current_setting('data_directory')
    select current_setting('config_file')
    select current_query()
    select inet_server_addr()
    select inet_client_port()
    select pg_backend_pid()
    select pg_postmaster_start_time()
    select pg_conf_load_time()
    select ctid, xmin, tableoid from v_person
    select tableoid::regclass from v_person
    select v_person.ctid from v_person
    select vec from v_track
    select embedding from v_person
    select password from v_person
    select base_name from v_person
  `),
  /** Queries that read files, or list them. */
  file: lines(`
    select pg_read_file('PG_VERSION')
    select pg_read_file('/etc/passwd')
    select pg_read_file('/etc/passwd', 0, 100)
    select pg_read_file('postgresql.conf', true)
    select pg_read_binary_file('PG_VERSION')
    select encode(pg_read_binary_file('/etc/passwd'), 'escape')
    select pg_stat_file('PG_VERSION')
    select pg_ls_dir('.')
    select * from pg_ls_dir('/etc')
    select * from pg_ls_logdir()
    select * from pg_ls_waldir()
    select * from pg_ls_tmpdir()
    select * from pg_ls_archive_statusdir()
    select pg_current_logfile()
    select name from v_person where pg_read_file('PG_VERSION') <> ''
    select string_to_array(pg_read_file('/etc/passwd'), ':')
    select * from regexp_split_to_table(pg_read_file('PG_VERSION'), 'x')
    select length(pg_catalog.pg_read_file('PG_VERSION'))
    select convert_from(pg_read_binary_file('/etc/hostname'), 'utf8')
    select pg_walfile_name('0/0')
    select * from pg_show_all_file_settings()
    select * from pg_hba_file_rules()
    select * from pg_config()
    select * from pg_get_backend_memory_contexts()
  `),
  /** Texts that are none. */
  broken: [
    '',
    ' ',
    ';',
    ';;',
    '--',
    '/* never closed',
    "select 'never closed",
    'select "never closed',
    'select $$never closed',
    'select $1 $2',
    'selec 1',
    'select 1 select 2',
    "select E'\\'; drop table sa.person; --'",
    "select U&'\\0027; delete from sa.person'",
    'select \u0000',
    'select * from v_person where name = \u2019x\u2019',
    'ѕelect * from sa.person',
    'select * from ѕa.person',
    'select\u00a0*\u00a0from\u00a0sa.person',
    'select * from sa\u200b.person',
    'select * from U&"s\\0061".person',
    'select * from U&"v!005fperson" uescape \'!\', U&"!0073a"."person" uescape \'!\'',
    'select set\\_config(1)',
    '\\copy sa.person to x',
    '\\! id',
    '# comment',
    `select '${'x'.repeat(20_000)}'`,
    `select ${'1+'.repeat(4_000)}1`,
    `select ${'('.repeat(4_000)}1${')'.repeat(4_000)}`,
    `select ${'not '.repeat(2_000)}true`,
    `select * from ${'(select * from '.repeat(300)}v_person${') a'.repeat(300)}`,
    `select 1${' union select 1'.repeat(600)}`,
    `select f${'(f'.repeat(2_000)}${')'.repeat(2_000)}`,
    `select ${'case when true then '.repeat(300)}1${' end'.repeat(300)}`,
    `select array${'['.repeat(500)}1${']'.repeat(500)}`,
    `with ${Array.from({ length: 200 }, (_, i) => `a${i} as (select * from a${i})`).join(', ')} select 1`,
  ],
} as const;

/** The same statement in another dress. */
const DISGUISES: Readonly<Record<string, (sql: string) => string>> = {
  plain: (sql) => sql,
  semicolon: (sql) => `${sql};`,
  upper: (sql) => sql.toUpperCase(),
  comments: (sql) => sql.replaceAll(' ', '/**/ '),
  nested_comment: (sql) => `/* /* select 1 */ ; */ ${sql} -- select 1`,
  lines: (sql) => `\n\t${sql.replaceAll(' ', '\n')}\r\n`,
  second: (sql) => `select 1; ${sql}`,
  second_commit: (sql) => `select 1; commit; ${sql}`,
  in_transaction: (sql) => `begin; ${sql}; commit`,
  after_cte: (sql) => `with harmless as (select 1) ${sql}`,
  in_cte: (sql) => `with hidden as (${sql}) select * from hidden`,
  in_from: (sql) => `select * from (${sql}) hidden`,
  in_value: (sql) => `select (${sql})`,
  in_exists: (sql) => `select name from sa_report.v_person where exists (${sql})`,
  united: (sql) => `select null::text union all (${sql})`,
  explained: (sql) => `explain analyze ${sql}`,
  prepared: (sql) => `prepare p as ${sql}`,
  quoted: (sql) => sql.replace(/\b(pg_catalog|set_config|pg_read_file|query_to_xml|person)\b/g, '"$1"'),
};

/** All of them, always the same and in the same order. */
export function sqlAttempts(): Attempt[] {
  return Object.entries(SHAPES).flatMap(([kind, shapes]) =>
    shapes.flatMap((shape) =>
      Object.entries(DISGUISES)
        .filter(([disguise]) => kind !== 'broken' || disguise === 'plain' || disguise === 'second')
        .map(([disguise, dress]) => ({ kind: kind as Kind, shape, disguise, sql: dress(shape) })),
    ),
  );
}
