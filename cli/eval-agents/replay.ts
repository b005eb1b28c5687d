import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { fillIn } from '#agents/evals/paths.ts';
import { RecordedTurn, type Recording } from '#agents/evals/recording.ts';
import { dataIn } from '#agents/lines.ts';

export interface Replayed {
  readonly url: string;
  /** Why it could not go on as it was recorded, or how much was never asked for; undefined: all of it was said. */
  problem(): string | undefined;
  close(): Promise<void>;
}

/** A model on this machine's own address that says what was recorded, over the Responses API. */
export async function replay({ turns }: Recording, roots: Readonly<Record<string, unknown>>): Promise<Replayed> {
  let at = 0;
  let problem: string | undefined;
  const next = (asked: z.output<typeof Asked>): RecordedTurn => {
    const turn = turns[at++];
    try {
      if (turn === undefined) throw new Error(`a turn ${at} is wanted, and ${turns.length} are recorded`);
      const filled = fillIn({ says: turn.says, calls: turn.calls }, { ...roots, shown: shownIn(asked.input) });
      return RecordedTurn.parse({ tokens: turn.tokens, ...Object(filled) });
    } catch (error) {
      problem ??= `turn ${at}: ${error instanceof Error ? error.message : String(error)}`;
      return { says: 'The recording does not fit.', calls: [], tokens: { in: 0, out: 0 } };
    }
  };
  const server = createServer(async (request, response) => {
    const asked = Asked.safeParse(await bodyOf(request));
    if (request.method !== 'POST' || !asked.success) return void response.writeHead(404).end();
    answer(response, at + 1, next(asked.data));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1`,
    problem: () => problem ?? (at < turns.length ? `only ${at} of ${turns.length} turns were asked for` : undefined),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const Asked = z.object({ input: z.array(z.looseObject({ type: z.string().optional() })) });
const Called = z.object({ type: z.literal('function_call'), call_id: z.string(), name: z.string() });
const Texts = z.array(z.object({ text: z.string().default('') }));
const Told = z.object({
  type: z.literal('function_call_output'),
  call_id: z.string(),
  output: z.union([z.string(), Texts]),
});

/** The data that the model has been shown, by tool; of several answers of one tool the last. */
function shownIn(items: readonly unknown[]): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const item of items) {
    const called = Called.safeParse(item).data;
    if (called !== undefined) names.set(called.call_id, called.name);
    const told = Told.safeParse(item).data;
    if (told === undefined) continue;
    const data = dataIn(wordsOf(told.output));
    if (data !== undefined) shown[names.get(told.call_id) ?? ''] = data;
  }
  return shown;
}

/** The SDK hands on what a tool answers as it came, or as JSON of it. */
function wordsOf(output: z.output<typeof Told>['output']): string {
  if (typeof output !== 'string') return output.map(({ text }) => text).join('\n');
  if (!/^[[{]/.test(output)) return output;
  const parts = Texts.safeParse([JSON.parse(output)].flat());
  return parts.success ? wordsOf(parts.data) : output;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part));
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    return undefined;
  }
}

function answer(response: ServerResponse, nth: number, { calls, says, tokens }: RecordedTurn): void {
  const words = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: says, annotations: [] }] };
  const items = calls.map(({ tool, with: input }, at) => ({
    ...{ type: 'function_call', call_id: `call_${nth}_${at}`, name: tool, arguments: JSON.stringify(input) },
  }));
  const output = (calls.length > 0 ? items : [words]).map((item, at) => ({
    ...{ ...item, id: `item_${nth}_${at}`, status: 'completed' },
  }));
  const usage = { input_tokens: tokens.in, output_tokens: tokens.out, total_tokens: tokens.in + tokens.out };
  const whole = {
    id: `response_${nth}`,
    object: 'response',
    created_at: 1,
    model: 'recorded',
    status: 'completed',
    output,
    usage,
  };
  const events = [
    { type: 'response.created', response: { ...whole, status: 'in_progress', output: [] } },
    ...output.map((item, output_index) => ({ type: 'response.output_item.done', output_index, item })),
    { type: 'response.completed', response: whole },
  ];
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''));
}
