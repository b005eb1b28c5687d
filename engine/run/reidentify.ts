import type { Room } from '../blobs/blobs.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Engine } from '../engine.ts';
import { within } from '../store/db.ts';
import { isStill, knowsUpTo, writeIdentities } from '../store/identity-rows.ts';
import { listCurrentRuns, runKeys } from '../store/run-keys.ts';
import { screenTime } from '../store/runs.ts';
import { type GivenBefore, givenFor, nothingGiven } from './given.ts';
import { identifyRun } from './identify-run.ts';
import { isBehind } from './in-step.ts';
import { withRoom } from './lend-room.ts';
import { type OpenRun, openStored } from './open-run.ts';
import { publishIdentities } from './publish-identities.ts';

export interface Totals {
  readonly person: string;
  readonly visual_s: number;
}

export interface Reidentified {
  readonly ep_id: string;
  readonly run_id: string;
  /** Null: nothing that was given has changed, so nothing was written. */
  readonly revision: number | null;
  /** True: the files were written again, because of that or because somebody died before they were. */
  readonly published: boolean;
  readonly before: readonly Totals[];
  readonly after: readonly Totals[];
}

export interface ReidentifyCause {
  /** In a word or two, such as `seeds`. */
  readonly cause: string;
  readonly change_id: string | null;
  /** Write the files again also where nothing changed: pictures came back that they show. */
  readonly files_anew?: boolean;
}

/** Somebody may correct the same run meanwhile; then it is read and named again. */
const ATTEMPTS = 5;
/** While the database and the disk take what was made of one episode, the next one is named: with two, both often wait for the database. */
const TOGETHER = 3;

/**
 * Names and measures the current run of each episode again from what is given now, after seeds, people or decisions changed. Runs
 * that already know of it are left as they are, and so are episodes without a finished run.
 */
export async function reidentify(
  engine: Engine,
  ep_ids: readonly string[],
  cause: ReidentifyCause,
): Promise<Reidentified[]> {
  const done: (Reidentified | undefined)[] = [];
  const before = nothingGiven();
  const waiting = [...ep_ids.entries()].reverse();
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [i, ep_id] = next;
      done[i] = await withRoom((room) => again(engine, ep_id, cause, { room, before })).catch(withoutRun);
    }
  };
  const ended = await Promise.allSettled(
    Array.from({ length: TOGETHER }, () =>
      work().catch((error: unknown) => {
        waiting.length = 0; // what is under way ends, and no other begins
        throw error;
      }),
    ),
  );
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
  return done.filter((each) => each !== undefined);
}

/** Episodes whose current run was named before the newest change that concerns it: of its own, or of people and seeds. */
export async function staleEpisodes(engine: Engine): Promise<string[]> {
  const runs = await listCurrentRuns(await engine.db());
  return runs.filter(({ newest, decisions_seq }) => newest > decisions_seq).map(({ ep_id }) => ep_id);
}

function withoutRun(error: unknown): undefined {
  if (error instanceof ScreenalyticsError && error.code === 'RUN_NOT_FOUND') return undefined;
  throw error;
}

async function again(
  engine: Engine,
  ep_id: string,
  why: ReidentifyCause,
  { room, before: given_before }: { readonly room: Room; readonly before: GivenBefore },
): Promise<Reidentified> {
  const { cause, change_id, files_anew = false } = why;
  const db = await engine.db();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const stored = await runKeys(db, ep_id);
    const given = await givenFor(engine, ep_id, await modelsOf(engine, stored), given_before);
    const run = await openStored(engine, stored, room);
    const made = await identifyRun(engine, run, given);
    const { keys, decisions_seq } = { keys: made.keys, decisions_seq: given.decisions_seq };
    const same = stored.keys.identify === keys.identities && stored.keys.measure === keys.screen_time;
    const written = await db.write(async (q) => {
      if (!(await isStill(q, run.run_key, stored.revision))) return undefined;
      const before = totals(await screenTime(within(db, q), ep_id, run.run_id));
      const revision = same
        ? await knowsUpTo(q, run.run_key, decisions_seq)
        : await writeIdentities(q, run.run_key, made, { cause, change_id, decisions_seq });
      return { before, revision };
    });
    if (written === undefined) continue;
    const published = !same || (await isBehind(engine, run, made, files_anew));
    if (published) await publishIdentities(engine, run, made);
    return { ep_id, run_id: run.run_id, ...written, published, after: totals(made.screen_time.rows) };
  }
  throw new ScreenalyticsError('CHANGE_CONFLICT', { episode: ep_id });
}

function totals(rows: readonly Totals[]): Totals[] {
  return rows.map(({ person, visual_s }) => ({ person, visual_s }));
}

/** The models that the run was made with, whatever the configuration asks for now. */
async function modelsOf(engine: Engine, run: Pick<OpenRun, 'detector' | 'embedder'> & { device: string }) {
  return {
    detector: await engine.models.resolve(run.detector),
    embedder: await engine.models.resolve(run.embedder),
    provider: run.device,
  };
}
