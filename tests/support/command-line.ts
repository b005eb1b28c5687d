import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '#config/load.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  ended: Promise<Ended>;
}

/** The command line as a person has it: the launcher, a process of its own, a home of its own. */
export function commandLine({ cwd, home }: { cwd: string; home: string }) {
  function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    const child = spawn(process.execPath, [join(projectRoot, 'bin/screenalytics.mjs'), ...args], {
      cwd,
      env: { ...process.env, SCREENALYTICS_HOME: home, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '' };
    const keep = (name: 'stdout' | 'stderr') =>
      child[name]?.setEncoding('utf8').on('data', (part: string) => {
        text[name] += part;
      });
    keep('stdout');
    keep('stderr');
    const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...text })));
    return { child, ended };
  }
  return { start, cli: (...args: string[]) => start(args).ended };
}
