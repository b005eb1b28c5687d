import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ScreenalyticsError } from '../core/errors.ts';
import { EventType } from '../core/events.ts';
import type { Db, DbReader, Readable } from './db.ts';
import { NEW_DELIVERY_ID } from './events.ts';

/** Where something is sent, without what signs it. */
export const Webhook = z.object({
  webhook_id: z.string(),
  url: z.string(),
  /** Null: all. */
  events: z.array(EventType).nullable(),
  /** Why nothing is sent there any more. */
  disabled: z.string().nullable(),
  actor: z.string(),
  created_at: z.date(),
  waiting: z.int(),
  delivered: z.int(),
  failed: z.int(),
});
export type Webhook = z.output<typeof Webhook>;

/** So many can be added: each event is sent to each. */
const WEBHOOKS_MAX = 50;
const SECRET_BYTES = 32;

export async function addWebhook(
  db: Db,
  { url, events, actor }: { url: string; events: readonly EventType[] | null; actor: string },
): Promise<string> {
  const webhook_id = `wh_${randomBytes(6).toString('hex')}`;
  const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
  await db.write(async (q) => {
    const [count] = await q.query<{ n: number }>('select count(*)::int as n from sa.webhook');
    if ((count?.n ?? 0) >= WEBHOOKS_MAX)
      throw new ScreenalyticsError('INPUT_INVALID', { reason: `there are ${WEBHOOKS_MAX} webhooks already` });
    const sql = 'insert into sa.webhook (webhook_id, url, events, secret, actor) values ($1, $2, $3::text[], $4, $5)';
    await q.query(sql, [webhook_id, url, events, secret, actor]);
  });
  return webhook_id;
}

/** What signs, for the person who added it; undefined when it was shown before. */
export async function revealSecret(db: Db, webhook_id: string): Promise<string | undefined> {
  const sql = 'update sa.webhook set secret_shown = true where webhook_id = $1 and not secret_shown returning secret';
  const [row] = await db.write((q) => q.query<{ secret: string }>(sql, [webhook_id]));
  return row?.secret;
}

const LIST = `
  select w.webhook_id, w.url, w.events, w.disabled, w.actor, w.created_at,
    (select count(*) from sa.delivery d where d.webhook_id = w.webhook_id and d.state = 'waiting') as waiting,
    (select count(*) from sa.delivery d where d.webhook_id = w.webhook_id and d.state = 'delivered') as delivered,
    (select count(*) from sa.delivery d where d.webhook_id = w.webhook_id and d.state = 'failed') as failed
  from sa.webhook w`;

/** Oldest first. */
export async function listWebhooks(db: Readable): Promise<Webhook[]> {
  return z.array(Webhook).parse(await db.read((q) => q.query(`${LIST} order by w.created_at, w.webhook_id`)));
}

/** WEBHOOK_NOT_FOUND for an id that nothing bears. */
export async function requireWebhook(db: Readable, webhook_id: string): Promise<Webhook> {
  const [found] = z
    .array(Webhook)
    .parse(await db.read((q) => q.query(`${LIST} where w.webhook_id = $1`, [webhook_id])));
  if (found === undefined) throw new ScreenalyticsError('WEBHOOK_NOT_FOUND', { webhook_id });
  return found;
}

/** With its deliveries, and the events that were for nobody else; what waits is not sent any more. */
export async function removeWebhook(db: Db, webhook_id: string): Promise<void> {
  await db.write(async (q) => {
    await q.query('delete from sa.webhook where webhook_id = $1', [webhook_id]);
    await q.query('delete from sa.event e where not exists (select from sa.delivery d where d.event_id = e.event_id)');
  });
}

const DeliveryState = z.enum(['waiting', 'delivered', 'failed']);

export const Delivery = z.object({
  delivery_id: z.string(),
  event_id: z.string(),
  webhook_id: z.string(),
  type: EventType,
  state: DeliveryState,
  attempts: z.int(),
  /** HTTP status of the last answer; null: none came. */
  status: z.int().nullable(),
  /** Of the last attempt. */
  took_ms: z.int().nullable(),
  reason: z.string().nullable(),
  created_at: z.date(),
  next_at: z.date(),
  ended_at: z.date().nullable(),
});
export type Delivery = z.output<typeof Delivery>;

export interface DeliveryFilter {
  readonly webhook_id?: string | undefined;
  readonly state?: z.output<typeof DeliveryState> | undefined;
  readonly delivery_id?: string | undefined;
}

/** Newest first. */
export async function listDeliveries(db: Readable, filter: DeliveryFilter, limit: number): Promise<Delivery[]> {
  const sql = `
    select d.delivery_id, d.event_id, d.webhook_id, e.type, d.state, d.attempts, d.status, d.took_ms, d.reason,
      d.created_at, d.next_at, d.ended_at
    from sa.delivery d join sa.event e on e.event_id = d.event_id
    where ($1::text is null or d.webhook_id = $1) and ($2::text is null or d.state = $2)
      and ($3::text is null or d.delivery_id = $3)
    order by d.created_at desc, e.seq desc, d.delivery_id limit $4`;
  const { webhook_id = null, state = null, delivery_id = null } = filter;
  return z.array(Delivery).parse(await db.read((q) => q.query(sql, [webhook_id, state, delivery_id, limit])));
}

/**
 * Sends an event again to every webhook that it was meant for, or one delivery to its own: new deliveries of the same event. Gives them;
 * DELIVERY_NOT_FOUND where nothing bears the id.
 */
export async function replay(db: Db, id: string): Promise<string[]> {
  const sql = `
    insert into sa.delivery (delivery_id, event_id, webhook_id)
    select ${NEW_DELIVERY_ID}, of.event_id, of.webhook_id from (
      select distinct d.event_id, d.webhook_id from sa.delivery d join sa.webhook w on w.webhook_id = d.webhook_id
      where (d.delivery_id = $1 or d.event_id = $1) and w.disabled is null
    ) as of returning delivery_id`;
  const rows = await db.write((q) => q.query<{ delivery_id: string }>(sql, [id]));
  if (rows.length === 0) throw new ScreenalyticsError('DELIVERY_NOT_FOUND', { id });
  return rows.map(({ delivery_id }) => delivery_id);
}

/** At one look, of all and of one webhook, so that whoever is slow to answer has few in the queue before the others'; the rest is found at the next. */
const DUE_MAX = 100;
const DUE_OF_ONE_MAX = 10;

/** Ids of what is to be sent now and nobody is at, the oldest of each webhook first, and how many wait, now or for later. */
export async function dueDeliveries(db: Readable): Promise<{ due: string[]; waiting: number }> {
  return db.read(async (q) => {
    const [count] = await q.query<{ n: number }>(`select count(*)::int as n from sa.delivery where state = 'waiting'`);
    if (count === undefined || count.n === 0) return { due: [], waiting: 0 };
    const sql = `
      select delivery_id from (
        select delivery_id, next_at, row_number() over (partition by webhook_id order by next_at, delivery_id) as turn
        from sa.delivery where state = 'waiting' and next_at <= now() and coalesce(claimed_until, now()) <= now()
      ) due where turn <= $2 order by turn, next_at, delivery_id limit $1`;
    const rows = await q.query<{ delivery_id: string }>(sql, [DUE_MAX, DUE_OF_ONE_MAX]);
    return { due: rows.map(({ delivery_id }) => delivery_id), waiting: count.n };
  });
}

/** One that is to be sent now, with all that is needed for it. */
const Claimed = z.object({
  delivery_id: z.string(),
  webhook_id: z.string(),
  attempts: z.int(),
  url: z.string(),
  secret: z.string(),
  event_id: z.string(),
  type: EventType,
  at: z.date(),
  data: z.record(z.string(), z.unknown()),
});
export type Claimed = z.output<typeof Claimed>;

/**
 * Takes a delivery for `lease_ms`: of a worker that is killed meanwhile another one takes it afterwards. Else after how many ms to ask
 * again, and undefined when it has ended.
 */
export async function claimDelivery(
  db: Db,
  delivery_id: string,
  lease_ms: number,
): Promise<Claimed | number | undefined> {
  return db.write(async (q) => {
    const [taken] = z.array(Claimed).parse(await q.query(CLAIM, [delivery_id, lease_ms / 1000]));
    return taken ?? waitMs(q, delivery_id);
  });
}

const CLAIM = `
  update sa.delivery d set attempts = d.attempts + 1, claimed_until = now() + make_interval(secs => $2)
  from sa.event e, sa.webhook w
  where d.delivery_id = $1 and d.state = 'waiting' and d.next_at <= now() and coalesce(d.claimed_until, now()) <= now()
    and e.event_id = d.event_id and w.webhook_id = d.webhook_id
  returning d.delivery_id, d.webhook_id, d.attempts, w.url, w.secret, e.event_id, e.type, e.at, e.data`;

async function waitMs(q: DbReader, delivery_id: string): Promise<number | undefined> {
  const sql = `
    select ceil(1000 * extract(epoch from greatest(next_at, claimed_until) - now()))::int as ms
    from sa.delivery where delivery_id = $1 and state = 'waiting'`;
  const [row] = await q.query<{ ms: number }>(sql, [delivery_id]);
  return row === undefined ? undefined : Math.max(1, row.ms);
}

export interface Attempt {
  readonly status: number | null;
  readonly took_ms: number;
  /** Absent: it was taken. */
  readonly reason?: string;
  /** After how many ms it is tried again; absent: that was the last time. */
  readonly again_ms?: number;
}

export async function endAttempt(
  db: Db,
  delivery_id: string,
  { status, took_ms, reason, again_ms }: Attempt,
): Promise<void> {
  const state = reason === undefined ? 'delivered' : again_ms === undefined ? 'failed' : 'waiting';
  const sql = `
    update sa.delivery set state = $2, status = $3, took_ms = $4, reason = $5, claimed_until = null,
      next_at = case when $2 = 'waiting' then now() + make_interval(secs => $6) else next_at end,
      ended_at = case when $2 = 'waiting' then null else now() end
    where delivery_id = $1 and state = 'waiting'`;
  await db.write((q) => q.query(sql, [delivery_id, state, status, took_ms, reason ?? null, (again_ms ?? 0) / 1000]));
}

/** Of a worker that has to leave in the middle: as if it had not been tried. */
export async function releaseDelivery(db: Db, delivery_id: string): Promise<void> {
  const sql = `update sa.delivery set attempts = attempts - 1, claimed_until = null where delivery_id = $1 and state = 'waiting'`;
  await db.write((q) => q.query(sql, [delivery_id]));
}

/** Whoever is there does not want it any more: nothing else is sent, and what waits has failed. */
export async function disableWebhook(db: Db, webhook_id: string, why: string): Promise<void> {
  await db.write(async (q) => {
    await q.query('update sa.webhook set disabled = $2 where webhook_id = $1', [webhook_id, why]);
    const sql = `update sa.delivery set state = 'failed', reason = $2, ended_at = now()
      where webhook_id = $1 and state = 'waiting'`;
    await q.query(sql, [webhook_id, why]);
  });
}
