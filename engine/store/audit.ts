import { appendFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Engine } from '../engine.ts';
import type { DbReader, Readable } from './db.ts';

/** One line for each call: who, through what, what was decided, how it ended. Never its input. */
export const AuditRow = z.object({
  at: z.iso.datetime(),
  actor: z.string(),
  surface: z.enum(['cli', 'mcp', 'agent', 'queue']),
  profile: z.string(),
  tool: z.string(),
  /** `none`: it ended before anything was decided. */
  decision: z.enum(['none', 'allow', 'ask', 'deny', 'approved', 'rejected']),
  /** `done`, `proposed`, `rejected`, `reopened` (approved, and cut off before anything was written), or the code of an error. */
  outcome: z.string(),
  took_ms: z.int().nonnegative(),
  change_id: z.string().nullable(),
  proposal_id: z.string().nullable(),
  /** The same input gives the same hash; null after an erasure. */
  input_hash: z.string().nullable(),
});
export type AuditRow = z.output<typeof AuditRow>;

const FOLDER = 'audit';
const FILE = 'waiting.jsonl';
/** Rows that one statement brings in. */
const BATCH = 500;
/** More than this waiting is dropped with a word in the log: a disk is not filled by what only looks. */
const WAITING_BYTES_MAX = 16_000_000;

/**
 * Writes it into the database where the call had that open; else, or where that fails, into a file of the home, from which the next
 * call with a database takes it over. So no call opens a database for this alone, and none fails by it.
 */
export async function keepAudit(engine: Engine, row: AuditRow): Promise<void> {
  try {
    const db = await engine.openedDb()?.catch(() => undefined);
    if (db !== undefined) {
      const { files, rows } = await waiting(engine.config.home);
      await db.write((q) => insertRows(q, [...rows, row]));
      for (const file of files) await rm(file, { force: true });
      return;
    }
  } catch (error) {
    engine.log.warn({ err: error }, 'the audit could not be written into the database');
  }
  await keepWaiting(engine, row);
}

async function keepWaiting({ config, log }: Engine, row: AuditRow): Promise<void> {
  try {
    const folder = join(config.home, FOLDER);
    const file = join(folder, FILE);
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    if (size > WAITING_BYTES_MAX) throw new Error(`${file} is full`);
    await mkdir(folder, { recursive: true });
    await appendFile(file, `${JSON.stringify(row)}\n`);
  } catch (error) {
    log.warn({ err: error, ...row }, 'the audit could not be kept');
  }
}

/** Takes what waits; each file is one process's alone once it bears its name. A line that is cut off is left out. */
async function waiting(home: string): Promise<{ files: string[]; rows: AuditRow[] }> {
  const folder = join(home, FOLDER);
  const names = await readdir(folder).catch((): string[] => []);
  if (!names.includes(FILE)) return { files: [], rows: [] };
  const file = join(folder, `taken-${process.pid}-${Date.now()}.jsonl`);
  const taken = await rename(join(folder, FILE), file).then(
    () => true,
    () => false, // another process was quicker
  );
  if (!taken) return { files: [], rows: [] };
  const rows = (await readFile(file, 'utf8')).split('\n').flatMap(readLine);
  return { files: [file], rows };
}

function readLine(line: string): AuditRow[] {
  try {
    return [AuditRow.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}

async function insertRows(q: DbReader, rows: readonly AuditRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += BATCH) await q.query(INSERT, [JSON.stringify(rows.slice(at, at + BATCH))]);
}

const COLUMNS =
  'at, actor, surface, profile, tool, decision, outcome, took_ms, change_id, proposal_id, input_hash' as const;
const INSERT = `
  insert into sa.audit (${COLUMNS})
  select ${COLUMNS} from jsonb_to_recordset($1::jsonb) as r(at timestamptz, actor text, surface text, profile text, tool text,
    decision text, outcome text, took_ms int, change_id text, proposal_id text, input_hash text)`;

const StoredRow = AuditRow.extend({ at: z.date() });

/** Newest first. */
export async function listAudit(db: Readable, limit: number): Promise<z.output<typeof StoredRow>[]> {
  const rows = await db.read((q) =>
    q.query(`select ${COLUMNS} from sa.audit order by audit_key desc limit $1`, [limit]),
  );
  return z.array(StoredRow).parse(rows);
}
