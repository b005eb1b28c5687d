import { pathToFileURL } from 'node:url';
import type { Line, Outcome } from '#agents/lines.ts';
import { plain } from '../terminal.ts';
import type { Waiting } from './say.ts';

const INPUT_MAX = 100;

/** Words of a model cannot move the cursor; its lines stay lines. */
export function lines(text: string): string {
  return text.split('\n').map(plain).join('\n');
}

/** A call as one line; undefined for all else. */
export function callLine(line: Line): string | undefined {
  if (line.kind !== 'call') return undefined;
  const to = /^transfer_to_(.+)$/.exec(line.tool)?.[1];
  if (to !== undefined) return `> ${plain(line.agent)} hands over to ${plain(to)}`;
  const input = line.input.length > INPUT_MAX ? `${line.input.slice(0, INPUT_MAX)}...` : line.input;
  return `> ${plain(line.tool)} ${plain(input)}`;
}

/** What is worth a line of how a call ended: not that it was done. */
export function outcomeLines({ status, job_id, sheets }: Outcome): string[] {
  const pictures = sheets.map((path) => `  pictures: ${pathToFileURL(path).href}`);
  return status === 'done'
    ? pictures
    : [`  ${plain(job_id === undefined ? status : `${status}: ${job_id}`)}`, ...pictures];
}

/** What would change, for whom, and why: as a plain question. */
export function waitingLines({ proposal_id, tool, would_change, why }: Waiting): string[] {
  return [
    `Waits for you: ${plain(tool)} (${proposal_id})`,
    `  would change: ${plain(would_change)}`,
    `  asked because: ${plain(why)}`,
  ];
}
