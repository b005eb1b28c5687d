import { settle } from '#mcps/kit/errors.ts';
import { profileOf } from '#mcps/kit/judge.ts';
import { openTranscript } from '#mcps/kit/transcript.ts';
import { decidedRuns, endRun, keepRun, startRunPulse, takeRun } from '#mcps/kit/waiting-runs.ts';
import { closeTranscript, transcriptOf } from './cut-off.ts';
import { requireSound } from './lint.ts';
import { ended, type Ran, requireModel, runSteps } from './run.ts';
import { type Offered, type Order, type Running, sessionOf } from './running.ts';
import { Stored } from './stored.ts';

export interface Resuming extends Offered {
  readonly caller: Pick<Order['caller'], 'engine' | 'signal' | 'progress'>;
}

/**
 * Goes on with a run that waited, when everything that it waits for is decided: once, whoever asks, in whatever process, with what the
 * database keeps of it. PLAYBOOK_NOT_WAITING, PLAYBOOK_CUT_OFF; CHAT_NOT_SET_UP, and it waits on; then as `runPlaybook`.
 */
export async function resumePlaybook(run_id: string, { caller, ...offered }: Resuming): Promise<Ran> {
  const { engine } = caller;
  const started = performance.now();
  const taken = await takeRun(engine, run_id);
  const pulse = startRunPulse(engine, run_id, caller.signal);
  let put_back = false;
  try {
    const stored = Stored.parse(taken.stored);
    const { playbook, profile, place, spent, tokens } = stored;
    try {
      requireModel(playbook, caller);
    } catch (thrown) {
      const pending = place.pending.map(({ proposal_id }) => proposal_id);
      await keepRun(engine, { run_id, playbook: playbook.name, pending, stored });
      put_back = true; // somebody else may have it by now
      throw thrown;
    }
    requireSound(playbook, offered.tools); // by what the tools are now
    const transcript = await openTranscript(engine, playbook.name, run_id);
    const running: Running = {
      ...{ playbook, transcript, calls: [], tokens, ...offered },
      ...{ inputs: new Map(Object.entries(stored.inputs)), steps: new Map(Object.entries(stored.steps)) },
      caller: sessionOf({ playbook, caller: { ...caller, profile, signal: pulse.signal } }, spent),
    };
    const decided = place.pending.map(({ proposal_id }) => {
      return { proposal_id, status: taken.decided(proposal_id).status };
    });
    const about = { at: new Date().toISOString(), playbook: playbook.name, profile: profileOf(running.caller) };
    await transcript.add({ kind: 'resumed', ...about, decided });
    const back = { step: stored.step, place, decided: taken.decided };
    const ran = await ended(running, await runSteps(running, playbook.steps, back), started);
    if (ran.status !== 'waiting') await endRun(engine, run_id, ran.status);
    return ran;
  } catch (thrown) {
    if (!put_back) await endFailed(engine, run_id);
    throw thrown;
  } finally {
    await pulse.stop();
  }
}

/** What could not even begin, or could not be written down: its transcript does not say for ever that it waits. */
async function endFailed(engine: Resuming['caller']['engine'], run_id: string): Promise<void> {
  await endRun(engine, run_id, 'failed');
  const transcript = await transcriptOf(engine, run_id);
  const last = transcript?.lines.findLast(({ kind }) => kind === 'ended' || kind === 'resumed');
  if (transcript === undefined || (last?.kind === 'ended' && last.status !== 'waiting')) return;
  await closeTranscript(engine, transcript);
}

/** So many at a time; who works calls again. */
const RESUMED_MAX = 20;

/**
 * Goes on with every run of the database whose proposals are decided, for who works by itself. What another process took is its;
 * `passed` remembers what could not go on here.
 */
export async function resumeDecided(resuming: Resuming, passed: Set<string> = new Set()): Promise<Ran[]> {
  const { engine, signal } = resuming.caller;
  const all: Ran[] = [];
  for (const run_id of await decidedRuns(engine, RESUMED_MAX, passed)) {
    if (signal.aborted) break;
    try {
      all.push(await resumePlaybook(run_id, resuming));
    } catch (thrown) {
      const { code } = settle(thrown, engine.log);
      if (code === 'PLAYBOOK_NOT_WAITING' || code === 'PLAYBOOK_CUT_OFF') continue; // somebody else has it, and it may wait again
      passed.add(run_id);
      engine.log.warn({ run_id, code }, 'a playbook did not go on');
    }
  }
  return all;
}
