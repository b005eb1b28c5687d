import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zstdDecompressSync } from 'node:zlib';

/** What a scripted model says at its turn: it calls a tool of a server or, without one, of the client itself; or it is done. */
export type Step = Call | string;

export interface Call {
  readonly server?: string;
  readonly tool: string;
  readonly args: Record<string, unknown>;
  /** Further calls of the same turn: over the Responses API alone. */
  readonly also?: readonly Call[];
}

/** A turn of the script, given what the last call showed the model. */
export type Turn = (shown: Shown) => Step;

export interface Shown {
  /** Words, and data as JSON, as the client handed them on. */
  readonly parts: readonly string[];
  readonly images: number;
}

export interface ScriptedModel {
  readonly url: string;
  /** Names of the tools that were offered, as the client names them. */
  readonly offered: Set<string>;
  /** All that the model was told at its first turn, as JSON. */
  readonly told: string;
  /** What it was sent at each turn, as JSON. */
  readonly bodies: string[];
  /** By turn: what the call of that turn showed. */
  readonly shown: Shown[];
  /** Requests for anything but an answer of the model. */
  readonly others: string[];
  close(): Promise<void>;
}

export interface Asked {
  readonly request: IncomingMessage;
  readonly body: Record<string, unknown>;
}

/** How one vendor's protocol is read and spoken. */
export interface Speech {
  /** Whether the next turn of the script is wanted. */
  wantsTurn(asked: Asked): boolean;
  offered(body: Record<string, unknown>): string[];
  /** What the last call showed; undefined before the first. */
  shown(body: Record<string, unknown>): Shown | undefined;
  say(step: Step, n: number, asked: Asked, response: ServerResponse): void;
  /** An answer to whatever else is asked. */
  other(asked: Asked, response: ServerResponse): void;
}

/** A model on this machine's own address that follows a script, whatever it is told. */
export async function openScripted(speech: Speech, turns: readonly Turn[]): Promise<ScriptedModel> {
  const offered = new Set<string>();
  const shown: Shown[] = [];
  const others: string[] = [];
  const bodies: string[] = [];
  let at = 0;
  let told = '';
  const server = createServer(async (request, response) => {
    const asked = { request, body: await bodyOf(request) };
    if (!speech.wantsTurn(asked)) {
      others.push(`${request.method} ${request.url}`);
      return speech.other(asked, response);
    }
    bodies.push(JSON.stringify(asked.body));
    told ||= bodies[0] ?? '';
    for (const name of speech.offered(asked.body)) offered.add(name);
    const last = speech.shown(asked.body);
    if (last !== undefined) shown.push(last);
    const turn = turns[at++];
    speech.say(turn === undefined ? 'done' : saidBy(turn, last), at, asked, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    offered,
    shown,
    bodies,
    others,
    close,
    get told() {
      return told;
    },
  };
}

/** A turn that cannot go on by what it was shown ends the session. */
function saidBy(turn: Turn, last: Shown = { parts: [], images: 0 }): Step {
  try {
    return turn(last);
  } catch (error) {
    return `The script stopped: ${String(error)}, shown ${JSON.stringify(last)}`;
  }
}

/** The data among what a model was shown: the first part that is JSON, or ends with it. */
export function dataOf({ parts }: Shown = { parts: [], images: 0 }): Record<string, unknown> {
  for (const part of parts) {
    const at = part.search(/[{]/);
    try {
      if (at >= 0) return JSON.parse(part.slice(at)) as Record<string, unknown>;
    } catch {} // the next one
  }
  throw new Error(`no data in ${JSON.stringify(parts)}`);
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const bytes = Buffer.concat(parts);
  const plain = request.headers['content-encoding'] === 'zstd' ? zstdDecompressSync(bytes) : bytes;
  try {
    return JSON.parse(plain.toString() || '{}') as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function sendJson(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Server-sent events, each with its type in its data, too. */
export function sendEvents(
  response: ServerResponse,
  events: readonly { readonly type: string; readonly [field: string]: unknown }[],
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}
