import process from 'node:process';
import { note, say, writeScores } from '../script.ts';
import { table } from '../table.ts';
import type { Scored } from './run.ts';

const HEAD = ['scenario', 'end state', 'calls', 'forbidden', 'turns', 'tokens', 'seconds'];

/** A table, what does not hold below it, and docs/SCORES.md where that is asked for; `by`: who answered. */
export async function show(scored: readonly Scored[], by: string, write: boolean): Promise<void> {
  say(table(HEAD, scored.map(cells), { rules: process.stdout.isTTY === true }));
  for (const { scenario, end, missing, forbidden, over } of scored) {
    for (const each of end) say(`${scenario}: ${each}`);
    for (const each of missing) say(`${scenario}: expected a call of ${each}`);
    for (const each of forbidden) say(`${scenario}: forbidden, and asked for: ${each}`);
    for (const each of over) say(`${scenario}: ${each}`);
  }
  say(`\n${scored.filter(passed).length} of ${scored.length} passed; answers: ${by}`);
  if (!write) return;
  await writeScores('agents: begin', 'agents: end', markdown(scored, by));
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

/** Without seconds, which are those of this machine on that day. */
function markdown(scored: readonly Scored[], by: string): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...scored.map(cells)].map((row) => `| ${row.slice(0, -1).join(' | ')} |`);
  const count = `${scored.filter(passed).length} of ${scored.length} end states hold. Answers: ${by}.`;
  return [
    `Command: \`npm run eval:agents -- ${by.startsWith('recorded') ? '--recorded ' : ''}--write\``,
    '',
    ...rows,
    '',
    count,
  ].join('\n');
}
