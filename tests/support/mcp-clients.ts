import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as OldTransport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

/** Where a server is: a program to start, or an address. */
export type Place =
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env?: Record<string, string>;
      readonly cwd?: string;
    }
  | { readonly url: string; readonly token?: string };

export type Reply = { readonly action: 'accept' | 'decline' | 'cancel'; readonly content?: Record<string, boolean> };

export interface Block {
  readonly type: string;
  readonly text?: string;
  readonly data?: string;
  readonly mimeType?: string;
  readonly uri?: string;
}

export interface Called {
  readonly content: readonly Block[];
  readonly structuredContent?: Record<string, unknown>;
  readonly isError?: boolean;
  readonly _meta?: Record<string, unknown>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (now: { progress: number; message?: string | undefined }) => void;
}

export interface ToolFace {
  readonly name: string;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly inputSchema: Record<string, unknown>;
  readonly outputSchema?: Record<string, unknown> | undefined;
  readonly annotations?: Record<string, unknown> | undefined;
}

/** What both generations of clients can do, in one form. */
export interface TestClient {
  readonly protocol: string;
  readonly instructions: string | undefined;
  /** Where the server's icons are. */
  readonly icons: readonly string[];
  /** Kinds of lists that the server says may change. */
  readonly changing: readonly string[];
  tools(): Promise<ToolFace[]>;
  call(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<Called>;
  resources(): Promise<string[]>;
  templates(): Promise<string[]>;
  read(uri: string): Promise<{ text?: string; blob?: string; mimeType?: string }>;
  prompts(): Promise<string[]>;
  prompt(name: string, args: Record<string, string>): Promise<string>;
  complete(ref: Ref, name: string, value: string): Promise<string[]>;
  /** Until what it gives is called. */
  subscribe(uri: string, changed: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

type Ref = { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string };

export interface Opening {
  /** Absent: the client says that it cannot ask anybody. */
  readonly reply?: () => Reply;
  /** Of the newer client: ask what the server speaks, or insist. */
  readonly negotiate?: 'auto' | 'pin';
}

const about = { name: 'tests', version: '1' };

export async function openNew(place: Place, { reply, negotiate = 'pin' }: Opening = {}): Promise<TestClient> {
  const client = new NewClient(about, {
    capabilities: reply === undefined ? {} : { elicitation: { form: {} } },
    versionNegotiation: { mode: negotiate === 'pin' ? { pin: '2026-07-28' } : 'auto' },
  });
  if (reply !== undefined) client.setRequestHandler('elicitation/create', async () => ({ ...reply() }));
  await client.connect(
    'url' in place
      ? new NewHttp(new URL(place.url), { requestInit: { headers: headersOf(place) } })
      : new NewStdio({ ...programOf(place), stderr: 'ignore' }),
  );
  return {
    protocol: client.getNegotiatedProtocolVersion() ?? '',
    instructions: client.getInstructions(),
    icons: (client.getServerVersion()?.icons ?? []).map(({ src }) => src),
    changing: changing(client.getServerCapabilities()),
    tools: async () => (await client.listTools()).tools as ToolFace[],
    call: async (name, args, options) => (await client.callTool({ name, arguments: args }, options)) as Called,
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    templates: async () => (await client.listResourceTemplates()).resourceTemplates.map((each) => each.uriTemplate),
    read: async (uri) => ({ ...(await client.readResource({ uri })).contents[0] }),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args) => JSON.stringify((await client.getPrompt({ name, arguments: args })).messages),
    complete: async (ref, name, value) => (await client.complete({ ref, argument: { name, value } })).completion.values,
    subscribe: async (uri, changed) => {
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
        if (params.uri === uri) changed();
      });
      const open = await client.listen({ resourceSubscriptions: [uri] });
      return () => open.close();
    },
    close: () => client.close(),
  };
}

export async function openOld(place: Place, { reply }: Opening = {}): Promise<TestClient> {
  const client = new OldClient(about, { capabilities: reply === undefined ? {} : { elicitation: {} } });
  if (reply !== undefined) client.setRequestHandler(ElicitRequestSchema, async () => ({ ...reply() }));
  const transport =
    'url' in place
      ? new OldHttp(new URL(place.url), { requestInit: { headers: headersOf(place) } })
      : new OldStdio({ ...programOf(place), stderr: 'ignore' });
  // Its own classes do not fit its own interface where undefined is told apart from absent.
  await client.connect(transport as OldTransport);
  return {
    protocol: 'protocolVersion' in transport ? String(transport.protocolVersion) : '',
    instructions: client.getInstructions(),
    icons: (client.getServerVersion()?.icons ?? []).map(({ src }) => src),
    changing: changing(client.getServerCapabilities()),
    tools: async () => (await client.listTools()).tools as ToolFace[],
    call: async (name, args, options) =>
      (await client.callTool({ name, arguments: args }, undefined, options)) as Called,
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    templates: async () => (await client.listResourceTemplates()).resourceTemplates.map((each) => each.uriTemplate),
    read: async (uri) => ({ ...(await client.readResource({ uri })).contents[0] }) as { text?: string },
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args) => JSON.stringify((await client.getPrompt({ name, arguments: args })).messages),
    complete: async (ref, name, value) => (await client.complete({ ref, argument: { name, value } })).completion.values,
    subscribe: async (uri, changed) => {
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
        if (params.uri === uri) changed();
      });
      await client.subscribeResource({ uri });
      return async () => void (await client.unsubscribeResource({ uri }));
    },
    close: async () => {
      if (transport instanceof OldHttp) await transport.terminateSession();
      await client.close();
    },
  };
}

function changing(capabilities: object | undefined): string[] {
  const changes = (value: unknown) =>
    typeof value === 'object' && value !== null && 'listChanged' in value && value.listChanged;
  return Object.entries(capabilities ?? {}).flatMap(([name, value]) => (changes(value) === true ? [name] : []));
}

function headersOf({ token }: { token?: string }): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** With nothing of this process's environment but what a client passes on by itself (PATH, HOME) and `env`. */
function programOf({ command, args, env = {}, cwd }: Extract<Place, { command: string }>) {
  return { command, args: [...args], env, ...(cwd !== undefined && { cwd }) };
}
