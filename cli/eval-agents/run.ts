import { fillIn } from '#agents/evals/paths.ts';
import type { RecordedTurn, Recording } from '#agents/evals/recording.ts';
import type { Scenario } from '#agents/evals/scenario.ts';
import { type Counted, forbiddenCalls, type Made, missingCalls, overLimits, unmet } from '#agents/evals/score.ts';
import { readGraph } from '#agents/graph.ts';
import { modelKey } from '#agents/model-key.ts';
import { openTeam } from '#agents/sdk.ts';
import { report } from '#engine/core/errors.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { listProposals } from '#engine/store/proposals.ts';
import { say } from '../chat/say.ts';
import { openConversation } from '../chat/store.ts';
import { servers } from '../mcp.ts';
import { ask, askAll, configOf, type Homes, type Place, type Roots, toolNamed } from './homes.ts';
import { type Heard, listen } from './listen.ts';
import { replay } from './replay.ts';
import { serveTeam } from './serve.ts';

export interface Scored extends Counted {
  readonly scenario: string;
  /** What of the end state does not hold; empty: the scenario is passed. */
  readonly end: readonly string[];
  /** Expected calls that did not come. */
  readonly missing: readonly string[];
  /** Forbidden calls that came, however they ended. */
  readonly forbidden: readonly string[];
  readonly over: readonly string[];
  readonly seconds: number;
  readonly made: readonly Made[];
  /** What the model said, as a recording keeps it. */
  readonly said: readonly RecordedTurn[];
}

export interface Options {
  readonly place: Place;
  readonly homes: Homes;
  /** Instead of a model. */
  readonly recording?: Recording | undefined;
  readonly model?: string | undefined;
  readonly signal: AbortSignal;
}

/** One scenario in a home of its own: what is prepared, the messages, then how things stand. */
export async function runScenario(scenario: Scenario, options: Options): Promise<Scored> {
  const { place, homes, recording, signal } = options;
  const home = await homes.take(scenario.start, signal);
  const roots: Roots = { start: place.material, prepare: {} };
  const replayed = recording && (await replay(recording, roots));
  const engine = openEngine(
    configOf(place, home, { profile: scenario.profile, ...(replayed && { base_url: replayed.url }) }),
  );
  let untouched = false;
  try {
    await askAll(engine, scenario.prepare, roots, signal);
    const heard = listen(roots);
    const began = performance.now();
    const told = await converse(engine, scenario, { heard, roots, ...options });
    const seconds = (performance.now() - began) / 1000;
    const wrong = replayed?.problem();
    const end = [
      ...told.problems,
      ...(wrong === undefined ? [] : [`the recording: ${wrong}`]),
      ...(await endProblems(engine, scenario, roots, signal)),
      ...scenario.end.says
        .map((words) => String(fillIn(words, roots)))
        .filter((words) => !told.answer.toLowerCase().includes(words.toLowerCase()))
        .map((words) => `the last answer does not say ${JSON.stringify(words)}`),
    ];
    const { made, turns: said } = heard;
    const counted = heard.counted();
    const expected = fillIn(scenario.calls, roots) as typeof scenario.calls;
    const missing = missingCalls(expected, made);
    untouched = readOnly([...scenario.prepare.map(({ call }) => call), ...made.map(({ tool }) => tool)]);
    const over = overLimits(scenario.limits, counted);
    return {
      scenario: scenario.name,
      end,
      missing,
      forbidden: forbiddenCalls(scenario, made),
      over,
      seconds,
      made,
      said,
      ...counted,
    };
  } finally {
    await replayed?.close();
    await engine.close();
    await homes.giveBack(home, scenario.start, untouched);
  }
}

/** Whether none of these calls could have changed anything. */
function readOnly(tools: readonly string[]): boolean {
  return tools.every((name) => (toolNamed(name)?.effect ?? 'read') === 'read');
}

interface Told {
  readonly answer: string;
  readonly problems: readonly string[];
}

type Talk = Pick<Options, 'recording' | 'model' | 'signal'> & { readonly heard: Heard; readonly roots: Roots };

/** All messages, as `chat` would take them; an error of the model ends them. */
async function converse(
  engine: Engine,
  scenario: Scenario,
  { heard, roots, recording, model, signal }: Talk,
): Promise<Told> {
  const { agents: config } = engine.config;
  const graph = readGraph(config, servers, scenario.agent);
  const served = await serveTeam(engine, graph, signal);
  const key = recording === undefined ? modelKey(config) : undefined;
  const team = openTeam({ config, graph, key, model, programOf: served.addressOf });
  const chat = { engine, team, talk: await openConversation(engine, undefined), agent: graph.first.name };
  const problems: string[] = [];
  let answer = '';
  try {
    for (const message of scenario.messages) {
      const said = await say(chat, String(fillIn(message, roots)), heard.hearing, signal);
      heard.answered();
      answer = said.answer;
      if (said.how !== 'done') problems.push(`a message ended by ${said.how}`);
    }
  } catch (error) {
    signal.throwIfAborted();
    const { code, message, details } = report(error);
    problems.push(`${code}: ${message} ${JSON.stringify(details)}`);
  } finally {
    await team.close();
    await served.close();
  }
  return { answer, problems };
}

/** What of a scenario's end state does not hold, as the tools answer now. */
export async function endProblems(
  engine: Engine,
  { end }: Scenario,
  roots: Roots,
  signal: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { call, with: input, expect } of end.calls) {
    try {
      const answer = await ask(engine, call, fillIn(input, roots), signal);
      for (const each of expect) {
        const problem = unmet(fillIn(each, roots) as typeof each, answer);
        if (problem !== undefined) problems.push(`${call}: ${problem}`);
      }
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = report(error);
      problems.push(`${call}: ${code}: ${message}`);
    }
  }
  const waiting = (await listProposals(await engine.db(), 'open', 100)).map(({ tool }) => tool).sort();
  if (waiting.join() !== [...end.proposals].sort().join())
    problems.push(`proposals wait of ${JSON.stringify(waiting)}, not ${JSON.stringify(end.proposals)}`);
  return problems;
}
