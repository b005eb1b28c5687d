import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import process from 'node:process';

const WAIT_MS_MAX = 180_000;

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
  #is_over = false;
  readonly #child: ChildProcess;
  readonly ended: Promise<{ code: number | null; text: string }>;

  constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    const line = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
    const args = ['-qefc', line, '/dev/null'];
    this.#child = spawn('script', args, { env: { ...process.env, ...env }, detached: true, stdio: 'pipe' });
    const hear = (part: string) => {
      this.#text += part;
    };
    this.#child.stdout?.setEncoding('utf8').on('data', hear);
    this.#child.stderr?.setEncoding('utf8').on('data', hear);
    this.ended = new Promise((resolve) => {
      // Not at its exit: its last words may still be on their way.
      this.#child.once('close', (code) => {
        this.#is_over = true;
        resolve({ code, text: this.#text });
      });
    });
  }

  /** What was written since the last time, up to where it fits. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (const before = Date.now() + WAIT_MS_MAX; Date.now() < before; ) {
      const is_over = this.#is_over;
      const found = pattern.exec(this.#text.slice(this.#seen));
      if (found !== null) {
        this.#seen += found.index + found[0].length;
        return found;
      }
      if (is_over) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the terminal never showed ${pattern}; it shows: ${this.#text}`);
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}
