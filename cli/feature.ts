import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { z } from 'zod';
import { loadFeaturePolicy } from '#config/features.ts';
import { projectRoot } from '#config/load.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { Answer, Command } from './commands.ts';
import { documentsOutOfPlace } from './feature/documents.ts';
import { listFeatures, newFeature, requireFeature, type Workshop } from './feature/features.ts';
import type { Gate } from './feature/gates.ts';
import { promoteFeature } from './feature/promote.ts';
import { table } from './table.ts';

const today = z.iso.date().optional().describe('The day it is taken to be (yyyy-mm-dd)');
const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,40}$/, 'wants small letters, digits and dashes')
  .describe('Name of the feature');

function workshop(given: { today?: string | undefined }): Workshop {
  const policy = loadFeaturePolicy(projectRoot);
  return { root: projectRoot, policy, today: given.today ?? new Date().toISOString().slice(0, 10) };
}

const newInput = z.object({ name, owner: z.string().min(1).optional().describe('Whose it is; you, if absent'), today });

const newCommand: Command = {
  words: ['feature', 'new'],
  about: 'Begins a feature of this program: FEATURES/<name>/ with src, tests, docs and TODO.md.',
  input: newInput,
  positional: 'name',
  everyday: false,
  run: async (raw) => {
    const given = readInput('feature new', newInput, raw);
    const shop = workshop(given);
    const folder = newFeature(shop, given.name, given.owner ?? owner());
    const text = () =>
      `${folder}: ${shop.policy.ttl_days} days from ${shop.today}. Write its documents in ${folder}/docs/.`;
    return { output: { folder }, ok: true, text };
  },
};

const statusInput = z.object({
  since: z.string().min(1).optional().describe('Commit or branch to compare with; what is not committed if absent'),
  today,
});

const statusCommand: Command = {
  words: ['feature', 'status'],
  about: 'Features that are being worked on, whose and until when; fails on what breaks config/features.yaml.',
  input: statusInput,
  everyday: false,
  run: async (raw) => {
    const given = readInput('feature status', statusInput, raw);
    const shop = workshop(given);
    const features = listFeatures(shop);
    const documents = documentsOutOfPlace(shop, given.since);
    const problems = [...features.flatMap((each) => each.problems.map((why) => `${each.folder} ${why}`)), ...documents];
    return {
      output: { features, documents },
      ok: problems.length === 0,
      text: (look) => {
        const rows = features.map(({ name, owner, created, until, expired }) => [name, owner, created, until, expired]);
        const all = table(['feature', 'owner', 'created', 'until', 'expired'], rows, look);
        return [rows.length === 0 ? 'No feature is being worked on.' : all, ...problems].join('\n');
      },
    };
  },
};

const promoteInput = z.object({
  name,
  check: z.boolean().default(false).describe('Only say which gates it passes'),
  to: z.string().optional().describe('Folder of the product for its source, such as engine/sound'),
  today,
});

const promoteCommand: Command = {
  words: ['feature', 'promote'],
  about: 'Moves a feature into the product once it passes every gate; a person agrees at the terminal.',
  input: promoteInput,
  positional: 'name',
  everyday: false,
  run: async (raw, { signal }) => {
    const given = readInput('feature promote', promoteInput, raw);
    const shop = workshop(given);
    const feature = requireFeature(shop, given.name);
    const { gates, moved } = await promoteFeature(shop, feature, given.check ? undefined : (given.to ?? ''), signal);
    if (moved === undefined) return gatesAnswer(gates);
    return { output: { gates, moved }, ok: true, text: () => [...moved, 'Mend the imports: npm run check'].join('\n') };
  },
};

export const featureCommands: readonly Command[] = [
  newCommand,
  promoteCommand,
  statusCommand,
  { ...statusCommand, words: ['feature', 'lint-status'] },
];

function gatesAnswer(gates: readonly Gate[]): Answer {
  const ok = gates.every(({ state }) => state !== 'failed');
  const rows = gates.map((each) => [each.name, each.state, each.why]);
  return { output: { gates }, ok, text: (look) => table(['gate', 'state', 'why'], rows, look) };
}

function owner(): string {
  try {
    return execFileSync('git', ['-C', projectRoot, 'config', 'user.name'], { encoding: 'utf8' }).trim();
  } catch {
    return userInfo().username;
  }
}
