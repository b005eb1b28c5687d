import pg from 'pg';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Logger } from '#engine/core/log.ts';
import { ensureOwner } from './embedded.ts';
import { migrate } from './migrate.ts';
import { isConnectionError, translate, unavailable } from './vendor-errors.ts';

/** What SQL is asked through. Rows are as the driver gives them: the file that asks checks them with zod. */
export interface DbReader {
  /** Extended protocol always: one statement, parameters never in its text. */
  query<Row = unknown>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

/** What readers are handed: there is nothing in it to write with. */
export interface Readable {
  readonly kind: 'embedded' | 'server';
  /** In a read-only transaction; one snapshot a statement. */
  read<T>(work: (q: DbReader) => Promise<T>): Promise<T>;
}

export interface Db extends Readable {
  /**
   * In one transaction, all or nothing. Await nothing but SQL in it, and prepare what is sent before: the embedded
   * database serves one transaction at a time and ends one that is silent for seconds while others wait.
   */
  write<T>(work: (q: DbReader) => Promise<T>): Promise<T>;
  /** One statement in no transaction: what Postgres allows only there, such as `vacuum`. */
  alone<Row = unknown>(sql: string): Promise<Row[]>;
  close(): Promise<void>;
}

/** A transaction that is open, for what asks a database: several questions in one go. */
export function within({ kind }: Pick<Readable, 'kind'>, q: DbReader): Readable {
  return { kind, read: (work) => work(q) };
}

export interface DbOptions {
  home: string;
  /** Of a Postgres server with pgvector; null for the embedded database in `home`. */
  database_url: string | null;
  log?: Logger;
  /** How long the embedded database's process stays without connections. */
  owner_idle_ms?: number;
}

const OWNER_IDLE_MS = 60_000;
const CONNECTIONS_MAX = 4;
const CONNECT_MS_MAX = 10_000;
/** An owner may be leaving, or just have been killed, while we connect. */
const CONNECT_ATTEMPTS = 5;

/** Connects, starts the embedded database when there is none running, and brings the tables up to date. */
export async function openDb(options: DbOptions): Promise<Db> {
  const db = connectDb(options);
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** A `Db` that also runs scripts of several statements, for migrations. Connects on first use, changes no table. */
export interface ScriptDb extends Db {
  script<T>(work: (q: DbReader, run: (script: string) => Promise<void>) => Promise<T>): Promise<T>;
}

export function connectDb(options: DbOptions): ScriptDb {
  const door = options.database_url === null ? embeddedDoor(options) : serverDoor(options.database_url, options.log);
  const transact = async <T>(begin: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    const client = await beginOn(door, begin);
    let broken: Error | undefined;
    try {
      const result = await work(client);
      const { command } = await client.query('commit');
      // After a failed statement that `work` swallowed, the server answers COMMIT with ROLLBACK.
      if (command !== 'COMMIT') throw new Error('the transaction had failed and was rolled back');
      return result;
    } catch (error) {
      if (isConnectionError(error)) broken = error instanceof Error ? error : new Error(String(error));
      else broken = await rollBack(client);
      throw translate(error, door.where);
    } finally {
      client.release(broken);
    }
  };
  return {
    kind: door.kind,
    read: (work) => transact('begin read only', (client) => work(readerOf(client))),
    write: (work) => transact('begin', (client) => work(readerOf(client))),
    alone: (sql) => askAlone(door, sql),
    script: (work) =>
      transact('begin', (client) => work(readerOf(client), async (script) => void (await client.query(script)))),
    close: () => door.close(),
  };
}

/** How connections are made. `where` says which database, without a secret. */
interface Door {
  kind: Db['kind'];
  where: Record<string, unknown>;
  /** `afresh`: the last connection failed, so look whether the database is still there. */
  pool(afresh: boolean): Promise<pg.Pool>;
  close(): Promise<void>;
}

/** A connection with an open transaction. Nothing has been asked yet, so a broken connection is simply replaced. */
async function beginOn(door: Door, begin: string): Promise<pg.PoolClient> {
  for (let attempt = 1; ; attempt++) {
    let client: pg.PoolClient | undefined;
    try {
      client = await (await door.pool(attempt > 1)).connect();
      await client.query(begin);
      return client;
    } catch (error) {
      client?.release(true);
      if (error instanceof ScreenalyticsError) throw error;
      const again = isConnectionError(error) && (door.kind === 'embedded' || client !== undefined);
      if (!again || attempt >= CONNECT_ATTEMPTS) throw unavailable(error, door.where);
    }
  }
}

/** A connection that fails is not used again: a statement may still be running on it. */
async function askAlone<Row>(door: Door, sql: string): Promise<Row[]> {
  const client = await beginOn(door, 'select 1');
  let broken: Error | undefined;
  try {
    return await readerOf(client).query<Row>(sql);
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
    throw translate(error, door.where);
  } finally {
    client.release(broken);
  }
}

/** Gives the error when even that failed: the connection is of no more use. */
async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** `queryMode` is newer than the driver's types. */
interface ExtendedQuery extends pg.QueryConfig {
  queryMode: 'extended';
}

function readerOf(client: pg.PoolClient): DbReader {
  return {
    async query<Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
      const config: ExtendedQuery = { text, values: [...params], queryMode: 'extended' };
      return (await client.query(config)).rows;
    },
  };
}

function serverDoor(url: string, log: Logger | undefined): Door {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    const reason = 'DATABASE_URL is not a postgresql:// address';
    throw new ScreenalyticsError('DATABASE_UNAVAILABLE', { kind: 'server', reason });
  }
  const { hostname, port, pathname } = new URL(url);
  const pool = openPool({ connectionString: url, connectionTimeoutMillis: CONNECT_MS_MAX }, log);
  return {
    kind: 'server',
    where: { kind: 'server', host: hostname, port: port || '5432', database: pathname.slice(1) },
    pool: async () => pool,
    close: () => pool.end(),
  };
}

function embeddedDoor({ home, log, owner_idle_ms = OWNER_IDLE_MS }: DbOptions): Door {
  const pools = new Map<string, pg.Pool>(); // by the folder of the socket; a new owner may listen elsewhere
  let latest: pg.Pool | undefined;
  let closed = false;
  return {
    kind: 'embedded',
    where: { kind: 'embedded', home },
    async pool(afresh) {
      if (closed) throw new Error('this database was closed');
      if (latest !== undefined && !afresh) return latest;
      const host = await ensureOwner(home, owner_idle_ms);
      latest = pools.get(host) ?? openPool({ host, port: 5432, user: 'postgres', database: 'postgres' }, log);
      pools.set(host, latest);
      return latest;
    },
    async close() {
      closed = true;
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}

function openPool(config: pg.PoolConfig, log: Logger | undefined): pg.Pool {
  const pool = new pg.Pool({ ...config, max: CONNECTIONS_MAX, allowExitOnIdle: true, types: { getTypeParser } });
  // A connection that ends while it is idle is an event, not a failed query; unheard it would end the process.
  const note = (error: Error): void => log?.debug({ err: error }, 'a database connection ended');
  pool.on('error', note);
  pool.on('connect', (client) => client.on('error', note));
  return pool;
}

/** int8 as a number (ours stay far below 2^53); dates as they are written, for they have no time zone. */
const getTypeParser: pg.CustomTypesConfig['getTypeParser'] = (oid, format) => {
  if (format !== 'binary' && oid === pg.types.builtins.INT8) return Number;
  if (format !== 'binary' && oid === pg.types.builtins.DATE) return (text: string) => text;
  return pg.types.getTypeParser(oid, format);
};
