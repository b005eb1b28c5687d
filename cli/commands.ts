import type { z } from 'zod';
import type { Engine } from '#engine/engine.ts';
import type { Answered, Question } from '#mcps/kit/caller.ts';
import { askTool, notDone } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import type { Effect, Tool, ToolProgress } from '#mcps/kit/tool.ts';
import { exampleLine } from './example.ts';
import type { Flagged } from './flags.ts';
import type { Look } from './table.ts';

/** What a command works with: an open engine, the way to stop it, and who wants to know how far it is. */
export interface Session {
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** Asks the person at the terminal, where there is one. */
  confirm?(question: Question): Promise<Answered>;
  progress(now: ToolProgress): void;
}

/** The result for a machine, and how to write it for a person. */
export interface Answer {
  readonly output: unknown;
  /** False makes the command exit with 1 although it answered, as `doctor` does when something is missing. */
  readonly ok: boolean;
  text(look: Look): string;
}

export interface Command extends Flagged {
  /** Everyday names come first in the help. */
  readonly everyday: boolean;
  /** The one exit code of whatever goes wrong; the error's own if absent. */
  readonly fails_with?: 1;
  run(raw: Record<string, unknown>, session: Session): Promise<Answer>;
}

interface Face<O> {
  /** Everyday names besides the one that the tool's name spells. */
  readonly also: readonly string[];
  readonly positional?: string;
  readonly text: (output: O, look: Look) => string;
  readonly ok?: (output: O) => boolean;
}

/** A tool as commands: `run_stage` is `run stage`, and whatever else the alias says. */
export function toolCommands<I extends z.ZodObject, O extends z.ZodObject, E extends Effect>(
  tool: Tool<I, O, E>,
  face: Face<z.output<O>>,
): Command[] {
  const run = async (raw: Record<string, unknown>, session: Session): Promise<Answer> => {
    const outcome = await askTool(tool, raw, { surface: 'cli', jobs: 'on_request', ...session });
    if (outcome.kind === 'queued') return queuedAnswer(outcome.job_id);
    if (outcome.kind === 'proposed') throw notDone(tool.name, outcome);
    const { output } = outcome;
    return { output, ok: face.ok?.(output) ?? true, text: (look) => face.text(output, look) };
  };
  const { description, input } = tool;
  const named = (words: string[], everyday: boolean): Command => ({
    words,
    about: description,
    input,
    positional: face.positional,
    everyday,
    notes: notesOf(tool, { words, positional: face.positional }),
    run,
  });
  return [...face.also.map((name) => named(name.split(' '), true)), named(wordsOf(tool.name), false)];
}

/** An example as words of that command, and how a call may end besides well. */
function notesOf({ errors, example }: AnyTool, command: { words: readonly string[]; positional?: string | undefined }) {
  const known = errors.length === 0 ? [] : [`Errors: ${errors.join(', ')} (screenalytics explain <code>)`];
  return [`Example: ${exampleLine(command, example)}`, ...known];
}

function queuedAnswer(job_id: string): Answer {
  const text = `${job_id} goes on by itself: screenalytics job ${job_id} says how far it is`;
  return { output: { status: 'queued', job_id }, ok: true, text: () => text };
}

/** `get_screen_time` is `get screen-time`. */
export function wordsOf(name: string): string[] {
  const [verb = '', ...noun] = name.split('_');
  return [verb, noun.join('-')];
}

/** The command with the most words that `argv` begins with. */
export function findCommand(commands: readonly Command[], argv: readonly string[]): Command | undefined {
  return commands
    .filter(({ words }) => words.every((word, at) => argv[at] === word))
    .sort((a, b) => b.words.length - a.words.length)[0];
}
