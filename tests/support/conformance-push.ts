import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { addTool, text } from './conformance-tools.ts';

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** What servers of protocols before 2026-07-28 say and ask while a call goes on. */
export function addPushFixtures(server: McpServer): void {
  addTool(server, 'test_tool_with_logging', async (_, ctx) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
      await pause();
    }
    return text('ok');
  });
  addTool(server, 'test_logging_tool', async (_, ctx) => {
    await ctx.mcpReq.log('info', 'ran');
    return text('ok');
  });
  addTool(server, 'test_tool_with_progress', async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      const params = { progressToken: progressToken ?? '', progress, total: 100, message: `${progress}%` };
      await ctx.mcpReq.notify({ method: 'notifications/progress', params });
      await pause();
    }
    return text(String(progressToken ?? 'none'));
  });
  addTool(server, 'test_streaming_elicitation', async () => text('ok'));
  addTool(server, 'test_reconnection', async (_, ctx) => {
    ctx.http?.closeSSE?.();
    await pause();
    return text('Reconnection test completed successfully');
  });
  addAsking(server);
}

function addAsking(server: McpServer): void {
  const form = (ctx: ServerContext, message: string, properties: object, required: string[]) =>
    ctx.mcpReq.send({
      method: 'elicitation/create',
      params: { mode: 'form', message, requestedSchema: { type: 'object', properties: { ...properties }, required } },
    });
  const asks = (name: string, message: string, properties: object) =>
    addTool(server, name, async (_, ctx) => text(JSON.stringify(await form(ctx, message, properties, []))));
  addTool(
    server,
    'test_sampling',
    async ({ prompt }, ctx) => {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: String(prompt) } }];
      return text(
        JSON.stringify(
          await ctx.mcpReq.send({ method: 'sampling/createMessage', params: { messages, maxTokens: 100 } }),
        ),
      );
    },
    z.object({ prompt: z.string() }),
  );
  addTool(
    server,
    'test_elicitation',
    async ({ message }, ctx) => {
      const response = { type: 'string', description: "User's response" };
      return text(JSON.stringify(await form(ctx, String(message), { response }, ['response'])));
    },
    z.object({ message: z.string() }),
  );
  asks('test_elicitation_sep1034_defaults', 'defaults', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  });
  const plain = ['option1', 'option2', 'option3'];
  const titled = (what: string) =>
    ['First', 'Second', 'Third'].map((word, at) => ({ const: `value${at + 1}`, title: `${word} ${what}` }));
  asks('test_elicitation_sep1330_enums', 'enums', {
    untitledSingle: { type: 'string', enum: plain },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: plain } },
    titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('Choice') } },
  });
}
