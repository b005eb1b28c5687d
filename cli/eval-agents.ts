import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { readRecording, writeRecording } from '#agents/evals/recording.ts';
import { readScenarios, type Scenario } from '#agents/evals/scenario.ts';
import { modelKey } from '#agents/model-key.ts';
import { loadConfig } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { openHomes } from './eval-agents/homes.ts';
import { prepareMaterial } from './eval-agents/material.ts';
import { runScenario, type Scored } from './eval-agents/run.ts';
import { passed, show } from './eval-agents/show.ts';
import { flagsFrom, note, runScript, say } from './script.ts';

const HELP = `npm run eval:agents -- [options]

Runs the scenarios of agents/evals with the team of config/agents.sdk.yaml, each in a home of its own, and says which ended as they should.
The model is that of OPENAI_BASE_URL and OPENAI_API_KEY, as for \`chat\`. Exits with 1 when an end state does not hold.

  --scenario NAME    only this one (again for more)
  --model NAME       model, by its name at the endpoint (agents.endpoint.model)
  --recorded         no model: the answers that are recorded in agents/evals/recorded
  --record           keep the model's answers there, of each scenario that is passed
  --write            put the table into docs/SCORES.md (needs all scenarios)
  --json             everything that was measured, as JSON`;

const OPTIONS = {
  scenario: { type: 'string', multiple: true },
  model: { type: 'string' },
  recorded: { type: 'boolean', default: false },
  record: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

await runScript(main);

async function main(signal: AbortSignal): Promise<void> {
  const flags = flagsOf(process.argv.slice(2));
  if (flags.help) return say(HELP);
  const scenarios = await readScenarios(flags.scenario);
  const { home, agents } = loadConfig().config;
  if (!flags.recorded) modelKey(agents);
  const model = flags.model ?? agents.endpoint.model;
  const folder = await mkdtemp(join(tmpdir(), 'screenalytics-agents-'));
  const open: { close(): Promise<void> }[] = [];
  try {
    const place = { folder, material: await prepareMaterial(home, join(folder, 'material'), signal) };
    const homes = openHomes(place);
    open.push(homes);
    const scored: Scored[] = [];
    const by = new Set<string>();
    for (const scenario of scenarios) {
      note(`${scenario.name}: ${scenario.about}`);
      const recording = flags.recorded ? await recorded(scenario) : undefined;
      by.add(recording?.by ?? model);
      const score = await runScenario(scenario, { place, homes, recording, model, signal });
      scored.push(score);
      if (flags.record && passed(score))
        note(`recorded: ${await writeRecording(scenario.name, { by: model, turns: [...score.said] })}`);
    }
    if (flags.json) say(JSON.stringify(scored, undefined, 1));
    else await show(scored, { by: [...by].join(' and '), ...flags });
    if (!scored.every(passed)) process.exitCode = 1;
  } finally {
    for (const each of open) await each.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function recorded({ name }: Scenario) {
  const recording = await readRecording(name);
  if (recording === undefined)
    throw new ScreenalyticsError('INPUT_INVALID', { scenario: name, problem: 'not recorded' });
  return recording;
}

function flagsOf(args: string[]) {
  return flagsFrom(() => {
    const { values } = parseArgs({ args, options: OPTIONS });
    if (values.recorded && (values.record || values.model !== undefined))
      throw new Error('--recorded asks no model: neither --record nor --model goes with it');
    if (values.write && (values.scenario !== undefined || values.json))
      throw new Error('--write needs all scenarios, and no --json');
    return values;
  });
}
