import { randomInt } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isatty, ReadStream, WriteStream } from 'node:tty';
import type { Answered, Question } from '#mcps/kit/caller.ts';

/** The person at the controlling terminal of this process. */
export interface Person {
  /** Shows lines and reads one; null at the end of input. */
  ask(lines: readonly string[], prompt: string): Promise<string | null>;
  close(): void;
}

const TERMINAL = '/dev/tty';

/**
 * Opens the controlling terminal itself: not stdin, which a program can fill, and no file that somebody names. Undefined where there
 * is none, as for what an agent, a job or a service starts.
 */
export function openPerson(signal: AbortSignal): Person | undefined {
  const files = [openTerminal('r'), openTerminal('w')] as const;
  const [read, write] = files;
  if (read === undefined || write === undefined) {
    for (const fd of files) if (fd !== undefined) closeSync(fd);
    return undefined;
  }
  const input = new ReadStream(read);
  const output = new WriteStream(write);
  const lines = createInterface({ input, terminal: false });
  return {
    ask: (shown, prompt) =>
      new Promise((resolve) => {
        const end = (line: string | null) => {
          lines.off('line', end);
          lines.off('close', none);
          signal.removeEventListener('abort', none);
          resolve(line);
        };
        const none = () => end(null);
        lines.on('line', end);
        lines.on('close', none);
        signal.addEventListener('abort', none);
        output.write(`${[...shown, prompt].join('\n')} `);
      }),
    close: () => {
      lines.close();
      input.destroy();
      output.destroy();
    },
  };
}

function openTerminal(flags: 'r' | 'w'): number | undefined {
  let fd: number;
  try {
    fd = openSync(TERMINAL, flags);
  } catch {
    return undefined;
  }
  if (isatty(fd) && fstatSync(fd).isCharacterDevice()) return fd;
  closeSync(fd);
  return undefined;
}

const CODE_DIGITS = 6;

/**
 * Whether the person agrees: by a code that stands on the terminal alone and is good once, and for what cannot be undone by typing
 * the phrase, too.
 */
export async function agreed(person: Person, title: string, { summary, phrase }: Question): Promise<boolean> {
  const code = String(randomInt(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, '0');
  const shown = ['', title, `  ${plain(summary)}`];
  const typed = await person.ask(shown, `Type ${code} to agree, anything else to leave it:`);
  if (typed?.trim() !== code) return false;
  if (phrase === undefined) return true;
  return (await person.ask(['It cannot be undone.'], `Type ${plain(phrase)} to do it:`))?.trim() === phrase;
}

/** How a tool's question is asked by the command line; opened only when there is one. */
export function confirmAtTerminal(signal: AbortSignal): (question: Question) => Promise<Answered> {
  return async (question) => {
    const person = openPerson(signal);
    if (person === undefined) return 'cannot';
    try {
      return (await agreed(person, `${question.tool} needs your word:`, question)) ? 'yes' : 'no';
    } finally {
      person.close();
    }
  };
}

/** Words that came from elsewhere cannot move the cursor, hide or turn around what stands on the terminal. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (each) => `\\u{${(each.codePointAt(0) ?? 0).toString(16)}}`);
}
