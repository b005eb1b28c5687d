import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  fromJsonSchema,
  type GetPromptResult,
  type InputRequests,
  inputRequired,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Engine } from '#engine/engine.ts';
import type { Asked } from '#mcps/kit/confirm.ts';
import { type Offer, offer } from '#mcps/kit/mcp-server.ts';
import type { FaceResource, ServerFace } from '#mcps/kit/server-face.ts';
import { addPushFixtures } from './conformance-push.ts';
import { addTool, text } from './conformance-tools.ts';

/** What the official conformance suite looks for by name: only ever served to it. */

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

const fixed = (uri: string, mime_type: string, body: string | Uint8Array): FaceResource => ({
  ...{ name: uri.replace(/^.*\//, ''), title: uri, description: 'A fixture.', uri, mime_type },
  read: async () => ({ body }),
  version: async () => '1',
});

const template: FaceResource = {
  ...{ name: 'template', title: 'Template', description: 'A fixture.', mime_type: 'application/json' },
  uri: 'test://template/{id}/data',
  read: async ({ id }) => ({ body: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }),
};

const argument = (name: string) => ({
  ...{ name, description: name, required: true, complete: async (begun: string) => [`${begun}a`] },
});

const face: ServerFace = {
  ...{ name: 'conformance', title: 'Conformance', instructions: 'Fixtures of the conformance suite.', tools: [] },
  resources: [
    fixed('test://static-text', 'text/plain', 'This is the content of the static text resource.'),
    fixed('test://static-binary', 'image/png', Buffer.from(PNG, 'base64')),
    fixed('test://watched-resource', 'text/plain', 'Watched.'),
    template,
  ],
  prompts: [
    {
      ...{ name: 'test_simple_prompt', title: 'Simple', description: 'A fixture.', args: [] },
      text: () => 'This is a simple prompt for testing.',
    },
    {
      ...{ name: 'test_prompt_with_arguments', title: 'With arguments', description: 'A fixture.' },
      args: [argument('arg1'), argument('arg2')],
      text: ({ arg1, arg2 }) => `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`,
    },
  ],
};

/** Our own offer, whose every server has the fixtures besides. */
export function conformanceOffer(engine: Engine, signal: AbortSignal): Offer {
  const offered = offer(face, engine, signal);
  return {
    ...offered,
    connect: (asker) => {
      const server = offered.connect(asker);
      const changes = { listChanged: true };
      server.server.registerCapabilities({ tools: changes, prompts: changes, resources: changes, logging: {} });
      addContentFixtures(server);
      addPushFixtures(server);
      addInputFixtures(server, offered);
      addPromptFixtures(server);
      const changed = (name: string, kind: 'tools_list_changed' | 'prompts_list_changed') =>
        addTool(server, name, async () => {
          offered.bus.publish({ kind });
          return text('ok');
        });
      changed('test_trigger_tool_change', 'tools_list_changed');
      changed('test_trigger_prompt_change', 'prompts_list_changed');
      return server;
    },
  };
}

const image = { type: 'image', data: PNG, mimeType: 'image/png' } as const;
const embedded = (uri: string, mimeType: string, words: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: words } }) as const;

function addContentFixtures(server: McpServer): void {
  const says = (name: string, ...content: CallToolResult['content']) =>
    addTool(server, name, async () => ({ content }));
  says('test_simple_text', { type: 'text', text: 'This is a simple text response for testing.' });
  says('test_image_content', image);
  says('test_audio_content', { type: 'audio', data: WAV, mimeType: 'audio/wav' });
  says(
    'test_embedded_resource',
    embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  );
  says(
    'test_multiple_content_types',
    { type: 'text', text: 'Multiple content types test:' },
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  );
  addTool(server, 'test_error_handling', async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  const region = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } as const;
  addTool(server, 'test_x_mcp_header', async ({ region: said }) => text(`region=${said}`), fromJsonSchema(region));
  addTool(
    server,
    'json_schema_2020_12_tool',
    async (args) => text(JSON.stringify(args)),
    fromJsonSchema(MODERN_SCHEMA),
  );
}

const MODERN_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    ...{ name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    ...{ phone: { type: 'string' }, email: { type: 'string' } },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const ask = (message: string, field: string, type: 'string' | 'boolean' = 'string') => {
  const property = type === 'string' ? { type: 'string' as const } : { type: 'boolean' as const };
  return inputRequired.elicit({
    ...{ message, requestedSchema: { type: 'object', properties: { [field]: property }, required: [field] } },
  });
};
const sample = (question: string) =>
  inputRequired.createMessage({
    ...{ messages: [{ role: 'user', content: { type: 'text', text: question } }], maxTokens: 50 },
  });
const Roots = z.looseObject({ roots: z.array(z.looseObject({ uri: z.string() })) });

/** Protocol 2026-07-28: a call ends with questions, and comes again with answers. */
function addInputFixtures(server: McpServer, { asking }: Offer): void {
  const said = (ctx: ServerContext, key: string, field: string): unknown =>
    acceptedContent(ctx.mcpReq.inputResponses, key)?.[field];
  // The codec of the product signs what it is given; here that is not the product's own.
  const sign = (state: object, ctx: ServerContext) => asking.codec.mint(state as Asked, ctx);
  const state = (ctx: ServerContext) => ctx.mcpReq.requestState<{ round?: number; name?: unknown }>();
  const asks = (name: string, inputRequests: InputRequests, answer: (ctx: ServerContext) => string | undefined) =>
    addTool(server, name, async (_, ctx) => {
      const answered = answer(ctx);
      return answered === undefined ? inputRequired({ inputRequests }) : text(answered);
    });
  const name = ask('What is your name?', 'name');
  asks('test_missing_capability', { llm_answer: sample('pong') }, ({ mcpReq }) =>
    mcpReq.inputResponses?.llm_answer ? 'ok' : undefined,
  );
  asks('test_input_required_result_elicitation', { user_name: name }, (ctx) => {
    const given = said(ctx, 'user_name', 'name');
    return typeof given === 'string' ? `Hello, ${given}!` : undefined;
  });
  asks(
    'test_input_required_result_sampling',
    { capital_question: sample('What is the capital of France?') },
    ({ mcpReq }) => {
      const answered = mcpReq.inputResponses?.capital_question;
      return answered ? `Sampling response: ${JSON.stringify(answered)}` : undefined;
    },
  );
  asks('test_input_required_result_list_roots', { client_roots: inputRequired.listRoots() }, ({ mcpReq }) => {
    const { data } = Roots.safeParse(mcpReq.inputResponses?.client_roots);
    return data && `roots: ${data.roots.map(({ uri }) => uri).join(', ')}`;
  });
  for (const [tool, answer] of [
    ['test_input_required_result_request_state', 'state-ok'],
    ['test_input_required_result_tampered_state', 'integrity-ok'],
  ] as const)
    addTool(server, tool, async (_, ctx) => {
      if (said(ctx, 'confirm', 'ok') !== undefined && state(ctx) !== undefined) return text(answer);
      const confirm = ask('Please confirm', 'ok', 'boolean');
      return inputRequired({ inputRequests: { confirm }, requestState: await sign({ round: 1 }, ctx) });
    });
  addTool(server, 'test_input_required_result_multiple_inputs', async (_, ctx) => {
    const { greeting, client_roots } = ctx.mcpReq.inputResponses ?? {};
    const given = said(ctx, 'user_name', 'name');
    if (typeof given === 'string' && greeting && client_roots) return text(`${given} ok`);
    const inputRequests = {
      user_name: name,
      greeting: sample('Generate a greeting'),
      client_roots: inputRequired.listRoots(),
    };
    return inputRequired({ inputRequests, requestState: await sign({ round: 3 }, ctx) });
  });
  addTool(server, 'test_input_required_result_multi_round', async (_, ctx) => {
    const { round = 0, name: known } = state(ctx) ?? {};
    if (round === 2) return text(`${known} likes ${said(ctx, 'step2', 'color')}`);
    const [key, question, field] =
      round === 0
        ? ['step1', 'Step 1: What is your name?', 'name']
        : ['step2', 'Step 2: What is your favorite color?', 'color'];
    const requestState = await sign({ round: round + 1, name: said(ctx, 'step1', 'name') }, ctx);
    return inputRequired({
      inputRequests: { [key as string]: ask(question as string, field as string) },
      requestState,
    });
  });
  addTool(server, 'test_input_required_result_capabilities', async (_, ctx) => {
    if (ctx.mcpReq.inputResponses !== undefined) return text('ok');
    const envelope: Record<string, unknown> = { ...ctx.mcpReq.envelope };
    const { elicitation, sampling, roots } = { ...(envelope[CLIENT_CAPABILITIES_META_KEY] as Record<string, unknown>) };
    const inputRequests = {
      ...(elicitation !== undefined && { user_name: name }),
      ...(sampling !== undefined && { greeting: sample('hi') }),
      ...(roots !== undefined && { client_roots: inputRequired.listRoots() }),
    };
    return Object.keys(inputRequests).length === 0 ? text('none') : inputRequired({ inputRequests });
  });
}

function addPromptFixtures(server: McpServer): void {
  const says = (...content: GetPromptResult['messages'][number]['content'][]): GetPromptResult => ({
    ...{ messages: content.map((each) => ({ role: 'user' as const, content: each })) },
  });
  const line = (said: string) => ({ type: 'text' as const, text: said });
  const about = { description: 'A fixture.' };
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { ...about, argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      says(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'), line('Please process it.')),
  );
  server.registerPrompt('test_prompt_with_image', about, () => says(image, line('Please analyze the image above.')));
  server.registerPrompt('test_input_required_result_prompt', about, ({ mcpReq }) => {
    const context = acceptedContent(mcpReq.inputResponses, 'user_context')?.context;
    if (typeof context === 'string') return says(line(`Use the following context: ${context}`));
    return inputRequired({ inputRequests: { user_context: ask('What context should the prompt use?', 'context') } });
  });
}
