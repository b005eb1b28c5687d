import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import { report } from '#engine/core/errors.ts';
import { settle } from '#mcps/kit/errors.ts';
import { approveCommand, rejectCommand } from '../approvals.ts';
import type { Session } from '../commands.ts';
import { jobNews } from './job-news.ts';
import { drawingOf, drawn } from './pictures.ts';
import { type Chat, newsOf, type Said, say, stillOpen, type Waiting } from './say.ts';
import { callLine, lines, outcomeLines, waitingLines } from './words.ts';

/** Lines of standard input. Ctrl-C is heard here, and not by our servers, while they are read from a terminal. */
interface Input {
  readonly terminal: boolean;
  /** Null at the end of input, and after Ctrl-C at the prompt. */
  next(prompt: string): Promise<string | null>;
  /** Says something while somebody may be typing: what they typed stays. */
  tell(text: string): void;
  /** What Ctrl-C does now. */
  onStop: () => void;
  /** Gives the terminal to somebody else meanwhile. */
  lend<T>(use: () => Promise<T>): Promise<T>;
  close(): void;
}

/** The conversation until its end: a message, its answer, and what waits for a person. */
export async function converse(chat: Chat, session: Session): Promise<void> {
  const input = openInput();
  const { talk } = chat;
  const jobs = jobNews(chat);
  const unwatch = jobs.watch(input.tell);
  let next: string | undefined;
  try {
    if (talk.lines.length > 0) next = await decided(chat, await stillOpen(chat), input, session);
    while (!session.signal.aborted) {
      const text: string | null = next ?? (await input.next(`${chat.agent}> `));
      next = undefined;
      if (text === null || /^\/?(exit|quit)$/.test(text.trim())) break;
      if (text.trim() === '') continue;
      if (await talk.renew()) print('Somebody was erased meanwhile, so this is a new conversation.');
      const said = await answered(chat, [...(await jobs.words()), text].join('\n'), input, session);
      if (said !== undefined) next = await decided(chat, said.waiting, input, session);
    }
  } finally {
    unwatch();
    input.close();
  }
  if (talk.lines.length > 0) print(`To go on: npx screenalytics chat --resume ${talk.id}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function answered(
  chat: Chat,
  text: string,
  input: Input,
  { engine, signal }: Session,
): Promise<Said | undefined> {
  const stop = new AbortController();
  input.onStop = () => stop.abort();
  let streamed = '';
  const hear = {
    text: (delta: string) => {
      streamed += delta;
      process.stdout.write(lines(delta));
    },
    line: (line: Parameters<typeof callLine>[0]) => {
      if (line.kind === 'agent' && streamed === '') print(lines(line.text));
      else if (streamed !== '') print('');
      streamed = '';
      const call = callLine(line);
      if (call !== undefined) print(call);
    },
    outcome: (outcome: Parameters<typeof outcomeLines>[0]) => {
      for (const line of outcomeLines(outcome)) print(line);
    },
  };
  try {
    const said = await say(chat, text, hear, AbortSignal.any([stop.signal, signal]));
    await draw(said, engine.config.home);
    if (said.how === 'stopped') print('Stopped; what was done is done.');
    if (said.how === 'turns') print(`Stopped after ${engine.config.agents.turns_max} turns: ask for less at once.`);
    return said;
  } catch (thrown) {
    // The next message may fare better.
    const { code, message, hint, details } = report(settle(thrown, engine.log));
    print(`${code}: ${message}\n${hint}\n${lines(JSON.stringify(details))}`);
    return undefined;
  } finally {
    input.onStop = () => undefined;
  }
}

/** Contact sheets that were asked for, where the terminal shows pictures; their links stand above. */
async function draw({ calls }: Said, home: string): Promise<void> {
  const { env, stdout } = process;
  const drawing = drawingOf(env, stdout);
  const paths = calls.flatMap(({ sheets }) => sheets);
  if (drawing !== undefined) for (const text of await drawn(paths, home, drawing, stdout.columns)) stdout.write(text);
}

/**
 * Asks about each; what was decided, here or in another terminal, is the next message. A yes here only begins the command that approves, which asks with its code at
 * the controlling terminal.
 */
async function decided(
  chat: Chat,
  waiting: readonly Waiting[],
  input: Input,
  session: Session,
): Promise<string | undefined> {
  const words: string[] = [];
  for (const each of waiting) {
    const { proposal_id, tool, approve } = each;
    print(['', ...waitingLines(each)].join('\n'));
    if (!input.terminal) {
      print(`  approve it with: ${approve}`);
      continue;
    }
    const answer = (await input.next('Approve it? y(es), n(o), e(dit), or Enter for later: '))?.trim().toLowerCase();
    if (answer === 'y' || answer === 'yes') {
      const done = await input.lend(() => decide(approveCommand, proposal_id, session));
      if (!done) words.push(`${proposal_id} (${tool}) was not done.`);
    } else if (answer === 'n' || answer === 'no' || answer === 'e' || answer === 'edit') {
      await input.lend(() => decide(rejectCommand, proposal_id, session));
      const instead = answer.startsWith('e') ? await input.next('What should be done instead? ') : null;
      if (instead?.trim()) words.push(`Instead: ${instead}`);
    } else print(`  It waits: ${approve}`);
  }
  const news = await newsOf(chat);
  return news.length + words.length === 0 ? undefined : [...news, ...words].join('\n');
}

async function decide(command: typeof approveCommand, proposal_id: string, session: Session): Promise<boolean> {
  try {
    const answer = await command.run({ proposal_id }, session);
    print(answer.text({ rules: true }));
    return true;
  } catch (thrown) {
    const { code, message, hint } = report(settle(thrown, session.engine.log));
    print(`${code}: ${message}\n${hint}`);
    return false;
  }
}

function openInput(): Input {
  const waiting: string[] = [];
  let wanted: ((line: string | null) => void) | undefined;
  let ended = false;
  let lent = false;
  const give = (line: string | null) => {
    const to = wanted;
    wanted = undefined;
    if (to !== undefined) to(line);
    else if (line !== null) waiting.push(line);
  };
  const open = (): Interface => {
    const { stdin, stdout } = process;
    const opened = createInterface({ input: stdin, output: stdin.isTTY ? stdout : undefined, terminal: stdin.isTTY });
    opened.on('line', give);
    opened.on('SIGINT', () => (wanted === undefined ? input.onStop() : give(null)));
    opened.on('close', () => {
      if (lent) return;
      ended = true;
      give(null);
    });
    return opened;
  };
  const input: Input = {
    terminal: process.stdin.isTTY === true,
    onStop: () => undefined,
    tell(text) {
      const typing = input.terminal && wanted !== undefined && !lent;
      print(typing ? `\r\u001b[K${text}` : text);
      if (typing) reader.prompt(true);
    },
    next(prompt) {
      const line = waiting.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (ended) return Promise.resolve(null);
      const asked = new Promise<string | null>((resolve) => {
        wanted = resolve;
      });
      if (input.terminal) {
        reader.setPrompt(prompt);
        reader.prompt();
      }
      return asked;
    },
    async lend(use) {
      lent = true;
      reader.close();
      try {
        return await use();
      } finally {
        lent = false;
        reader = open();
      }
    },
    close: () => reader.close(),
  };
  let reader = open();
  return input;
}
