import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { projectRoot } from '#config/load.ts';
import { ERRORS, ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import { errorText } from './errors.ts';

/** Runs a command of ours that measures: an interrupt aborts its signal, an error ends it with its two lines and exit code. */
export async function runScript(main: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
  try {
    await main(stop.signal);
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n`);
    process.exitCode = ERRORS[toKnown(error).code].exit;
  }
}

/** The options that `parse` makes of the command line; what it refuses is INPUT_INVALID. */
export function flagsFrom<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new ScreenalyticsError('INPUT_INVALID', { problem: error instanceof Error ? error.message : String(error) });
  }
}

/** Replaces what docs/SCORES.md has between `<!-- begin -->` and `<!-- end -->`. */
export async function writeScores(begin: string, end: string, text: string): Promise<void> {
  const file = join(projectRoot, 'docs/SCORES.md');
  const [first, last] = [`<!-- ${begin} -->`, `<!-- ${end} -->`];
  const [before, rest] = (await readFile(file, 'utf8')).split(first);
  const after = rest?.split(last)[1];
  if (before === undefined || after === undefined)
    throw new ScreenalyticsError('INPUT_INVALID', { file: 'docs/SCORES.md', problem: `no ${first} ... ${last} in it` });
  await writeFile(file, `${before}${first}\n\n${text}\n\n${last}${after}`);
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
