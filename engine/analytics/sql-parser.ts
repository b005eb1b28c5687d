import { hasSqlDetails, loadModule, parseSync } from 'libpg-query';

/** A node of the tree as the parser gives it: `{ SelectStmt: { ... } }`, or the fields alone where the kind is known. */
export type Tree = { readonly [key: string]: unknown };

export type Parsed =
  | { readonly ok: true; readonly statements: readonly Tree[] }
  | { readonly ok: false; readonly problem: string; readonly at: number | null };

const WORDS_MAX = 200;

/** The one door to the parser: Postgres' own grammar, so that what is checked is what would be run. */
export async function parseSql(sql: string): Promise<Parsed> {
  await loadModule();
  try {
    const { stmts = [] } = parseSync(sql);
    return { ok: true, statements: stmts.flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt as Tree])) };
  } catch (error) {
    const at = hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? null) : null;
    const words = error instanceof Error ? error.message : 'it cannot be read';
    return { ok: false, problem: words.slice(0, WORDS_MAX), at };
  }
}
