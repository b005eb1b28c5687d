import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { queueName } from '#engine/queue/queue.ts';
import { ensureWorker } from '#engine/queue/worker-process.ts';
import {
  claimDecided,
  endCutOffRuns,
  endPlaybookRun,
  findPlaybookRun,
  keepWaiting,
  type PlaybookRun,
  proposalsOf,
  touchPlaybookRun,
  waitingRuns,
} from '#engine/store/playbook-runs.ts';
import { type Pulse, startPulse } from './pulse.ts';

/** How a proposal that was waited for ended; one that is not there any more is `stale`. */
export interface Decided {
  readonly proposal_id: string;
  readonly status: 'done' | 'failed' | 'rejected' | 'stale';
  /** What the call answered, or the code of its error. */
  readonly result: Record<string, unknown> | null;
}

/** A run that was taken, by nobody else. */
export interface Taken {
  readonly run_id: string;
  readonly stored: Record<string, unknown>;
  decided(proposal_id: string): Decided;
}

/** Bytes of JSON that are kept of one run at most: what its steps answered, and what a model was told. */
const STORED_MAX = 8 * 2 ** 20;

/** Keeps a run in the database until its proposals are decided. INPUT_INVALID for what is too large; CANCELED after an erasure. */
export async function keepRun(
  engine: Engine,
  run: Pick<PlaybookRun, 'run_id' | 'playbook' | 'pending'> & { readonly stored: Record<string, unknown> },
): Promise<void> {
  const bytes = JSON.stringify(run.stored).length;
  if (bytes > STORED_MAX) {
    const problem = `${bytes} bytes would have to be kept, more than ${STORED_MAX}`;
    throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'on_proposal', problem }] });
  }
  if (!(await keepWaiting(await engine.db(), run))) throw new ScreenalyticsError('CANCELED', { run: run.run_id });
}

/**
 * Takes a run to go on with it, once. PLAYBOOK_NOT_WAITING says how it stands, or what has to be decided first; PLAYBOOK_CUT_OFF of one whose
 * process went away while it went on.
 */
export async function takeRun(engine: Engine, run_id: string): Promise<Taken> {
  const db = await engine.db();
  const run = await claimDecided(db, run_id, queueName(engine.config.home));
  if (run?.stored === undefined || run.stored === null) {
    const found = await findPlaybookRun(db, run_id);
    if (found?.state === 'cut_off')
      throw new ScreenalyticsError('PLAYBOOK_CUT_OFF', { playbook: found.playbook, transcript: run_id });
    const open = found?.state === 'waiting' ? await undecided(engine, found.pending) : [];
    throw new ScreenalyticsError('PLAYBOOK_NOT_WAITING', { run: run_id, state: found?.state ?? 'not known', open });
  }
  const known = new Map((await proposalsOf(db, run.pending)).map((each) => [each.proposal_id, each]));
  const decided = (proposal_id: string): Decided => {
    const { status, result = null } = known.get(proposal_id) ?? { status: 'stale' };
    return { proposal_id, status: status === 'open' || status === 'approved' ? 'stale' : status, result };
  };
  return { run_id, stored: run.stored, decided };
}

async function undecided(engine: Engine, pending: readonly string[]): Promise<string[]> {
  const found = await proposalsOf(await engine.db(), pending);
  return found.flatMap(({ proposal_id, status }) => (status === 'open' || status === 'approved' ? [proposal_id] : []));
}

export async function endRun(
  engine: Engine,
  run_id: string,
  state: Parameters<typeof endPlaybookRun>[2],
): Promise<void> {
  await endPlaybookRun(await engine.db(), run_id, state);
}

/** While this process goes on with it. */
export function startRunPulse(engine: Engine, run_id: string, signal: AbortSignal): Pulse {
  return startPulse(signal, engine.log, async () => touchPlaybookRun(await engine.db(), run_id));
}

/** Ends runs whose process went away while it went on with them, and says which. */
export async function endLostRuns(engine: Engine): Promise<{ readonly run_id: string; readonly playbook: string }[]> {
  const { home, services } = engine.config;
  return endCutOffRuns(await engine.db(), queueName(home), services.queue.lock_s);
}

/** Ids of runs that can go on, the oldest first, but for these. */
export async function decidedRuns(engine: Engine, limit: number, but: Iterable<string> = []): Promise<string[]> {
  return waitingRuns(await engine.db(), limit, { but: [...but] });
}

/** Starts the worker where everything that a run waits for was decided before it waited: who decided found no run that did. */
export async function wakeForDecided(engine: Engine, run_id: string): Promise<void> {
  try {
    const run = await findPlaybookRun(await engine.db(), run_id);
    if (run?.state === 'waiting' && (await undecided(engine, run.pending)).length === 0) ensureWorker(engine.config);
  } catch (error) {
    engine.log.warn({ err: error, run_id }, 'it waits for the next worker, or for playbook resume');
  }
}

/** Ids of runs that wait for this proposal. */
export async function runsWaitingFor(engine: Engine, proposal_id: string, limit: number): Promise<string[]> {
  return waitingRuns(await engine.db(), limit, { proposal_id });
}
