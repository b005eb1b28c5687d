import { ERRORS, ScreenalyticsError } from '#engine/core/errors.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import type { AnyTool, PictureRule } from '#mcps/kit/server-face.ts';
import type { CallLine, Status, TranscriptWriter } from '#mcps/kit/transcript.ts';
import { type State, unanswered } from './calls.ts';
import type { Reference } from './reference.ts';
import type { Playbook, Step } from './schema.ts';
import type { Place } from './stored.ts';

/** What playbooks may ask. */
export interface Offered {
  readonly tools: readonly AnyTool[];
  /** By the name of a tool: pictures among its answer, which models are shown. */
  readonly pictures?: Readonly<Record<string, PictureRule>>;
}

export interface Order extends Offered {
  readonly playbook: Playbook;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** `profile`: what it is held to, besides the installation's own. */
  readonly caller: Pick<Caller, 'engine' | 'signal' | 'progress' | 'profile'>;
  /** Id of the transcript; absent: a new one. */
  readonly transcript?: string;
}

/** A run under way. */
export interface Running extends State, Offered {
  readonly caller: Caller & { readonly run_limits: Map<string, number> };
  readonly transcript: TranscriptWriter;
  readonly calls: CallLine[];
  readonly tokens: { tokens_in: number; tokens_out: number };
}

/** How a step ended. `done`: the next one may begin. `waiting`: it goes on from its place when people have decided. */
export type StepEnd =
  | { readonly status: Exclude<Status, 'waiting'> }
  | { readonly status: 'waiting'; readonly place: Place };

export const DONE: StepEnd = { status: 'done' };

/** One session, so that limits of number count over all steps. `spent`: by a run that goes on, before it waited. */
export function sessionOf(
  { playbook: { name, policy }, caller }: Pick<Order, 'playbook' | 'caller'>,
  spent: Readonly<Record<string, number>> = {},
): Running['caller'] {
  const { engine, signal, progress, profile = 'scheduled' } = caller;
  return {
    ...{ engine, signal, profile, surface: 'agent', actor: `playbook ${name}` },
    run_limits: new Map(Object.entries(spent)),
    policies: [{ name: `playbook ${name}`, rules: policy }],
    ...(progress && { progress }),
  };
}

/** A step that needs what another did not answer is passed over; anything else that is not there is its error. */
export async function afterMissing(
  step: Step,
  item: number | null,
  lost: Reference,
  running: Running,
): Promise<Exclude<Status, 'waiting'>> {
  const other = unanswered(lost, running);
  if (other === undefined) {
    const fields = [{ field: lost.text, problem: 'is not there' }];
    return afterError(step, item, new ScreenalyticsError('INPUT_INVALID', { step: step.id, fields }), running);
  }
  await note(running, step, { item, outcome: 'skipped', why: `${other} has no answer` });
  return 'done';
}

export async function afterError(
  step: Step,
  item: number | null,
  error: ScreenalyticsError,
  running: Running,
  known: Partial<CallLine> = {},
): Promise<Exclude<Status, 'waiting'>> {
  await note(running, step, { ...known, item, outcome: error.code, why: whyOf(error) });
  if (error.code === 'CANCELED') return 'canceled';
  return step.on_error === 'go_on' ? 'done' : 'failed';
}

export function whyOf({ code, details }: ScreenalyticsError): string {
  const said = code === 'INTERNAL' ? { id: details.id } : details;
  return `${ERRORS[code].message} ${JSON.stringify(said)}`.slice(0, WHY_LETTERS_MAX);
}
const WHY_LETTERS_MAX = 1000;

/** One line, for who waits for the end and for the transcript. */
export async function note({ calls, transcript }: Running, step: Step, about: Partial<CallLine>): Promise<void> {
  const nothing = { turn: null, proposal_id: null, change_id: null, took_ms: 0 };
  const blank = { item: null, input: null, decision: 'none', outcome: 'done', why: null, ...nothing };
  const tool = step.kind === 'call' ? step.call : 'ask';
  const line: CallLine = { kind: 'call', step: step.id, tool, ...blank, ...about };
  calls.push(line);
  await transcript.add(line);
}

export function since(started: number): number {
  return Math.round(performance.now() - started);
}
