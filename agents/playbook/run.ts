import { ScreenalyticsError } from '#engine/core/errors.ts';
import { digest } from '#engine/core/stage.ts';
import { settle } from '#mcps/kit/errors.ts';
import { profileOf, profilesOf } from '#mcps/kit/judge.ts';
import { type CallLine, openTranscript, type Status } from '#mcps/kit/transcript.ts';
import { keepRun, wakeForDecided } from '#mcps/kit/waiting-runs.ts';
import { tellPlaybookEnded } from '#mcps/kit/wake.ts';
import { modelKey } from '../model-key.ts';
import { askStep, askStepAgain } from './ask-step.ts';
import { callStep, callStepAgain } from './call-step.ts';
import { inputsOf } from './inputs.ts';
import { requireSound } from './lint.ts';
import { afterError, type Order, type Running, type StepEnd, sessionOf, since } from './running.ts';
import type { Playbook, Step } from './schema.ts';
import type { Back, Place, Stored } from './stored.ts';

export interface Ran {
  /** Of the transcript, and of the run while it waits. */
  readonly id: string;
  readonly playbook: string;
  readonly status: Status;
  readonly calls: readonly CallLine[];
  /** What tools and models answered, by step: a list where the step has `each`. */
  readonly answers: Readonly<Record<string, unknown>>;
  readonly tokens_in: number;
  readonly tokens_out: number;
}

/**
 * Runs a playbook step by step: each call through the door, as an agent with nobody to ask, so what needs a person becomes a proposal. Long
 * tools are waited for. PLAYBOOK_INVALID, INPUT_INVALID and CHAT_NOT_SET_UP before anything runs; what happens afterwards is said by status
 * and transcript.
 */
export async function runPlaybook(order: Order): Promise<Ran> {
  const { playbook, caller } = order;
  requireSound(playbook, order.tools);
  requireModel(playbook, order.caller);
  const inputs = inputsOf(playbook, order.inputs);
  const started = performance.now();
  const transcript = await openTranscript(caller.engine, playbook.name, order.transcript);
  const running: Running = {
    ...{ playbook, inputs, steps: new Map(), tools: order.tools, transcript, calls: [] },
    ...{ tokens: { tokens_in: 0, tokens_out: 0 }, caller: sessionOf(order) },
    ...(order.pictures && { pictures: order.pictures }),
  };
  await transcript.add({
    ...{ kind: 'started', at: new Date().toISOString(), playbook: playbook.name, version: digest(playbook) },
    ...{ profile: profileOf(running.caller), inputs: Object.fromEntries(inputs) },
  });
  return ended(running, await runSteps(running, playbook.steps), started);
}

/** What could have been known before. */
export function requireModel({ steps }: Playbook, { engine }: Order['caller']): void {
  if (steps.some((step) => step.kind === 'ask' && step.on_error === 'stop')) modelKey(engine.config.agents);
}

type End = StepEnd & { readonly step?: Step };

/** From the first step, or on from where it waited. */
export async function runSteps(
  running: Running,
  steps: readonly Step[],
  back?: Back<Place> & { step: string },
): Promise<End> {
  const from = back === undefined ? 0 : steps.findIndex(({ id }) => id === back.step);
  for (const [at, step] of steps.slice(from).entries()) {
    const end = await (at === 0 && back !== undefined ? again(step, back, running) : begin(step, running));
    if (end.status !== 'done') return { ...end, step };
  }
  return { status: 'done' };
}

function begin(step: Step, running: Running): Promise<StepEnd> {
  return step.kind === 'call' ? callStep(step, running) : askStep(step, running);
}

function again(step: Step, { place, decided }: Back<Place>, running: Running): Promise<StepEnd> {
  if (step.kind === 'call' && place.kind === 'call') return callStepAgain(step, { place, decided }, running);
  if (step.kind === 'ask' && place.kind === 'ask') return askStepAgain(step, { place, decided }, running);
  throw new ScreenalyticsError('INTERNAL', { step: step.id, place: place.kind });
}

export async function ended(running: Running, end: End, started: number): Promise<Ran> {
  const { transcript, calls, steps, playbook, tokens } = running;
  const status = end.status === 'waiting' ? await kept(running, end) : end.status;
  await transcript.add({ kind: 'ended', status, took_ms: since(started), ...tokens });
  if (status === 'waiting') await wakeForDecided(running.caller.engine, transcript.id);
  else await tell(running, status);
  const answers = Object.fromEntries(steps);
  return { id: transcript.id, playbook: playbook.name, status, calls, answers, ...tokens };
}

/** Whom webhooks name. */
async function tell({ transcript, calls, playbook, caller: { engine } }: Running, status: Status): Promise<void> {
  const proposals = calls.filter(({ outcome }) => outcome === 'proposed').length;
  const about = { playbook: playbook.name, transcript: transcript.id, status, calls: calls.length, proposals };
  await tellPlaybookEnded(engine, about);
}

/** Into the database, unless somebody was erased meanwhile: what this run has read may be about them. */
async function kept(running: Running, { step, place }: Extract<End, { status: 'waiting' }>): Promise<Status> {
  const { caller, transcript, playbook, inputs, steps, tokens } = running;
  if (step === undefined) throw new ScreenalyticsError('INTERNAL', { playbook: playbook.name });
  const stored: Stored = {
    ...{ playbook, place, tokens, step: step.id, profile: profilesOf(caller) },
    ...{ inputs: Object.fromEntries(inputs), steps: Object.fromEntries(steps) },
    spent: Object.fromEntries(caller.run_limits),
  };
  const pending = place.pending.map(({ proposal_id }) => proposal_id);
  try {
    if (await transcript.outdated())
      throw new ScreenalyticsError('CANCELED', { reason: 'somebody was erased meanwhile' });
    await keepRun(caller.engine, { run_id: transcript.id, playbook: playbook.name, pending, stored });
    return 'waiting';
  } catch (thrown) {
    await afterError({ ...step, on_error: 'stop' }, null, settle(thrown, caller.engine.log), running);
    return settle(thrown, caller.engine.log).code === 'CANCELED' ? 'canceled' : 'failed';
  }
}
