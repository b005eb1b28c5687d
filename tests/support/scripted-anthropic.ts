import {
  openScripted,
  type ScriptedModel,
  type Shown,
  type Speech,
  sendEvents,
  sendJson,
  type Turn,
} from './scripted-model.ts';

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly content?: string | readonly Block[];
}

/** The Messages API, as much as Claude Code asks of it. Requests without tools are titles and the like. */
const speech: Speech = {
  wantsTurn: ({ request, body }) =>
    request.method === 'POST' &&
    request.url?.startsWith('/v1/messages') === true &&
    !request.url.includes('count_tokens') &&
    ((body.tools ?? []) as unknown[]).length > 0,
  offered: ({ tools }) => ((tools ?? []) as { name: string }[]).map(({ name }) => name),
  shown: ({ messages }) => {
    const blocks = ((messages ?? []) as { content: string | Block[] }[]).flatMap(({ content }) =>
      typeof content === 'string' ? [] : content,
    );
    const last = blocks.findLast(({ type }) => type === 'tool_result');
    return last && shownOf(last.content ?? '');
  },
  say(step, n, { body }, response) {
    const is_call = typeof step !== 'string';
    const block = is_call
      ? {
          type: 'tool_use',
          id: `toolu_${n}`,
          name: step.server === undefined ? step.tool : `mcp__${step.server}__${step.tool}`,
          input: {},
        }
      : { type: 'text', text: '' };
    const delta = is_call
      ? { type: 'input_json_delta', partial_json: JSON.stringify(step.args) }
      : { type: 'text_delta', text: step };
    const message = { id: `msg_${n}`, type: 'message', role: 'assistant', model: body.model, content: [] };
    const ended = { stop_reason: is_call ? 'tool_use' : 'end_turn', stop_sequence: null };
    sendEvents(response, [
      {
        type: 'message_start',
        message: { ...message, stop_reason: null, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } },
      },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: ended, usage: { output_tokens: 1 } },
      { type: 'message_stop' },
    ]);
  },
  other({ request, body }, response) {
    if (request.url?.includes('count_tokens')) return sendJson(response, { input_tokens: 1 });
    const message = { id: 'msg_0', type: 'message', role: 'assistant', model: body.model };
    const usage = { input_tokens: 1, output_tokens: 1 };
    sendJson(response, { ...message, content: [{ type: 'text', text: 'ok' }], stop_reason: 'end_turn', usage });
  },
};

export function scriptedAnthropic(turns: readonly Turn[]): Promise<ScriptedModel> {
  return openScripted(speech, turns);
}

function shownOf(content: string | readonly Block[]): Shown {
  if (typeof content === 'string') return { parts: [content], images: 0 };
  const parts = content.flatMap((part) => part.text ?? []);
  return { parts, images: content.filter(({ type }) => type === 'image').length };
}
