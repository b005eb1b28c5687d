import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import process from 'node:process';

const WAIT_MS_MAX = 60_000;

/** False, and said loudly, where util-linux's `script` is missing. */
export function canMakeTerminals(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('SKIPPED for want of the command `script`: approvals at a terminal');
    return false;
  }
}

/** A command that has a terminal of its own, as a person's shell has, and somebody who types at it. */
export class TerminalSession {
  #text = '';
  #seen = 0;
  readonly #child: ChildProcess;
  readonly ended: Promise<{ code: number | null; text: string }>;

  constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    const line = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
    const args = ['-qefc', line, '/dev/null'];
    this.#child = spawn('script', args, { env: { ...process.env, ...env }, detached: true, stdio: 'pipe' });
    const hear = (part: Buffer) => {
      this.#text += part.toString('utf8');
    };
    this.#child.stdout?.on('data', hear);
    this.#child.stderr?.on('data', hear);
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve({ code, text: this.#text }));
    });
  }

  /** What was written since the last time, up to where it fits. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (const before = Date.now() + WAIT_MS_MAX; Date.now() < before; ) {
      const found = pattern.exec(this.#text.slice(this.#seen));
      if (found !== null) {
        this.#seen += found.index + found[0].length;
        return found;
      }
      if (this.#child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the terminal never showed ${pattern}; it shows: ${this.#text}`);
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}
