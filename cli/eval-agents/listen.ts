import { type RecordedTurn, withReferences } from '#agents/evals/recording.ts';
import type { Counted, Made } from '#agents/evals/score.ts';
import { dataIn } from '#agents/lines.ts';
import type { Hearing } from '#agents/sdk.ts';
import type { Roots } from './homes.ts';

/** All that is heard of an agent in a scenario. */
export interface Heard {
  readonly hearing: Hearing;
  readonly made: readonly Made[];
  counted(): Counted;
  /** Ends a message: words said between calls are not kept, since alone they would be an answer. */
  answered(): void;
  readonly turns: readonly RecordedTurn[];
}

const HANDOVER = /^transfer_to_/;
const NOT_OFFERED = 'not offered';

export function listen(roots: Roots): Heard {
  const made: (Made & { status: string })[] = [];
  const calls = new Map<string, Made & { status: string }>();
  const shown: Record<string, unknown> = {};
  const turns: RecordedTurn[] = [];
  const used: { in: number; out: number }[] = [];
  let asking = false;
  let words = '';
  let answering: (Made & { status: string }) | undefined;
  return {
    made,
    turns,
    hearing: {
      tokens: (read, written) => void used.push({ in: read, out: written }),
      line(line) {
        if (line.kind === 'agent') words = line.text;
        if (line.kind === 'call') {
          const input = inputOf(line.input);
          const call = {
            tool: line.tool,
            with: JSON.parse(JSON.stringify(withReferences(input, { ...roots, shown }))),
          };
          if (asking) turns.at(-1)?.calls.push(call);
          else turns.push({ calls: [call], says: '', tokens: { in: 0, out: 0 } });
          asking = true;
          words = '';
          if (HANDOVER.test(line.tool)) return;
          const one = { tool: line.tool, input, status: NOT_OFFERED };
          made.push(one);
          calls.set(line.call_id, one);
        }
        if (line.kind === 'answer') {
          asking = false;
          answering = calls.get(line.call_id);
          const data = dataIn(line.text);
          if (data !== undefined) shown[line.tool] = data;
        }
      },
      outcome({ status }) {
        if (answering !== undefined) answering.status = status;
      },
    },
    counted() {
      const tokens = used.reduce((sum, each) => sum + each.in + each.out, 0);
      return { turns: used.length, calls: made.length, tokens };
    },
    answered() {
      if (words !== '') turns.push({ calls: [], says: words, tokens: { in: 0, out: 0 } });
      asking = false;
      words = '';
      if (turns.length === used.length)
        for (const [at, tokens] of used.entries()) Object.assign(turns[at] ?? {}, { tokens });
    },
  };
}

function inputOf(said: string): unknown {
  try {
    return JSON.parse(said || '{}');
  } catch {
    return said;
  }
}
