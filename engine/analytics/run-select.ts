import { Socket } from 'node:net';
import pg from 'pg';
import { ScreenalyticsError } from '#engine/core/errors.ts';

export type Cell = string | number | boolean | null;

/** What a query may take. */
export interface Caps {
  readonly rows_max: number;
  /** Of the cells' letters, together. */
  readonly chars_max: number;
  readonly time_ms_max: number;
}

export interface Answered {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Cell[])[];
  /** What it was cut off by, if by anything. */
  readonly cut: 'rows' | 'chars' | null;
}

/** Rows come a few at a time, so that wide ones are noticed before many have come. */
const FETCH_ROWS = 50;
/** A batch that is wider than this is not even read to its end. */
const WIRE_BYTES_MAX = 64 * 2 ** 20;
const CONNECT_MS_MAX = 10_000;
const REASON_MAX = 300;

export interface OneClient {
  readonly client: pg.Client;
  /** Ends the connection at once, whatever runs on it. */
  hangUp(): void;
}

/** A connection for one query. What comes over it is counted, and it is cut when it is too much. */
export function openClient(config: pg.ClientConfig): OneClient {
  let bytes = 0;
  const socket = new Socket();
  const stream = (): Socket => {
    socket.on('data', (data) => {
      bytes += data.length;
      if (bytes > WIRE_BYTES_MAX) socket.destroy(new ScreenalyticsError('SQL_LIMIT', { limit: 'bytes' }));
    });
    return socket;
  };
  const client = new pg.Client({
    connectionTimeoutMillis: CONNECT_MS_MAX,
    ...config,
    types: { getTypeParser },
    stream,
  });
  client.on('error', () => undefined); // what fails is told by the query that was asked
  return { client, hangUp: () => void socket.destroy() };
}

/**
 * Runs a query that was checked, on a connection that is thrown away afterwards: in a transaction that only reads,
 * through a cursor, never past the caps, and always rolled back. `settings` hold for this transaction.
 */
export async function runSelect(
  client: pg.Client,
  sql: string,
  params: readonly string[],
  { rows_max, chars_max }: Caps,
  settings: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  try {
    await client.query('begin read only');
    const local = { search_path: 'pg_catalog, sa_report, pg_temp', ...settings };
    for (const [name, value] of Object.entries(local)) await client.query(`set local ${name} = ${value}`);
    const config: ExtendedQuery = { text: `declare answer no scroll cursor for ${sql}`, queryMode: 'extended' };
    await client.query({ ...config, values: [...params] });
    const rows: Cell[][] = [];
    let chars = 0;
    for (;;) {
      const found = await client.query<string[]>({ text: `fetch forward ${FETCH_ROWS} from answer`, rowMode: 'array' });
      const columns = found.fields.map(({ name, dataTypeID }) => ({
        name,
        type: TYPE_NAMES.get(dataTypeID) ?? 'text',
      }));
      for (const texts of found.rows as (string | null)[][]) {
        if (rows.length >= rows_max) return { columns, rows, cut: 'rows' };
        chars += texts.reduce((sum, text) => sum + (text?.length ?? 4) + 1, 0);
        if (chars > chars_max) return { columns, rows, cut: 'chars' };
        rows.push(texts.map((text, at) => cellOf(text, found.fields[at]?.dataTypeID ?? 0)));
      }
      if (found.rows.length < FETCH_ROWS) return { columns, rows, cut: null };
    }
  } finally {
    await client.query('rollback').catch(() => undefined);
  }
}

/** `queryMode` is newer than the driver's types. */
interface ExtendedQuery extends pg.QueryConfig {
  queryMode: 'extended';
}

/** What the database said of a query, in our words; its own sentence is about the asker's own text. */
export function queryError(error: unknown, sql: string): unknown {
  if (error instanceof ScreenalyticsError || !(error instanceof Error)) return error;
  const { code = '', position } = error as Error & { code?: string; position?: string };
  const reason = error.message.slice(0, REASON_MAX);
  if (code === '57014') return new ScreenalyticsError('SQL_LIMIT', { limit: 'time' }, { cause: error });
  if (/^(53|54)/.test(code)) return new ScreenalyticsError('SQL_LIMIT', { limit: 'memory', reason }, { cause: error });
  if (code === '42501' || code === '25006') return new ScreenalyticsError('SQL_REFUSED', { reason, position: null });
  // The connection is what failed; 08P01 are values that do not fit the query's $1, $2.
  if (!/^[0-9A-Z]{5}$/.test(code) || /^(08(?!P01)|57P)/.test(code)) return error;
  const at = Number(position) - 'declare answer no scroll cursor for '.length;
  return new ScreenalyticsError(
    'SQL_FAILED',
    { reason, position: at >= 1 && at <= sql.length ? at : null },
    { cause: error },
  );
}

const TYPE_NAMES = new Map([
  [16, 'boolean'],
  [20, 'integer'],
  [21, 'integer'],
  [23, 'integer'],
  [700, 'number'],
  [701, 'number'],
  [1700, 'number'],
  [1082, 'date'],
  [1114, 'timestamp'],
  [1184, 'timestamp'],
  [1186, 'interval'],
  [114, 'json'],
  [3802, 'json'],
]);

/** Numbers as numbers where they keep their value; everything else as Postgres writes it. */
function cellOf(text: string | null, oid: number): Cell {
  if (text === null) return null;
  const type = TYPE_NAMES.get(oid);
  if (type === 'boolean') return text === 't';
  const number = type === 'integer' || type === 'number' ? Number(text) : Number.NaN;
  return Number.isFinite(number) && Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : text;
}

const getTypeParser: pg.CustomTypesConfig['getTypeParser'] = () => (text: string) => text;
