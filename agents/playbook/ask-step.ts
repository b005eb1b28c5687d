import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { settle } from '#mcps/kit/errors.ts';
import { decidedShown, toolShown } from '#mcps/kit/model-answer.ts';
import { budgetKey } from '#mcps/kit/policy.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import type { CallLine } from '#mcps/kit/transcript.ts';
import { modelKey } from '../model-key.ts';
import type { Asked } from '../sdk-ask.ts';
import { AskAnswer } from './ask-answer.ts';
import { answerCall, budgetOf, type Talk, unheard } from './ask-call.ts';
import { askText } from './ask-text.ts';
import { holds, inputOf, scopeOf } from './calls.ts';
import { afterError, afterMissing, DONE, note, type Running, type StepEnd, since } from './running.ts';
import type { AskStep } from './schema.ts';
import type { AskPlace, Back } from './stored.ts';

const INSTRUCTIONS = resolve(dirname(fileURLToPath(import.meta.url)), '../instructions/ask.md');
const SAID_LETTERS_MAX = 2000;

/** A step that asks a model: with the tools and the budget that the step names, through the same door as everybody. */
export async function askStep(step: AskStep, running: Running): Promise<StepEnd> {
  const scope = scopeOf(running, undefined);
  if (!holds(step.when, scope)) {
    await note(running, step, { outcome: 'skipped', why: 'its `when` does not hold' });
    return DONE;
  }
  const asked = askText(step, scope, running.caller.engine.config.home);
  if ('missing' in asked) return { status: await afterMissing(step, null, asked.missing, running) };
  const lines: AskPlace['lines'] = [{ kind: 'operator', at: new Date().toISOString(), text: asked.text }];
  const fresh = { turns: 0, calls: 0, proposals: 0, tokens_in: 0, tokens_out: 0, pending: [] };
  return talk(step, { kind: 'ask', lines, ...fresh }, running);
}

/** The rest of it, after people decided about its calls: the model hears what became of each. */
export async function askStepAgain(
  step: AskStep,
  { place, decided }: Back<AskPlace>,
  running: Running,
): Promise<StepEnd> {
  const lines = [...place.lines];
  for (const { proposal_id, call_id, tool: name, input } of place.pending) {
    const tool = running.tools.find((each) => each.name === name);
    if (tool === undefined) continue;
    const found = decided(proposal_id);
    lines.push({
      kind: 'answer',
      call_id,
      tool: name,
      text: decidedShown(found, tool, running.caller.engine.config.home),
    });
    const decision = found.status === 'rejected' ? 'rejected' : 'approved';
    await note(running, step, { tool: name, input, proposal_id, decision, outcome: found.status });
  }
  return talk(step, { ...place, lines, pending: [] }, running);
}

async function talk(step: AskStep, place: AskPlace, running: Running): Promise<StepEnd> {
  const { caller, steps } = running;
  const started = performance.now();
  const { input: bound, missing } = inputOf(step.bind, running, scopeOf(running, undefined));
  const [lost] = missing.values();
  if (lost !== undefined) return { status: await afterMissing(step, null, lost, running) };
  const about = (): Partial<CallLine> => ({ input: { ask: step.ask, bind: bound }, took_ms: since(started) });
  const now = talkOf(step, place, bound, running);
  try {
    caller.signal.throwIfAborted();
    const asked = await converse(step, now, running);
    if (asked.how === 'waits') {
      const why = now.place.pending.map(({ proposal_id }) => proposal_id).join(', ');
      await note(running, step, { ...about(), outcome: 'waiting', why });
      return { status: 'waiting', place: now.place };
    }
    if (asked.how === 'turns') throw new ScreenalyticsError('TURN_LIMIT', { step: step.id, turns: step.max_turns });
    const { turns, calls, proposals, tokens_in, tokens_out } = now.place;
    const counts = { turns, calls, proposals, tokens_in, tokens_out, changes: changesOf(now) };
    steps.set(step.id, AskAnswer.parse({ text: asked.answer, ...counts }));
    await note(running, step, about());
    return { status: proposals > 0 && step.on_proposal === 'stop' ? 'proposed' : 'done' };
  } catch (thrown) {
    const error = settle(thrown, caller.engine.log);
    return { status: await afterError(step, null, error, running, about()) };
  }
}

/** Its calls are held to the session's rules and to the budget of the step, which the door counts. */
function talkOf(step: AskStep, place: AskPlace, bound: Record<string, unknown>, running: Running): Talk {
  const { playbook, caller, tools } = running;
  const budget = budgetOf(step, playbook);
  const policies = [...(caller.policies ?? []), budget];
  const own = step.tools.flatMap((name) => tools.find((tool): tool is AnyTool => tool.name === name) ?? []);
  return { step, running, bound, budget, tools: own, place: structuredClone(place), caller: { ...caller, policies } };
}

function changesOf({ budget, caller }: Talk): number {
  return caller.run_limits?.get(budgetKey(budget)) ?? 0;
}

async function converse(step: AskStep, now: Talk, running: Running): Promise<Asked> {
  const { caller, transcript, tokens } = running;
  const { place } = now;
  const config = caller.engine.config.agents;
  const key = modelKey(config);
  // The SDK takes more than a second to read: nobody else should wait for it.
  const { askModel } = await import('../sdk-ask.ts');
  // Lines come while others are still being written: one after another, and all before the step ends.
  let written: Promise<unknown> = Promise.resolve();
  const write = (work: () => Promise<void>) => {
    written = written.then(work);
  };
  try {
    return await askModel({
      ...{ config, key, model: step.model, signal: caller.signal, lines: [...place.lines] },
      instructions: readFileSync(INSTRUCTIONS, 'utf8'),
      tools: now.tools.map((tool) => toolShown(tool, Object.keys(step.bind))),
      // Who waited has one turn at least: to hear what was decided.
      turns_max: Math.max(step.max_turns - place.turns, 1),
      waits: () => place.pending.length > 0,
      call: async (name, said, call_id) => {
        await written;
        return answerCall(now, name, said, call_id);
      },
      turn: ({ text, calls, tokens_in, tokens_out }) => {
        place.turns += 1;
        for (const counted of [place, tokens]) {
          counted.tokens_in += tokens_in;
          counted.tokens_out += tokens_out;
        }
        const said = text === '' ? null : text.slice(0, SAID_LETTERS_MAX);
        const line = { step: step.id, turn: place.turns, said, calls, tokens_in, tokens_out };
        write(() => transcript.add({ kind: 'turn', ...line }));
      },
      line: (line) => {
        if (line.kind === 'call') {
          const wrong = unheard(now, line);
          if (wrong !== undefined) write(() => note(running, step, { ...wrong, turn: place.turns }));
        }
        const waits = line.kind === 'answer' && place.pending.some(({ call_id }) => call_id === line.call_id);
        if (!waits) place.lines.push(line);
      },
    });
  } finally {
    await written;
  }
}
