import { randomBytes } from 'node:crypto';
import {
  type CallToolResult,
  completable,
  createRequestStateCodec,
  type Icon,
  InMemoryServerEventBus,
  type InputRequiredResult,
  McpServer,
  type ScopeChallengeHandler,
  type ServerCapabilities,
  type ServerContext,
  type ServerEventBus,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Engine } from '#engine/engine.ts';
import packageFacts from '../../package.json' with { type: 'json' };
import type { Caller } from './caller.ts';
import { readDetailed } from './concise.ts';
import { type Asked, type Asking, confirmer } from './confirm.ts';
import { settle } from './errors.ts';
import { addResource, addSubscriptions, few, type Look, watchable } from './mcp-resources.ts';
import { progressNotes } from './progress-notes.ts';
import { doneResult, errorResult, proposedResult, queuedResult } from './results.ts';
import { askTool, runTool } from './run-tool.ts';
import { heldTo, scopesMissing, subjectOf } from './scopes.ts';
import type { AnyTool, FaceContext, FacePrompt, ServerFace } from './server-face.ts';
import { type Interests, openWatch } from './watch.ts';
import { annotationsOf, wireInput, wireOutput } from './wire-schema.ts';

/** Who asks, for all calls of one connection: what a policy counts is counted here. */
export type Asker = Omit<Caller, 'signal' | 'progress' | 'confirm' | 'engine'>;

/** A face made ready to be served: one for the process, for any number of connections. */
export interface Offer {
  readonly face: ServerFace;
  readonly engine: Engine;
  /** Ends when the process is to end. */
  readonly signal: AbortSignal;
  /** How questions to people are signed. */
  readonly asking: Asking;
  /** What changed, for whoever subscribed. */
  readonly bus: ServerEventBus;
  /** A server for one connection, or for one request of a protocol without connections. */
  connect(asker: Asker): McpServer;
  /** What a connection or a stream subscribes to. */
  interests(asker: Asker, tell?: (uri: string) => void): Interests;
}

const { version } = packageFacts;
const EXAMPLE = 'screenalytics/example';

export function offer(face: ServerFace, engine: Engine, signal: AbortSignal): Offer {
  // A question and its answer meet in this process; what another one signed is refused.
  const bind = ({ http }: ServerContext) => (http?.authInfo === undefined ? '' : subjectOf(http.authInfo));
  const codec = createRequestStateCodec<Asked>({ key: randomBytes(32), ttlSeconds: 900, bind });
  const asking: Asking = { codec, taken: new Set() };
  const bus = new InMemoryServerEventBus((error) => engine.log.warn({ err: error }, 'mcp'));
  const watch = openWatch(face.resources ?? [], engine, bus, signal);
  const look = (asker: Asker, until: AbortSignal): FaceContext => ({
    engine,
    signal: until,
    ask: (tool, raw) => runTool(tool, raw, { ...asker, engine, signal: until }),
  });
  const interests: Offer['interests'] = (asker, tell) => watch(look(asker, signal), tell);
  const faces = face.tools.map((tool) => {
    const { title, description, effect, example } = tool;
    const outputSchema = wireOutput(tool, face.pictures?.[tool.name]);
    const shown = { title, description, inputSchema: wireInput(tool), annotations: annotationsOf(effect) };
    const scopeChallenge: ScopeChallengeHandler = ({ request, authInfo }) =>
      scopesMissing(tool, request.params?.arguments, authInfo, engine.config);
    // For programs: clients hand their model no _meta, and an example of each tool would be dear in every conversation.
    const _meta = { [EXAMPLE]: example };
    return { tool, shown: { ...shown, _meta, scopeChallenge, ...(outputSchema && { outputSchema }) } };
  });
  const connect = (asker: Asker): McpServer => {
    const server = new McpServer(
      { name: face.name, title: face.title, version, ...(face.icon && { icons: [iconOf(face.icon)] }) },
      { instructions: face.instructions, capabilities: capable(face), requestState: { verify: codec.verify } },
    );
    const ask: Ask = (tool, raw, ctx) => {
      const asked = confirmer(server, ctx, asking, raw);
      const until = AbortSignal.any([ctx.mcpReq.signal, signal]);
      // Each call by its own token: that of a session's first call may have had more scopes.
      const held = heldTo(asker, ctx.http?.authInfo, engine.config);
      const caller = { ...held, engine, signal: until, progress: progressNotes(ctx), confirm: asked.confirm };
      return Promise.race([asked.needed, answer(face, tool, raw, caller)]);
    };
    for (const { tool, shown } of faces) server.registerTool(tool.name, shown, (raw, ctx) => ask(tool, raw, ctx));
    const looks: Look = (until) => look(asker, until);
    for (const resource of face.resources ?? []) addResource(server, resource, looks, signal);
    for (const prompt of face.prompts ?? []) addPrompt(server, prompt, looks(signal));
    if (watchable(face)) addSubscriptions(server, (tell) => interests(asker, tell));
    return server;
  };
  return { face, engine, signal, asking, bus, connect, interests };
}

/** Lists are made once for the process, so none of them changes; single resources do. */
function capable(face: ServerFace): ServerCapabilities {
  const fixed = { listChanged: false };
  return {
    tools: fixed,
    ...(face.prompts && { prompts: fixed }),
    ...(face.resources && { resources: { ...fixed, subscribe: watchable(face) } }),
  };
}

function iconOf(svg: string): Icon {
  return {
    src: `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`,
    mimeType: 'image/svg+xml',
    sizes: ['any'],
  };
}

type Ask = (tool: AnyTool, raw: unknown, ctx: ServerContext) => Promise<CallToolResult | InputRequiredResult>;

async function answer(face: ServerFace, tool: AnyTool, said: unknown, caller: Caller): Promise<CallToolResult> {
  try {
    const { raw, detailed = false } = readDetailed(tool, said);
    const outcome = await askTool(tool, raw, caller);
    if (outcome.kind === 'proposed') return proposedResult(outcome);
    if (outcome.kind === 'queued') return queuedResult(outcome);
    const { home } = caller.engine.config;
    const done = await doneResult(outcome.output, { tool, home, detailed, pictures: face.pictures?.[tool.name] });
    const links = face.links?.[tool.name]?.(outcome.output) ?? [];
    return {
      ...done,
      content: [...done.content, ...links.map((link) => ({ type: 'resource_link' as const, ...link }))],
    };
  } catch (thrown) {
    return errorResult(settle(thrown, caller.engine.log));
  }
}

function addPrompt(server: McpServer, prompt: FacePrompt, context: FaceContext): void {
  const { name, title, description } = prompt;
  const fields = prompt.args.map((each) => {
    const text = z.string().max(500).describe(each.description);
    const field = each.complete === undefined ? text : completable(text, few(each.complete, context));
    return [each.name, each.required ? field : field.optional()] as const;
  });
  const argsSchema = z.object(Object.fromEntries(fields));
  server.registerPrompt(name, { title, description, argsSchema }, (args) => {
    const given = Object.entries(args).filter((each): each is [string, string] => typeof each[1] === 'string');
    const text = prompt.text(Object.fromEntries(given));
    return { description, messages: [{ role: 'user', content: { type: 'text', text } }] };
  });
}
