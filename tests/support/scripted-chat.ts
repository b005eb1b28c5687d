import { openScripted, type ScriptedModel, type Speech, sendJson, type Turn } from './scripted-model.ts';

interface Message {
  readonly role: string;
  readonly content?: string;
}

/** Chat Completions, streamed a few letters at a time. */
const speech: Speech = {
  wantsTurn: ({ request }) => request.method === 'POST' && request.url?.endsWith('/chat/completions') === true,
  offered: ({ tools }) => ((tools ?? []) as { function: { name: string } }[]).map((each) => each.function.name),
  shown: ({ messages }) => {
    const last = (messages as Message[]).findLast(({ role }) => role === 'tool');
    return last && { parts: [last.content ?? ''], images: 0 };
  },
  say(step, n, { body }, response) {
    const deltas: object[] =
      typeof step === 'string'
        ? (step.match(/.{1,5}/gs) ?? []).map((content) => ({ content }))
        : [{ tool_calls: [{ index: 0, id: `call_${n}`, type: 'function', function: called(step) }] }];
    const finish_reason = typeof step === 'string' ? 'stop' : 'tool_calls';
    const chunk = (delta: object, finish: string | null) => ({
      ...{ id: `chat_${n}`, object: 'chat.completion.chunk', created: 1, model: body.model },
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const each of [...deltas.map((delta) => chunk(delta, null)), chunk({}, finish_reason)])
      response.write(`data: ${JSON.stringify(each)}\n\n`);
    response.end('data: [DONE]\n\n');
  },
  other: (_, response) => sendJson(response, { object: 'list', data: [] }),
};

function called({ tool, args }: { tool: string; args: Record<string, unknown> }) {
  return { name: tool, arguments: JSON.stringify(args) };
}

export function scriptedChat(turns: readonly Turn[]): Promise<ScriptedModel> {
  return openScripted(speech, turns);
}
