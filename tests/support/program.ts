import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { commands } from '../../cli/everything.ts';
import { runProgram } from '../../cli/program.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly home: string;
  /** As in a user's own file. */
  readonly config?: { readonly [section: string]: object; readonly services?: object };
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Told every piece of stdout as it comes. */
  readonly heard?: (text: string) => void;
}

/** The command line within this process, as `cli/main.ts` runs it, in a home of its own and with pipes for a terminal. */
export async function program(
  argv: readonly string[],
  { home, config, env, signal, heard }: ProgramOptions,
): Promise<Ran> {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => {
    const write = (text: string) => {
      texts[name] += text;
      if (name === 'stdout') heard?.(text);
      return true;
    };
    return { write, isTTY: false } as unknown as NodeJS.WriteStream;
  };
  const made = join(projectRoot, '.screenalytics', 'models');
  const code = await runProgram(commands, argv, {
    env: {
      SCREENALYTICS_HOME: home,
      SCREENALYTICS_CONFIG: configFile(home, config),
      ...(existsSync(made) && { SCREENALYTICS_MODELS_MIRROR: made }),
      ...env,
    },
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    signal: signal ?? new AbortController().signal,
  });
  return { code, ...texts };
}

/** JSON is YAML. The log would only be in the way of the tests' own output. */
function configFile(home: string, config: ProgramOptions['config'] = {}): string {
  mkdirSync(home, { recursive: true });
  const file = join(home, 'test-config.yaml');
  const services = { device: 'cpu', workers: 1, log: 'silent', ...config.services };
  writeFileSync(file, JSON.stringify({ ...config, services }));
  return file;
}

/** Ways to ask with `--json`: an answer, an error, or the words for people. */
export function asker(standard: ProgramOptions) {
  const objects = (text: string): unknown[] =>
    text
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
  return {
    /** The last object of a command that must succeed. */
    async ask(argv: readonly string[], options: Partial<ProgramOptions> = {}): Promise<unknown> {
      const { code, stdout, stderr } = await program([...argv, '--json'], { ...standard, ...options });
      expect({ code, stderr }, stdout.slice(-500)).toEqual({ code: 0, stderr: '' });
      return objects(stdout).at(-1);
    },
    /** Exit code and error of a command that must fail. */
    async refused(argv: readonly string[], options: Partial<ProgramOptions> = {}) {
      const { code, stdout } = await program([...argv, '--json'], { ...standard, ...options });
      const { error } = objects(stdout).at(-1) as { error: { code: string; details: Record<string, unknown> } };
      return { exit: code, ...error };
    },
    text: async (...argv: string[]) => (await program(argv, standard)).stdout,
  };
}
