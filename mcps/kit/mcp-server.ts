import { randomBytes } from 'node:crypto';
import {
  type CallToolResult,
  completable,
  createRequestStateCodec,
  type InputRequiredResult,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
  type ScopeChallengeHandler,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { ERRORS, type ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import packageFacts from '../../package.json' with { type: 'json' };
import type { Caller } from './caller.ts';
import { type Asked, confirmer } from './confirm.ts';
import { settle } from './errors.ts';
import { progressNotes } from './progress-notes.ts';
import { doneResult, errorResult, proposedResult } from './results.ts';
import { askTool, runTool } from './run-tool.ts';
import { heldTo, scopesMissing, subjectOf } from './scopes.ts';
import {
  type AnyTool,
  type Completer,
  type FaceContext,
  type FacePrompt,
  type FaceResource,
  RESOURCE_BYTES_MAX,
  type ServerFace,
} from './server-face.ts';
import { annotationsOf, wireInput, wireOutput } from './wire-schema.ts';

/** Who asks, for all calls of one connection: what a policy counts is counted here. */
export type Asker = Omit<Caller, 'signal' | 'progress' | 'confirm' | 'engine'>;

/** A face made ready to be served: one for the process, for any number of connections. */
export interface Offer {
  readonly face: ServerFace;
  readonly engine: Engine;
  /** Ends when the process is to end. */
  readonly signal: AbortSignal;
  /** A server for one connection, or for one request of a protocol without connections. */
  connect(asker: Asker): McpServer;
}

const VALUES_MAX = 100;
const { version } = packageFacts;

export function offer(face: ServerFace, engine: Engine, signal: AbortSignal): Offer {
  // A question and its answer meet in this process; what another one signed is refused.
  const bind = ({ http }: ServerContext) => (http?.authInfo === undefined ? '' : subjectOf(http.authInfo));
  const codec = createRequestStateCodec<Asked>({ key: randomBytes(32), ttlSeconds: 900, bind });
  const taken = new Set<string>();
  const faces = face.tools.map((tool) => {
    const { title, description, effect } = tool;
    const outputSchema = wireOutput(tool, face.pictures?.[tool.name]);
    const shown = { title, description, inputSchema: wireInput(tool), annotations: annotationsOf(effect) };
    const scopeChallenge: ScopeChallengeHandler = ({ request, authInfo }) =>
      scopesMissing(tool, request.params?.arguments, authInfo, engine.config);
    return { tool, shown: { ...shown, scopeChallenge, ...(outputSchema && { outputSchema }) } };
  });
  const connect = (asker: Asker): McpServer => {
    const server = new McpServer(
      { name: face.name, title: face.title, version },
      { instructions: face.instructions, requestState: { verify: codec.verify } },
    );
    const ask: Ask = (tool, raw, ctx) => {
      const asked = confirmer(server, ctx, { codec, taken }, raw);
      const until = AbortSignal.any([ctx.mcpReq.signal, signal]);
      // Each call by its own token: that of a session's first call may have had more scopes.
      const held = heldTo(asker, ctx.http?.authInfo, engine.config);
      const caller = { ...held, engine, signal: until, progress: progressNotes(ctx), confirm: asked.confirm };
      return Promise.race([asked.needed, answer(face, tool, raw, caller)]);
    };
    for (const { tool, shown } of faces) server.registerTool(tool.name, shown, (raw, ctx) => ask(tool, raw, ctx));
    const look = (until: AbortSignal): FaceContext => ({
      engine,
      signal: until,
      ask: (tool, raw) => runTool(tool, raw, { ...asker, engine, signal: until }),
    });
    for (const resource of face.resources ?? []) addResource(server, resource, look, signal);
    for (const prompt of face.prompts ?? []) addPrompt(server, prompt, look(signal));
    return server;
  };
  return { face, engine, signal, connect };
}

type Ask = (tool: AnyTool, raw: unknown, ctx: ServerContext) => Promise<CallToolResult | InputRequiredResult>;

async function answer(face: ServerFace, tool: AnyTool, raw: unknown, caller: Caller): Promise<CallToolResult> {
  try {
    const outcome = await askTool(tool, raw, caller);
    if (outcome.kind === 'proposed') return proposedResult(outcome);
    const { home } = caller.engine.config;
    return await doneResult(outcome.output, { tool, home, pictures: face.pictures?.[tool.name] });
  } catch (thrown) {
    return errorResult(settle(thrown, caller.engine.log));
  }
}

type Look = (until: AbortSignal) => FaceContext;

function addResource(server: McpServer, resource: FaceResource, look: Look, signal: AbortSignal): void {
  const { name, title, description, uri, mime_type, list, complete = {} } = resource;
  const about = { title, description, mimeType: mime_type };
  const read = async (at: URL, variables: Record<string, unknown>, ctx: ServerContext): Promise<ReadResourceResult> => {
    const context = look(AbortSignal.any([ctx.mcpReq.signal, signal]));
    const texts = Object.entries(variables).map(([key, value]) => [key, decoded(String(value))]);
    const found = await resource.read(Object.fromEntries(texts), context).catch((thrown) => {
      throw wireError(settle(thrown, context.engine.log), at);
    });
    if (found === undefined) throw new ResourceNotFoundError(at.href);
    const { body, mime_type: mimeType = resource.mime_type } = found;
    if (body.length > RESOURCE_BYTES_MAX)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `${at.href} is larger than ${RESOURCE_BYTES_MAX} bytes`);
    const part = { uri: at.href, mimeType };
    const content =
      typeof body === 'string' ? { ...part, text: body } : { ...part, blob: Buffer.from(body).toString('base64') };
    return { contents: [content] };
  };
  if (!uri.includes('{')) {
    server.registerResource(name, uri, about, (at, ctx) => read(at, {}, ctx));
    return;
  }
  const template = new ResourceTemplate(uri, {
    list: list && (async (ctx) => ({ resources: [...(await list(look(ctx.mcpReq.signal)))] })),
    complete: Object.fromEntries(Object.entries(complete).map(([key, each]) => [key, few(each, look(signal))])),
  });
  server.registerResource(name, template, about, read);
}

/** `%` alone is no encoding: what cannot be decoded is what was meant. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function wireError(error: ScreenalyticsError, at: URL): ProtocolError {
  const { message, hint } = ERRORS[error.code];
  if (error.code.endsWith('_NOT_FOUND')) return new ResourceNotFoundError(at.href, `${error.code}: ${message} ${hint}`);
  return new ProtocolError(ProtocolErrorCode.InternalError, `${error.code}: ${message} ${hint}`);
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

/** Completions never fail: whoever types does not want an error. */
function few(complete: Completer, context: FaceContext): (begun: string) => Promise<string[]> {
  return async (begun) => {
    const found = await complete(begun, context).catch(() => []);
    return found.slice(0, VALUES_MAX);
  };
}
