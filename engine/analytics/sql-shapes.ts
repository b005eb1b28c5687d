/** How a field of a node is looked at. */
export type Field =
  | 'plain' // a number, a word of the grammar, a yes or no: nothing that names anything
  | 'node' // { Kind: { ... } }
  | 'nodes' // a list of these
  | 'name' // a name that the query gives to something of its own
  | 'names' // a list of these
  | 'schema' // of a relation
  | 'relation' // what is read
  | 'function'
  | 'operator'
  | 'type'
  | 'moment'
  | 'columns' // what is looked up: columns, or the names of what they are of
  | `:${string}`; // fields of that kind, without its name around them

const AT = { location: 'plain' } as const;

/**
 * The nodes of a query that only reads, each with the fields it may have. A kind or a field that is not here is refused:
 * `into`, `for update`, `tablesample`, XML, and whatever a newer grammar has.
 */
export const SHAPES: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  SelectStmt: {
    ...{ distinctClause: 'nodes', targetList: 'nodes', fromClause: 'nodes', whereClause: 'node', groupClause: 'nodes' },
    ...{ groupDistinct: 'plain', havingClause: 'node', windowClause: 'nodes', valuesLists: 'nodes' },
    ...{
      sortClause: 'nodes',
      limitOffset: 'node',
      limitCount: 'node',
      limitOption: 'plain',
      withClause: ':WithClause',
    },
    ...{ op: 'plain', all: 'plain', larg: ':SelectStmt', rarg: ':SelectStmt' },
  },
  WithClause: { ctes: 'nodes', recursive: 'plain', ...AT },
  CommonTableExpr: { ctename: 'name', aliascolnames: 'names', ctematerialized: 'plain', ctequery: 'node', ...AT },
  ResTarget: { name: 'name', val: 'node', ...AT },
  RangeVar: {
    ...{ schemaname: 'schema', relname: 'relation', inh: 'plain', relpersistence: 'plain', alias: ':Alias', ...AT },
  },
  RangeSubselect: { lateral: 'plain', subquery: 'node', alias: ':Alias' },
  RangeFunction: { lateral: 'plain', ordinality: 'plain', is_rowsfrom: 'plain', functions: 'nodes', alias: ':Alias' },
  JoinExpr: {
    ...{ jointype: 'plain', isNatural: 'plain', larg: 'node', rarg: 'node', usingClause: 'columns', quals: 'node' },
    ...{ alias: ':Alias', join_using_alias: ':Alias' },
  },
  Alias: { aliasname: 'name', colnames: 'names' },
  ColumnRef: { fields: 'columns', ...AT },
  ParamRef: { number: 'plain', ...AT },
  A_Const: {
    ...{ ival: 'plain', fval: 'plain', boolval: 'plain', sval: 'plain', bsval: 'plain', isnull: 'plain', ...AT },
  },
  A_Expr: {
    ...{ kind: 'plain', name: 'operator', lexpr: 'node', rexpr: 'node' },
    ...{ rexpr_list_start: 'plain', rexpr_list_end: 'plain', ...AT },
  },
  BoolExpr: { boolop: 'plain', args: 'nodes', ...AT },
  NullTest: { arg: 'node', nulltesttype: 'plain', ...AT },
  BooleanTest: { arg: 'node', booltesttype: 'plain', ...AT },
  CaseExpr: { arg: 'node', args: 'nodes', defresult: 'node', ...AT },
  CaseWhen: { expr: 'node', result: 'node', ...AT },
  CoalesceExpr: { args: 'nodes', ...AT },
  MinMaxExpr: { op: 'plain', args: 'nodes', ...AT },
  SubLink: { subLinkType: 'plain', testexpr: 'node', operName: 'operator', subselect: 'node', ...AT },
  List: { items: 'nodes' },
  RowExpr: { args: 'nodes', row_format: 'plain', ...AT },
  A_ArrayExpr: { elements: 'nodes', list_start: 'plain', list_end: 'plain', ...AT },
  A_Indirection: { arg: 'node', indirection: 'columns' },
  A_Indices: { is_slice: 'plain', lidx: 'node', uidx: 'node' },
  TypeCast: { arg: 'node', typeName: ':TypeName', ...AT },
  TypeName: { names: 'type', typmods: 'nodes', typemod: 'plain', arrayBounds: 'plain', ...AT },
  SQLValueFunction: { op: 'moment', typmod: 'plain', ...AT },
  FuncCall: {
    ...{ funcname: 'function', args: 'nodes', agg_order: 'nodes', agg_filter: 'node', over: ':WindowDef' },
    ...{ agg_within_group: 'plain', agg_star: 'plain', agg_distinct: 'plain', funcformat: 'plain', ...AT },
  },
  NamedArgExpr: { arg: 'node', name: 'plain', argnumber: 'plain', ...AT },
  WindowDef: {
    ...{ name: 'name', refname: 'columns', partitionClause: 'nodes', orderClause: 'nodes', frameOptions: 'plain' },
    ...{ startOffset: 'node', endOffset: 'node', ...AT },
  },
  SortBy: { node: 'node', sortby_dir: 'plain', sortby_nulls: 'plain', ...AT },
  GroupingSet: { kind: 'plain', content: 'nodes', ...AT },
  GroupingFunc: { args: 'nodes', ...AT },
};

/** What a refused field or kind is called by people. */
export const CALLED: Readonly<Record<string, string>> = {
  intoClause: 'SELECT INTO',
  lockingClause: 'FOR UPDATE and the like',
  catalogname: 'another database',
  collname: 'COLLATE',
  useOp: 'ORDER BY ... USING',
  RangeTableSample: 'TABLESAMPLE',
  ExplainStmt: 'EXPLAIN',
  TransactionStmt: 'BEGIN, COMMIT and ROLLBACK',
  VariableSetStmt: 'SET',
  VariableShowStmt: 'SHOW',
  CopyStmt: 'COPY',
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
  DoStmt: 'DO',
  CallStmt: 'CALL',
  PrepareStmt: 'PREPARE',
  ExecuteStmt: 'EXECUTE',
};
