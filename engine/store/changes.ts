import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ChangePayload } from '../core/change.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { canonical } from '../core/stage.ts';
import type { DbReader, Readable } from './db.ts';

/** A change about to be written. */
export interface NewChange {
  /** From `changeId`; made here when absent. */
  readonly change_id?: string;
  readonly kind: string;
  /** Null: not of one episode. */
  readonly ep_id: string | null;
  /** The change that an undo or redo is about. */
  readonly target?: string;
  readonly payload: ChangePayload;
}

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Head = z.tuple([z.object({ seq: z.int(), hash: Hash })]);
const ZERO = '0'.repeat(64);
/** Rows that are verified at once. */
const VERIFY_ROWS = 500;

export function changeId(): string {
  return `c_${randomBytes(6).toString('hex')}`;
}

/** The end of the log. `for update`: nobody else appends until this transaction ends, so do this first in it. */
export async function lockHead(q: DbReader): Promise<{ seq: number; hash: string }> {
  return Head.parse(await q.query('select seq, hash from sa.change_head for update'))[0];
}

/** Appends one change within the caller's write transaction: whole with everything else in it, or not at all. */
export async function appendChange(q: DbReader, change: NewChange): Promise<{ change_id: string; seq: number }> {
  const { change_id = changeId(), kind, ep_id, target = null } = change;
  const head = await lockHead(q);
  const seq = head.seq + 1;
  const salt = randomBytes(16).toString('hex');
  const payload = canonical(ChangePayload.encode(change.payload));
  const commitment = sha256(salt + payload);
  const created_at = new Date().toISOString();
  const hash = chainHash({ prev_hash: head.hash, seq, change_id, kind, target, created_at, commitment });
  await q.query(
    `insert into sa.change (seq, change_id, kind, episode_key, target, commitment, prev_hash, hash, created_at)
     overriding system value
     select $1, $2, $3, (select episode_key from sa.episode where ep_id = $4), $5, $6, $7, $8, $9::timestamptz`,
    [seq, change_id, kind, ep_id, target, commitment, head.hash, hash, created_at],
  );
  await q.query('insert into sa.change_payload (seq, salt, payload) values ($1, $2, $3)', [seq, salt, payload]);
  await q.query('insert into sa.change_entity (seq, entity) select $1, unnest($2::text[])', [
    seq,
    [...new Set(change.payload.entities)],
  ]);
  await q.query('update sa.change_head set seq = $1, hash = $2', [seq, hash]);
  return { change_id, seq };
}

/** What the hash of a row covers besides what lies beside it. */
interface Link {
  readonly prev_hash: string;
  readonly seq: number;
  readonly change_id: string;
  readonly kind: string;
  readonly target: string | null;
  readonly created_at: string;
  readonly commitment: string;
}

function chainHash({ prev_hash, seq, change_id, kind, target, created_at, commitment }: Link): string {
  return sha256(JSON.stringify([prev_hash, seq, change_id, kind, target, created_at, commitment]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const StoredChange = z.object({
  seq: z.int(),
  change_id: z.string(),
  kind: z.string(),
  ep_id: z.string().nullable(),
  target: z.string().nullable(),
  created_at: z.date(),
  entities: z.array(z.string()),
  /** Null: erased. */
  payload: z
    .string()
    .nullable()
    .transform((text) => (text === null ? null : ChangePayload.decode(JSON.parse(text)))),
});
/** A row of the log with what lies beside it. */
export type StoredChange = z.output<typeof StoredChange>;

const SELECT_CHANGE = `
  select c.seq, c.change_id, c.kind, e.ep_id, c.target, c.created_at, p.payload,
    array(select n.entity from sa.change_entity n where n.seq = c.seq order by 1) as entities
  from sa.change c
  left join sa.change_payload p on p.seq = c.seq
  left join sa.episode e on e.episode_key = c.episode_key`;

/** All changes of an episode, or of any of some entities, in order. */
export async function changesOf(
  q: DbReader,
  of: { ep_id: string } | { entities: readonly string[] },
): Promise<StoredChange[]> {
  const [where, value] =
    'ep_id' in of
      ? ['e.ep_id = $1', of.ep_id]
      : ['c.seq in (select n.seq from sa.change_entity n where n.entity = any($1::text[]))', of.entities];
  return z.array(StoredChange).parse(await q.query(`${SELECT_CHANGE} where ${where} order by c.seq`, [value]));
}

/** CHANGE_NOT_FOUND for an id that is not in the log. */
export async function requireChange(q: DbReader, change_id: string): Promise<StoredChange> {
  const rows = await q.query(`${SELECT_CHANGE} where c.change_id = $1`, [change_id]);
  const [row] = z.array(StoredChange).parse(rows);
  if (row === undefined) throw new ScreenalyticsError('CHANGE_NOT_FOUND', { change_id });
  return row;
}

/** Which changes are not in force, each with the undo or redo that cancels it: newest first, because an undo can be undone. */
export async function cancelled(q: DbReader): Promise<Map<string, string>> {
  const sql = 'select change_id, target from sa.change where target is not null order by seq';
  return cancelledIn(z.array(z.object({ change_id: z.string(), target: z.string() })).parse(await q.query(sql)));
}

/** The same for changes that are at hand, in order of the log. */
export function cancelledIn(
  changes: readonly { readonly change_id: string; readonly target: string | null }[],
): Map<string, string> {
  const by = new Map<string, string>();
  for (const { change_id, target } of changes.toReversed())
    if (target !== null && !by.has(change_id) && !by.has(target)) by.set(target, change_id);
  return by;
}

/** True when the log has a change after `seq` that has a say in an episode's state: one of its own, or one of people. */
export async function movedOn(q: DbReader, ep_id: string, seq: number): Promise<boolean> {
  const sql = `
    select c.seq from sa.change c left join sa.episode e on e.episode_key = c.episode_key
    where c.seq > $2 and (c.episode_key is null or e.ep_id = $1) limit 1`;
  return (await q.query(sql, [ep_id, seq])).length > 0;
}

/** One line of the history as people read it. */
export interface HistoryLine {
  readonly seq: number;
  readonly change_id: string;
  readonly kind: string;
  readonly ep_id: string | null;
  readonly at: Date;
  /** Null: erased. */
  readonly actor: string | null;
  readonly surface: ChangePayload['surface'] | null;
  readonly by: 'person' | 'agent' | null;
  readonly reason: string | null;
  readonly entities: string[];
  readonly before: unknown[];
  readonly after: unknown[];
  /** Of an undo or redo: what it is about. */
  readonly target: string | null;
  /** The change that cancelled it; null while it is in force. */
  readonly undone_by: string | null;
}

export interface HistoryPage {
  /** Only changes before this one. */
  readonly before_seq?: number | undefined;
  readonly limit: number;
}

/** Newest first: of one entity (`person:p_1`, `track:ep/run/7`), of one episode, or of everything. */
export async function historyOf(
  db: Readable,
  of: { entity: string } | { ep_id: string } | undefined,
  { before_seq, limit }: HistoryPage,
): Promise<HistoryLine[]> {
  const sql = `${SELECT_CHANGE}
    where ($1::text is null or c.seq in (select n.seq from sa.change_entity n where n.entity = $1))
      and ($2::text is null or e.ep_id = $2) and ($3::bigint is null or c.seq < $3)
    order by c.seq desc limit $4`;
  const entity = of && 'entity' in of ? of.entity : null;
  const ep_id = of && 'ep_id' in of ? of.ep_id : null;
  return db.read(async (q) => {
    const rows = z.array(StoredChange).parse(await q.query(sql, [entity, ep_id, before_seq ?? null, limit]));
    const undone = await cancelled(q);
    return rows.map((row) => lineOf(row, undone.get(row.change_id) ?? null));
  });
}

function lineOf(row: StoredChange, undone_by: string | null): HistoryLine {
  const { seq, change_id, kind, ep_id, target, entities, payload, created_at } = row;
  const { actor = null, surface = null, reason = null, before = [], after = [] } = payload ?? {};
  const by = surface === null ? null : surface === 'cli' ? 'person' : 'agent';
  return {
    seq,
    change_id,
    kind,
    ep_id,
    at: created_at,
    actor,
    surface,
    by,
    reason,
    entities,
    before,
    after,
    target,
    undone_by,
  };
}

const ChainRow = z.object({
  seq: z.int(),
  change_id: z.string(),
  kind: z.string(),
  target: z.string().nullable(),
  commitment: Hash,
  prev_hash: Hash,
  hash: Hash,
  created_at: z.date(),
  salt: z.string().nullable(),
  payload: z.string().nullable(),
  entities: z.array(z.string()),
});
type ChainRow = z.output<typeof ChainRow>;

/** The log as JSON lines, whole: whoever has them can verify the chain without the database. */
export async function* historyLines(db: Readable): AsyncGenerator<string> {
  for await (const row of chain(db)) yield `${JSON.stringify({ ...row, created_at: row.created_at.toISOString() })}\n`;
}

/**
 * Goes through the whole log. HISTORY_BROKEN names the first row that does not fit: altered, missing, out of order, or without
 * its payload although no erasure says so.
 */
export async function verifyHistory(db: Readable): Promise<{ changes: number; erased: number; head: string }> {
  const readHead = async () => Head.parse(await db.read((q) => q.query('select seq, hash from sa.change_head')))[0];
  const began = await readHead();
  let prev = ZERO;
  let seq = 0;
  let erased = 0;
  const gone = new Map<string, number>();
  for await (const row of chain(db)) {
    const flaw = flawOf(row, { seq: seq + 1, prev });
    if (flaw !== undefined) throw broken(flaw, row);
    if (row.seq === began.seq && row.hash !== began.hash) throw broken('it is not the row that was written last', row);
    if (row.payload === null) {
      gone.set(row.change_id, row.seq);
      erased++;
    } else if (row.kind === 'forget')
      for (const id of ChangePayload.decode(JSON.parse(row.payload)).erased ?? []) gone.delete(id);
    [prev, seq] = [row.hash, row.seq];
  }
  const ended = await readHead();
  if (seq < began.seq || seq > ended.seq)
    throw broken(`the log ends at ${seq}, but ${began.seq} changes were written`, {
      seq: Math.min(seq, ended.seq) + 1,
    });
  for (const [change_id, at] of gone)
    throw broken('what was decided is missing, and no erasure lists it', { seq: at, change_id });
  return { changes: seq, erased, head: prev };
}

function flawOf(row: ChainRow, should: { seq: number; prev: string }): string | undefined {
  if (row.seq !== should.seq) return `row ${should.seq} is missing`;
  if (row.prev_hash !== should.prev) return 'it does not follow from the row before it';
  if (chainHash({ ...row, created_at: row.created_at.toISOString() }) !== row.hash) return 'the row was altered';
  if (row.payload === null || row.salt === null) return undefined; // judged at the end: an erasure comes later
  if (sha256(row.salt + row.payload) !== row.commitment) return 'what was decided was altered';
  const { entities } = ChangePayload.decode(JSON.parse(row.payload));
  if (canonical([...new Set(entities)].sort()) !== canonical([...row.entities].sort()))
    return 'what the change is about was altered';
  return undefined;
}

function broken(reason: string, { seq, change_id }: { seq: number; change_id?: string }): ScreenalyticsError {
  return new ScreenalyticsError('HISTORY_BROKEN', { seq, ...(change_id && { change_id }), reason });
}

async function* chain(db: Readable): AsyncGenerator<ChainRow> {
  const sql = `
    select c.seq, c.change_id, c.kind, c.target, c.commitment, c.prev_hash, c.hash, c.created_at, p.salt, p.payload,
      array(select n.entity from sa.change_entity n where n.seq = c.seq order by 1) as entities
    from sa.change c left join sa.change_payload p on p.seq = c.seq
    where c.seq > $1 order by c.seq limit $2`;
  for (let after = 0; ; ) {
    const rows = z.array(ChainRow).parse(await db.read((q) => q.query(sql, [after, VERIFY_ROWS])));
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}
