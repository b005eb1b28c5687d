import process from 'node:process';
import { markdownTable } from '../docs-text.ts';
import { note, say, writeScores } from '../script.ts';
import { table } from '../table.ts';
import type { Scored } from './run.ts';

const HEAD = ['scenario', 'end state', 'calls', 'forbidden', 'turns', 'tokens', 'seconds'];

export interface ShowFlags {
  /** Who answered: models, or who wrote the recordings. */
  readonly by: string;
  readonly recorded: boolean;
  readonly write: boolean;
}

/** A table, what does not hold below it, and docs/SCORES.md where that is asked for. */
export async function show(scored: readonly Scored[], flags: ShowFlags): Promise<void> {
  say(table(HEAD, scored.map(cells), { rules: process.stdout.isTTY === true }));
  for (const { scenario, end, missing, forbidden, over } of scored) {
    for (const each of end) say(`${scenario}: ${each}`);
    for (const each of missing) say(`${scenario}: expected a call of ${each}`);
    for (const each of forbidden) say(`${scenario}: forbidden, and asked for: ${each}`);
    for (const each of over) say(`${scenario}: ${each}`);
  }
  say(`\n${scored.filter(passed).length} of ${scored.length} passed; ${answers(flags)}`);
  if (!flags.write) return;
  await writeScores('agents: begin', 'agents: end', markdown(scored, flags));
  note('docs/SCORES.md is written.');
}

export function passed({ end }: Pick<Scored, 'end'>): boolean {
  return end.length === 0;
}

function cells(score: Scored): string[] {
  const { scenario, missing, forbidden, over, turns, calls, tokens, seconds } = score;
  const called = missing.length === 0 ? `${calls} ok` : `${calls}, ${missing.length} missing`;
  return [
    ...[scenario, passed(score) ? 'pass' : 'MISS', called, forbidden.length === 0 ? 'none' : forbidden.join(', ')],
    ...[over.length === 0 ? String(turns) : `${turns} (over: ${over.join(', ')})`, tokens === 0 ? '-' : String(tokens)],
    seconds.toFixed(1),
  ];
}

function answers({ by, recorded }: ShowFlags): string {
  return recorded ? `no model was asked: answers recorded ${by}` : `answers of ${by}`;
}

/** Without seconds, which are those of this machine on that day. */
function markdown(scored: readonly Scored[], flags: ShowFlags): string {
  const rows = markdownTable(
    HEAD.slice(0, -1),
    scored.map((each) => cells(each).slice(0, -1)),
  );
  const command = `Command: \`npm run eval:agents -- ${flags.recorded ? '--recorded ' : ''}--write\``;
  const count = `${scored.filter(passed).length} of ${scored.length} end states hold; ${answers(flags)}.`;
  return [command, '', ...rows, '', count].join('\n');
}
