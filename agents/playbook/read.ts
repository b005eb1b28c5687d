import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Problem } from './lint.ts';
import { scheduleProblems } from './schedule.ts';
import { Playbook } from './schema.ts';

const FOLDER = join(projectRoot, 'playbooks');
const BYTES_MAX = 200_000;

/** Those that come with the program, by name. */
export async function shippedPlaybooks(): Promise<string[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.yaml'));
  return files.map((file) => basename(file, '.yaml')).sort();
}

/** Whether it names a file, and not one of those that come with the program. */
export function isPath(named: string): boolean {
  return /[/\\]|\.ya?ml$/.test(named);
}

/** A name of a shipped one, or the path of a file (`./mine.yaml`). What it says about tools is not looked at here: lint.ts. */
export async function readPlaybook(named: string): Promise<Playbook> {
  const is_path = isPath(named);
  const path = is_path ? resolve(named) : join(FOLDER, `${named}.yaml`);
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size === undefined) throw new ScreenalyticsError('PLAYBOOK_NOT_FOUND', { playbook: named });
  if (size > BYTES_MAX) throw invalid(named, [{ where: '', problem: `larger than ${BYTES_MAX} bytes` }]);
  const parsed = Playbook.safeParse(readYaml(named, await readFile(path, 'utf8')));
  if (!parsed.success)
    throw invalid(
      named,
      parsed.error.issues.map(({ path: where, message }) => ({ where: where.join('.'), problem: message })),
    );
  if (!is_path && parsed.data.name !== named)
    throw invalid(named, [{ where: 'name', problem: `must be that of its file, ${named}` }]);
  const problems = await scheduleProblems(parsed.data);
  if (problems.length > 0) throw invalid(named, problems);
  return parsed.data;
}

function readYaml(named: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const problem = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'not YAML';
    throw invalid(named, [{ where: '', problem }]);
  }
}

function invalid(playbook: string, problems: readonly Problem[]): ScreenalyticsError {
  return new ScreenalyticsError('PLAYBOOK_INVALID', { playbook, problems });
}
