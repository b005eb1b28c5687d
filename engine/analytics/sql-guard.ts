import { ScreenalyticsError } from '#engine/core/errors.ts';
import { FUNCTIONS, IMPLIED_COLUMNS, MOMENTS, OPERATORS, TYPES } from './sql-names.ts';
import { parseSql, type Tree } from './sql-parser.ts';
import { CALLED, type Field, SHAPES } from './sql-shapes.ts';
import { REPORT_SCHEMA, reportColumns, reportViews } from './views.ts';

const SQL_CHARS_MAX = 10_000;
const DEPTH_MAX = 250;
const NODES_MAX = 5_000;

/**
 * Whether a text is one query over the reporting views that can do nothing but read them; SQL_REFUSED says why not, and
 * where. It is the first of several guards: what runs the query could do no harm without it, either (docs/ARCHITECTURE.md).
 */
export async function checkSql(sql: string, params: number): Promise<void> {
  if (sql.length > SQL_CHARS_MAX) throw refused(sql, `longer than ${SQL_CHARS_MAX} characters`, null);
  if (sql.includes('\0')) throw refused(sql, 'a NUL character', null);
  const parsed = await parseSql(sql);
  if (!parsed.ok)
    throw refused(sql, parsed.problem, parsed.at === null ? null : Buffer.from(sql.slice(0, parsed.at)).length);
  const [statement, ...others] = parsed.statements;
  if (statement === undefined) throw refused(sql, 'there is no statement', null);
  if (others.length > 0) throw refused(sql, 'more than one statement', null);
  const [kind] = Object.keys(statement);
  if (kind !== 'SelectStmt')
    throw refused(sql, `${called(kind ?? '')}: only SELECT, WITH, VALUES and TABLE are taken`, 0);
  const walk: Walk = { sql, params, given: namesGiven(statement), nodes: 0, at: 0 };
  lookAtNode(walk, statement, { depth: 0, tables: new Set() });
}

interface Walk {
  readonly sql: string;
  readonly params: number;
  /** Names of the query's own: aliases, columns, tables of `with`. */
  readonly given: ReadonlySet<string>;
  nodes: number;
  /** Bytes before the node that was met last. */
  at: number;
}

interface Inside {
  readonly depth: number;
  /** Tables of `with` that can be read here. */
  readonly tables: ReadonlySet<string>;
}

function lookAtNode(walk: Walk, node: unknown, inside: Inside): void {
  if (!isTree(node)) throw refused(walk.sql, 'a form that is not known', walk.at);
  const entries = Object.entries(node);
  if (entries.length === 0) return; // an empty node stands where there is nothing
  const [[kind, fields]] = entries as [[string, unknown]];
  if (entries.length !== 1) throw refused(walk.sql, 'a form that is not known', walk.at);
  lookAtFields(walk, kind, fields, inside);
}

function lookAtFields(walk: Walk, kind: string, fields: unknown, outside: Inside): void {
  const shape = Object.hasOwn(SHAPES, kind) ? SHAPES[kind] : undefined;
  if (!isTree(fields)) throw refused(walk.sql, 'a form that is not known', walk.at);
  if (typeof fields.location === 'number' && fields.location >= 0) walk.at = fields.location;
  if (shape === undefined) throw refused(walk.sql, `${called(kind)} is not taken`, walk.at);
  if (++walk.nodes > NODES_MAX) throw refused(walk.sql, `more than ${NODES_MAX} parts`, walk.at);
  if (outside.depth >= DEPTH_MAX) throw refused(walk.sql, `nested deeper than ${DEPTH_MAX}`, walk.at);
  const inside = {
    depth: outside.depth + 1,
    tables: kind === 'SelectStmt' ? tablesIn(fields, outside.tables) : outside.tables,
  };
  if (kind === 'ParamRef') lookAtParam(walk, fields.number);
  if (kind === 'RangeVar') lookAtRelation(walk, fields, inside);
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (field === undefined) throw refused(walk.sql, `${called(name)} is not taken`, walk.at);
    lookAtField(walk, field, value, inside);
  }
}

function lookAtField(walk: Walk, field: Field, value: unknown, inside: Inside): void {
  const list = typeof value === 'string' ? [value] : listOf(value);
  if (field.startsWith(':')) lookAtFields(walk, field.slice(1), value, inside);
  else if (field === 'node') lookAtNode(walk, value, inside);
  else if (field === 'nodes') for (const each of list) lookAtNode(walk, each, inside);
  else if (field === 'name' || field === 'names') for (const name of textsOf(walk, list)) lookAtOwnName(walk, name);
  else if (field === 'function') lookAtQualified(walk, textsOf(walk, list), FUNCTIONS, 'function');
  else if (field === 'type') lookAtQualified(walk, textsOf(walk, list), TYPES, 'type');
  else if (field === 'operator') lookAtOperator(walk, textsOf(walk, list));
  else if (field === 'columns') for (const each of list) lookAtColumn(walk, each, inside);
  else if (field === 'moment' && !MOMENTS.has(String(value))) throw refused(walk.sql, `${value} is not taken`, walk.at);
}

/** A name alone, or one of pg_catalog as the grammar writes it for `extract(...)` or `int`. */
function lookAtQualified(walk: Walk, path: readonly string[], known: ReadonlySet<string>, what: string): void {
  const name = path.at(-1) ?? '';
  const is_ours = path.length === 1 || (path.length === 2 && path[0] === 'pg_catalog');
  if (!is_ours || !known.has(name))
    throw refused(walk.sql, `the ${what} ${path.join('.')} is not on the list`, walk.at);
}

function lookAtOperator(walk: Walk, path: readonly string[]): void {
  // BETWEEN is an operator of that name to the parser.
  const name = path.length === 1 ? (path[0] ?? '') : '';
  if (!OPERATORS.has(name) && !/^(NOT )?BETWEEN( SYMMETRIC)?$/.test(name))
    throw refused(walk.sql, `the operator ${path.join('.')} is not on the list`, walk.at);
}

/** One of the views, or a table that the query made itself. */
function lookAtRelation(walk: Walk, { schemaname, relname }: Tree, { tables }: Inside): void {
  const name = String(relname);
  if (
    schemaname === undefined
      ? tables.has(name) || reportViews.has(name)
      : schemaname === REPORT_SCHEMA && reportViews.has(name)
  )
    return;
  const path = schemaname === undefined ? name : `${schemaname}.${name}`;
  throw refused(walk.sql, `${path} is not one of the reporting views`, walk.at);
}

/** `x.f` means `f(x)` to Postgres where x has no column f: so columns, too, are held to a list. */
function lookAtColumn(walk: Walk, column: unknown, inside: Inside): void {
  if (isTree(column) && 'A_Star' in column) return;
  if (isTree(column) && 'A_Indices' in column) {
    lookAtNode(walk, column, inside);
    return;
  }
  const [name = ''] = textsOf(walk, [column]);
  const known = [reportColumns, reportViews, walk.given, FUNCTIONS, TYPES, IMPLIED_COLUMNS].some((set) =>
    set.has(name),
  );
  if (known || name === REPORT_SCHEMA || /^column\d+$/.test(name)) return;
  throw refused(walk.sql, `there is no column ${name}`, walk.at);
}

/** A name of the query's own never looks like one of the server's, so that what it means cannot depend on the place. */
function lookAtOwnName(walk: Walk, name: string): void {
  if (/^(pg_|lo_|sa$|sa_|information_schema$)|xml/i.test(name))
    throw refused(walk.sql, `the name ${name} is the server's; take another`, walk.at);
}

function lookAtParam(walk: Walk, number: unknown): void {
  if (typeof number !== 'number' || number < 1 || number > walk.params)
    throw refused(walk.sql, `$${number} has no value in params`, walk.at);
}

function tablesIn({ withClause }: Tree, outside: ReadonlySet<string>): ReadonlySet<string> {
  if (!isTree(withClause)) return outside;
  const names = listOf(withClause.ctes).flatMap((each) => {
    const cte = isTree(each) ? each.CommonTableExpr : undefined;
    return isTree(cte) && typeof cte.ctename === 'string' ? [cte.ctename] : [];
  });
  return new Set([...outside, ...names]);
}

/** All names that the query gives, wherever: of columns, tables and windows. */
function namesGiven(root: Tree): Set<string> {
  const given = new Set<string>();
  const rest: unknown[] = [root];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (Array.isArray(next)) rest.push(...next);
    if (!isTree(next)) continue;
    for (const [kind, value] of Object.entries(next)) {
      if (kind === 'aliasname' || kind === 'ctename' || kind === 'name')
        if (typeof value === 'string') given.add(value);
      if (kind === 'colnames' || kind === 'aliascolnames')
        for (const each of listOf(value)) given.add(textOf(each) ?? '');
      if (typeof value === 'object' && value !== null) rest.push(value);
    }
  }
  return given;
}

function textsOf(walk: Walk, nodes: readonly unknown[]): string[] {
  return nodes.map((each) => {
    const text = typeof each === 'string' ? each : textOf(each);
    if (text === undefined) throw refused(walk.sql, 'a form that is not known', walk.at);
    return text;
  });
}

/** `{ String: { sval } }` */
function textOf(node: unknown): string | undefined {
  const text = isTree(node) && Object.keys(node).length === 1 ? node.String : undefined;
  return isTree(text) && typeof text.sval === 'string' ? text.sval : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function called(kind: string): string {
  return (
    CALLED[kind] ??
    kind
      .replace(/Stmt$/, '')
      .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
      .toUpperCase()
  );
}

/** `at` is in bytes, as the parser counts; people and programs that show a text count letters, from 1. */
function refused(sql: string, reason: string, at: number | null): ScreenalyticsError {
  const position = at === null ? null : Buffer.from(sql).subarray(0, at).toString().length + 1;
  return new ScreenalyticsError('SQL_REFUSED', { reason, position });
}
