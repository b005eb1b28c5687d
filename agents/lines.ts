import { z } from 'zod';

/** One line of a conversation, as it is kept and as a model is told again: no pictures, and nothing that only one vendor reads. */
export const Line = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('begun'), at: z.iso.datetime(), chat: z.string() }),
  z.object({ kind: z.literal('operator'), at: z.iso.datetime(), text: z.string() }),
  z.object({ kind: z.literal('agent'), agent: z.string(), text: z.string() }),
  z.object({
    kind: z.literal('call'),
    agent: z.string(),
    call_id: z.string(),
    tool: z.string(),
    /** JSON, as the model wrote it. */
    input: z.string(),
  }),
  z.object({ kind: z.literal('answer'), call_id: z.string(), tool: z.string(), text: z.string() }),
  /** A proposal that a call left for a person, and that the person has decided, as the conversation knows. */
  z.object({ kind: z.literal('waits'), proposal_id: z.string() }),
  z.object({ kind: z.literal('settled'), proposal_id: z.string() }),
  /** A job that a call began, and that the model has heard how it ended. */
  z.object({ kind: z.literal('follows'), job_id: z.string() }),
  z.object({ kind: z.literal('heard'), job_id: z.string() }),
  /** `turns`: the limit stopped it; `stopped`: a person, or the time that one message may take. */
  z.object({
    kind: z.literal('ended'),
    at: z.iso.datetime(),
    how: z.enum(['done', 'turns', 'stopped', 'failed']),
    agent: z.string(),
  }),
]);
export type Line = z.output<typeof Line>;

/** Proposals that a conversation left for a person and jobs that it began, of whose end it has not heard, each once. */
export function unended(said: readonly Line[]): { proposals: readonly string[]; jobs: readonly string[] } {
  const [proposals, jobs] = [new Set<string>(), new Set<string>()];
  for (const line of said) {
    if (line.kind === 'waits') proposals.add(line.proposal_id);
    if (line.kind === 'settled') proposals.delete(line.proposal_id);
    if (line.kind === 'follows') jobs.add(line.job_id);
    if (line.kind === 'heard') jobs.delete(line.job_id);
  }
  return { proposals: [...proposals], jobs: [...jobs] };
}

/** How an answer of one of our servers ended, as a program sees it. */
export const Outcome = z.object({
  tool: z.string(),
  /** `done`, `proposed`, `queued`, or the code of an error. */
  status: z.string(),
  proposal_id: z.string().optional(),
  job_id: z.string().optional(),
  /** Paths of contact sheets. */
  sheets: z.array(z.string()),
});
export type Outcome = z.output<typeof Outcome>;

const Answer = z.object({ status: z.string(), proposal_id: z.string(), job_id: z.string() }).partial();
const Failed = z.object({ 'screenalytics/error': z.object({ code: z.string() }) });

export interface Raw {
  readonly tool: string;
  readonly data: unknown;
  readonly meta: unknown;
  readonly failed: boolean;
  /** What the model is shown. */
  readonly text: string;
}

export function outcomeOf({ tool, data, meta, failed, text }: Raw): Outcome {
  if (failed) {
    const code = Failed.safeParse(meta).data?.['screenalytics/error'].code ?? 'INPUT_INVALID';
    return { tool, status: code, sheets: [] };
  }
  const { status = 'done', ...ids } = Answer.safeParse(data).data ?? {};
  return { tool, status, ...ids, sheets: sheetsIn(data ?? dataIn(text)) };
}

const Sheet = z.object({ sheet: z.string(), path: z.string() });

/** Contact sheets, wherever in an answer they stand. */
function sheetsIn(data: unknown): string[] {
  const sheet = Sheet.safeParse(data);
  if (sheet.success) return [sheet.data.path];
  return typeof data === 'object' && data !== null ? Object.values(data).flatMap(sheetsIn) : [];
}

/** The data of an answer in its text, on a line between its marks. */
export function dataIn(text: string): unknown {
  const line = text.split('\n').find((each) => each.startsWith('{')) ?? '';
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // cut off
  }
}

/**
 * The end of a conversation that a model is told again: messages of the operator, each with all that followed, within so many characters;
 * the last one always.
 */
export function lastOf(lines: readonly Line[], chars_max: number): Line[] {
  let chars = 0;
  let from = Math.max(
    lines.findLastIndex(({ kind }) => kind === 'operator'),
    0,
  );
  for (let at = lines.length - 1; at >= 0; at--) {
    const line = lines[at];
    chars += JSON.stringify(line).length;
    if (chars > chars_max) break;
    if (line?.kind === 'operator') from = at;
  }
  return whole(lines.slice(from));
}

/** Without calls that were never answered, which no model takes. */
function whole(lines: readonly Line[]): Line[] {
  const of = (kind: 'call' | 'answer') =>
    new Set(lines.flatMap((line) => (line.kind === kind && 'call_id' in line ? [line.call_id] : [])));
  const [called, answered] = [of('call'), of('answer')];
  return lines.filter((line) => !('call_id' in line) || (called.has(line.call_id) && answered.has(line.call_id)));
}
