import { randomBytes } from 'node:crypto';
import { EVENTS, type EventData, type EventType } from '../core/events.ts';
import type { Logger } from '../core/log.ts';
import type { Db, DbReader, Readable } from './db.ts';

/** Rows that the table has at most, whoever does or does not take them: the oldest go. */
const EVENTS_MAX = 20_000;

/**
 * Writes down what happened, within the transaction in which it does, for every webhook that wants to know. Of what nobody wants to know
 * nothing is kept.
 */
export async function emitEvent<T extends EventType>(q: DbReader, type: T, data: EventData<T>): Promise<void> {
  await insertEvent(
    q,
    type,
    data,
    `select webhook_id from sa.webhook where disabled is null and (events is null or $2 = any(events))`,
    [],
  );
}

/** For one webhook alone, whatever it wants to know: gives the delivery. */
export async function emitFor<T extends EventType>(
  q: DbReader,
  webhook_id: string,
  type: T,
  data: EventData<T>,
): Promise<string | undefined> {
  return insertEvent(q, type, data, 'select webhook_id from sa.webhook where webhook_id = $4', [webhook_id]);
}

async function insertEvent<T extends EventType>(
  q: DbReader,
  type: T,
  data: EventData<T>,
  whom: string,
  more: unknown[],
) {
  // Held until the end, so that one who is removed meanwhile is told nothing, instead of failing what happened.
  const sql = `
    with told as (${whom} for key share), made as (
      insert into sa.event (event_id, type, data) select $1, $2, $3::jsonb where exists (select from told) returning event_id
    )
    insert into sa.delivery (delivery_id, event_id, webhook_id)
    select ${NEW_DELIVERY_ID}, made.event_id, told.webhook_id from made, told returning delivery_id`;
  const event_id = `evt_${randomBytes(12).toString('hex')}`;
  const values = [event_id, type, JSON.stringify(EVENTS[type].parse(data)), ...more];
  const made = await q.query<{ delivery_id: string }>(sql, values);
  if (made.length > 0)
    await q.query('delete from sa.event where seq <= (select max(seq) from sa.event) - $1::bigint', [EVENTS_MAX]);
  return made[0]?.delivery_id;
}

export const NEW_DELIVERY_ID = `'dlv_' || left(replace(gen_random_uuid()::text, '-', ''), 12)`;

/**
 * What happened outside of the database; `say` is asked only where somebody wants to know, and says nothing where it is not worth telling.
 * An event that cannot be written is lost, and what it tells of is not undone for it.
 */
export async function announce<T extends EventType>(
  { db, log }: { db(): Promise<Db>; readonly log: Logger },
  type: T,
  say: () => Promise<EventData<T> | undefined>,
): Promise<void> {
  try {
    const opened = await db();
    if (!(await isWanted(opened, type))) return;
    const data = await say();
    if (data !== undefined) await opened.write((q) => emitEvent(q, type, data));
  } catch (error) {
    log.warn({ err: error, type }, 'nobody was told of it');
  }
}

/** Of a show, season, episode, cast or people. */
export async function emitCatalog(
  q: DbReader,
  kind: EventData<'catalog.changed'>['kind'],
  action: string,
  about: Partial<Omit<EventData<'catalog.changed'>, 'kind' | 'action'>>,
): Promise<void> {
  await emitEvent(q, 'catalog.changed', {
    ...{ kind, action, show: null, season: null, episode: null, person_ids: [] },
    ...about,
  });
}

async function isWanted(db: Readable, type: EventType): Promise<boolean> {
  const sql = 'select from sa.webhook where disabled is null and (events is null or $1 = any(events)) limit 1';
  return (await db.read((q) => q.query(sql, [type]))).length > 0;
}

/** Of an erasure: events in which a pattern is, sent or not. */
export async function eraseEvents(q: DbReader, pattern: string | null): Promise<void> {
  if (pattern !== null) await q.query('delete from sa.event where data::text ~* $1', [pattern]);
}

/** Of an episode that is deleted. */
export async function eraseEventsOf(q: DbReader, ep_id: string): Promise<void> {
  await q.query(`delete from sa.event where data ->> 'episode' = $1`, [ep_id]);
}

/** Those older than `keep_days`, and their deliveries. */
export async function pruneEvents(db: Db, keep_days: number): Promise<void> {
  await db.write((q) => q.query('delete from sa.event where at < now() - make_interval(days => $1)', [keep_days]));
}
