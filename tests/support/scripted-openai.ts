import {
  openScripted,
  type ScriptedModel,
  type Shown,
  type Speech,
  sendEvents,
  sendJson,
  type Turn,
} from './scripted-model.ts';

interface Item {
  readonly type: string;
  readonly output?: string | { readonly type: string; readonly text?: string }[];
}

/** The Responses API, as much as Codex asks of it. A server's tools come in a namespace of its own. */
const speech: Speech = {
  wantsTurn: ({ request }) => request.method === 'POST' && request.url?.endsWith('/responses') === true,
  offered: ({ tools }) =>
    ((tools ?? []) as { type: string; name: string; tools?: { name: string }[] }[]).flatMap((each) =>
      each.type === 'namespace' ? (each.tools ?? []).map(({ name }) => `${each.name}/${name}`) : [each.name],
    ),
  shown: ({ input }) => {
    const last = ((input ?? []) as Item[]).findLast(({ type }) => type === 'function_call_output');
    return last && shownOf(last.output ?? '');
  },
  say(step, n, { body }, response) {
    const items =
      typeof step === 'string'
        ? [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: step, annotations: [] }] }]
        : [step, ...(step.also ?? [])].map(({ server, tool, args }, at) => ({
            ...{ type: 'function_call', call_id: `call_${n}_${at}`, name: tool, arguments: JSON.stringify(args) },
            ...(server !== undefined && { namespace: `mcp__${server.replaceAll('-', '_')}` }),
          }));
    const id = `response_${n}`;
    const made = items.map((item, at) => ({ ...item, id: `item_${n}_${at}`, status: 'completed' }));
    const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
    const whole = {
      id,
      object: 'response',
      created_at: 1,
      model: body.model,
      status: 'completed',
      output: made,
      usage,
    };
    sendEvents(response, [
      { type: 'response.created', response: { ...whole, status: 'in_progress', output: [] } },
      ...made.map((item, output_index) => ({ type: 'response.output_item.done', output_index, item })),
      { type: 'response.completed', response: whole },
    ]);
  },
  other: (_, response) => sendJson(response, { object: 'list', data: [], models: [] }),
};

export function scriptedOpenai(turns: readonly Turn[]): Promise<ScriptedModel> {
  return openScripted(speech, turns);
}

function shownOf(output: NonNullable<Item['output']>): Shown {
  if (typeof output === 'string') return { parts: [output], images: 0 };
  const parts = output.flatMap((part) => part.text ?? []);
  return { parts, images: output.filter(({ type }) => type === 'input_image').length };
}
