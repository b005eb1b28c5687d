import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Feature, PARTS, type Workshop } from './features.ts';

export interface Gate {
  readonly name: string;
  /** `open`: only a person can pass it. */
  readonly state: 'passed' | 'failed' | 'open';
  readonly why: string;
}

/** Row of the acceptance matrix -> its test, from the feature's folder. */
const Acceptance = z.record(z.string().regex(/^[A-Z]+-\d{2,}$/), z.string());
const COMMAND_MS_MAX = 900_000;
const TOLD_CHARS_MAX = 400;

/** Every gate between a feature and the product, each looked at whatever the others say. */
export function gatesOf(shop: Workshop, feature: Feature): Gate[] {
  const folder = join(shop.root, feature.folder);
  return [
    gate('folders and time', feature.problems),
    gate(
      'files',
      PARTS.flatMap((part) => (filesBelow(join(folder, part)).length > 0 ? [] : [`${part}/ is empty`])),
    ),
    gate(
      'to do',
      read(folder, 'TODO.md')
        .match(/^\s*- \[ \].*$/gm)
        ?.map((line) => line.trim()) ?? [],
    ),
    ...shop.policy.gates.map(({ name, command }) =>
      run(shop.root, name, command.replaceAll('{folder}', feature.folder)),
    ),
    gate('docs of settings', settingsWithoutDocs(folder)),
    gate('acceptance', acceptance(folder)),
    { name: 'review', state: 'open', why: 'a person reads the pull request, and promotes at a terminal' },
  ];
}

function gate(name: string, problems: readonly string[]): Gate {
  return { name, state: problems.length === 0 ? 'passed' : 'failed', why: problems.join('; ') };
}

function run(root: string, name: string, command: string): Gate {
  const env = { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter) };
  const done = spawnSync(command, { cwd: root, env, shell: true, encoding: 'utf8', timeout: COMMAND_MS_MAX });
  return gate(
    name,
    done.status === 0 ? [] : [`${command}: ${`${done.stdout}${done.stderr}`.trim().slice(-TOLD_CHARS_MAX)}`],
  );
}

/** Keys of YAML files that it brings, as far as no document of its own has them. */
function settingsWithoutDocs(folder: string): string[] {
  const docs = filesBelow(join(folder, 'docs'))
    .map((file) => read(folder, join('docs', file)))
    .join('\n');
  const files = filesBelow(join(folder, 'src')).filter((file) => /\.ya?ml$/.test(file));
  return files.flatMap((file) =>
    keysOf(parse(read(folder, join('src', file)))).flatMap((key) =>
      docs.includes(`\`${key}\``) ? [] : [`\`${key}\` of ${file} is in no document`],
    ),
  );
}

function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [key, ...keysOf(each)]);
}

function acceptance(folder: string): string[] {
  const found = Acceptance.safeParse(parse(read(folder, 'acceptance.yaml')));
  if (!found.success) return ['acceptance.yaml is rows such as ROW-01: tests/a.test.ts'];
  const rows = Object.entries(found.data);
  if (rows.length === 0) return ['acceptance.yaml has no row'];
  return rows.flatMap(([row, test]) => (read(folder, test).includes(row) ? [] : [`${test} does not speak of ${row}`]));
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name).slice(folder.length + 1));
}

function read(folder: string, name: string): string {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
