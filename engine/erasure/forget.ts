import { z } from 'zod';
import { erasureKeys } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import type { Engine, EngineReader } from '../engine.ts';
import { reidentify } from '../run/reidentify.ts';
import { changeId, lockHead } from '../store/changes.ts';
import type { DbReader } from '../store/db.ts';
import { erasePeople, everybody, findText, type Traces, tracesOf, usedKeys } from '../store/erasure.ts';
import { emitEvent, eraseEvents } from '../store/events.ts';
import { eraseJobs } from '../store/jobs.ts';
import type { Person } from '../store/people.ts';
import { erasePlaybookRuns } from '../store/playbook-runs.ts';
import { eraseProposals } from '../store/proposals.ts';
import { listCurrentRuns } from '../store/run-keys.ts';
import { eraseSchedules } from '../store/schedules.ts';
import { erasedOf, eraseLog, type LogPlan, planLog } from './erase-log.ts';
import { eraseFaces, eraseOrphans, eraseSeedFiles, eraseTexts, filesNaming } from './files.ts';
import { addErasure } from './ledger.ts';
import { lockEpisodes, requireQuiet } from './locks.ts';
import { type Needles, sqlPattern } from './needles.ts';
import { rewritten } from './rewritten.ts';

/** What an erasure would take, or took. */
export interface Forgotten {
  readonly person_id: string;
  readonly seeds: number;
  /** Episodes in which the person is, or was in an earlier run. Each needs a run before it can be corrected again. */
  readonly episodes: string[];
  readonly tracks: number;
  /** Files with the name, or named after the person: of what machines can make again, and of exports. */
  readonly files: string[];
}

export interface Forgetting extends Forgotten {
  readonly change_id: string;
  readonly changes_erased: number;
  /** Where name or seeds are still found: titles and file names that people gave. Empty: nowhere. */
  readonly left: string[];
  /** Episodes whose runs could not be named again here; they show an Unknown, and a run brings them up to date. */
  readonly stale: string[];
  /** In words, what is beyond this program. */
  readonly beyond: string[];
}

export async function previewForget(engine: EngineReader, person: Person): Promise<Forgotten> {
  const db = await engine.db();
  const traces = await db.read((q) => tracesOf(q, person.person_key));
  return forgotten(person, traces, await filesNaming(engine, needlesOf(traces, [])));
}

export interface ForgetOrder {
  readonly by: By;
  /** Who stands for everybody that was merged into them. */
  readonly person: Pick<Person, 'person_key' | 'person_id'>;
  readonly reason: string | null;
  /** Of an erasure that was decided before. */
  readonly change_id?: string;
}

/**
 * Erases a person; under the lock of erasures. What is to be done is written down first, then that it is decided, then it is done:
 * texts, tables, pictures, and what the database's files keep of the rows. Cut off anywhere, it is ended by `endOpen`.
 */
export async function forget(engine: Engine, order: ForgetOrder): Promise<Forgetting> {
  const { by, person, reason, change_id = changeId() } = order;
  const db = await engine.db();
  const planned = await db.read((q) => planOf(q, person.person_key));
  const lock = await lockEpisodes(engine, episodesOf(planned.traces));
  try {
    await requireQuiet(engine, episodesOf(planned.traces));
    const marker = `${erasureKeys.unfinished}${person.person_id}.json`;
    await engine.blobs.put(marker, JSON.stringify(todoOf(planned)));
    await addErasure(engine.blobs, change_id, planned.traces.person_ids);
    const early = await eraseTexts(engine, needlesOf(planned.traces, planned.log.evidence));
    const { traces, log } = await db.write(async (q) => {
      await lockHead(q);
      const found = await planOf(q, person.person_key);
      await eraseLog(q, found.traces, found.log, { by, reason, change_id });
      await erasePeople(q, found.traces);
      const needles = needlesOf(found.traces, found.log.evidence);
      const pattern = sqlPattern(needles);
      await eraseProposals(q, pattern);
      await eraseJobs(q, pattern);
      const { person_ids, seed_ids } = found.traces;
      // By their ids, too: rows of an older export are under a name that they no longer bear.
      await eraseEvents(q, sqlPattern({ ...needles, ids: [...needles.ids, ...person_ids] }));
      const counts = { seeds: seed_ids.length, changes_erased: found.log.gone.length };
      await emitEvent(q, 'person.forgotten', { person_ids, change_id, episodes: episodesOf(found.traces), ...counts });
      await erasePlaybookRuns(q, pattern);
      await eraseSchedules(q, pattern);
      return found;
    });
    const todo = todoOf({ traces, log });
    await engine.blobs.put(marker, JSON.stringify(todo));
    const { stale, beyond } = await endTodo(engine, todo, change_id);
    const needles = needlesOf(traces, log.evidence);
    const late = await eraseTexts(engine, needles);
    await engine.blobs.delete(marker);
    const left = await leftOf(engine, needles);
    const files = [...new Set([...early, ...late])];
    return { ...forgotten(person, traces, files), change_id, changes_erased: log.gone.length, left, stale, beyond };
  } finally {
    lock.release();
  }
}

interface Plan {
  readonly traces: Traces;
  readonly log: LogPlan;
}

async function planOf(q: DbReader, person_key: number): Promise<Plan> {
  const traces = await tracesOf(q, person_key);
  if (traces.person_keys.length === 0) throw new ScreenalyticsError('PERSON_NOT_FOUND', { person_key });
  return { traces, log: await planLog(q, traces) };
}

/** What is still to be done when an erasure is cut off: nothing in it names anybody. */
const Todo = z.object({
  person_ids: z.array(z.string()),
  seed_ids: z.array(z.string()),
  runs: z.array(z.object({ ep_id: z.string(), keys: z.record(z.string(), z.string()) })),
  tracks: z.array(z.object({ ep_id: z.string(), track_id: z.int() })),
  evidence: z.array(z.object({ ep_id: z.string(), evidence_id: z.string() })),
});
type Todo = z.output<typeof Todo>;

function todoOf({ traces: { person_ids, seed_ids, runs, tracks }, log: { evidence } }: Plan): Todo {
  return Todo.parse({ person_ids, seed_ids, runs, tracks, evidence });
}

/** What follows once the tables are clean. */
async function endTodo(
  engine: Engine,
  todo: Todo,
  change_id: string | null,
): Promise<Pick<Forgetting, 'stale' | 'beyond'>> {
  const stale = await nameAgain(engine, change_id);
  await eraseSeedFiles(engine, todo.person_ids);
  await eraseFaces(engine, todo);
  const db = await engine.db();
  await eraseOrphans(engine, await db.read(usedKeys));
  await eraseTexts(engine, { names: [], ids: idsOf(todo.seed_ids, todo.evidence) });
  const beyond = [BEYOND.footage, BEYOND.copies, ...(db.kind === 'server' ? [BEYOND.server] : [])];
  if (!(await rewritten(engine))) beyond.push(BEYOND.rows);
  return { stale, beyond };
}

export const BEYOND = {
  footage: 'footage and frames that were kept still show the person: forget episode deletes them',
  copies: 'backups, exports outside of the home, and what webhooks were told before',
  elsewhere: 'videos and photos where they were taken from',
  server: "the server's write-ahead log, replicas and backups are its administrator's",
  rows: 'erased rows are still in the files of the database, until its tables are vacuumed (vacuum full)',
};

/** Ends what was cut off after the tables were written; what never was decided is left undone. Under the lock of erasures. */
export async function endTodos(engine: Engine): Promise<void> {
  for (const key of await engine.blobs.list(erasureKeys.unfinished)) {
    const bytes = await engine.blobs.get(key);
    const todo = Todo.safeParse(bytes && JSON.parse(new TextDecoder().decode(bytes))).data;
    if (todo !== undefined) {
      const there = new Set((await (await engine.db()).read(everybody)).map(({ person_id }) => person_id));
      if (!todo.person_ids.some((id) => there.has(id))) {
        const lock = await lockEpisodes(engine, episodesOf(todo));
        try {
          await requireQuiet(engine, episodesOf(todo));
          await endTodo(engine, todo, null);
        } finally {
          lock.release();
        }
      }
    }
    await engine.blobs.delete(key);
  }
}

/** Every run is named again: the bank of each may have held the person. */
async function nameAgain(engine: Engine, change_id: string | null): Promise<string[]> {
  const stale: string[] = [];
  for (const { ep_id } of await listCurrentRuns(await engine.db())) {
    try {
      const done = await reidentify(engine, [ep_id], { cause: 'forget', change_id });
      if (done.length === 0) stale.push(ep_id);
    } catch (error) {
      engine.log.warn({ err: error, ep_id }, 'not named again after an erasure');
      stale.push(ep_id);
    }
  }
  return stale;
}

/** Where it is still found: columns of tables, and files. */
export async function leftOf(engine: EngineReader, needles: Needles): Promise<string[]> {
  const pattern = sqlPattern(needles);
  const columns = pattern === null ? [] : await findText(await engine.db(), pattern);
  return [...columns.map(({ column, rows }) => `sa.${column} (${rows})`), ...(await filesNaming(engine, needles))];
}

function needlesOf(traces: Traces, evidence: LogPlan['evidence']): Needles {
  const { names, seed_ids } = erasedOf(traces);
  return { names, ids: idsOf(seed_ids, evidence) };
}

function idsOf(seed_ids: readonly string[], evidence: Todo['evidence']): string[] {
  return [...new Set([...seed_ids, ...evidence.map(({ evidence_id }) => evidence_id)])];
}

function episodesOf({ runs }: Pick<Todo, 'runs'>): string[] {
  return [...new Set(runs.map(({ ep_id }) => ep_id))];
}

function forgotten({ person_id }: Pick<Person, 'person_id'>, traces: Traces, files: string[]): Forgotten {
  const { seed_ids, tracks } = traces;
  return { person_id, seeds: seed_ids.length, episodes: episodesOf(traces), tracks: tracks.length, files };
}
