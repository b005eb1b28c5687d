import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERRORS, report, type ScreenalyticsError } from '#engine/core/errors.ts';
import { concise, readDetailed } from './concise.ts';
import { settle } from './errors.ts';
import type { Asker, Offer } from './mcp-server.ts';
import { askTool } from './run-tool.ts';
import type { AnyTool, FaceRoute } from './server-face.ts';
import { wireAnswer } from './wire-schema.ts';

/** A tool and what it is asked, as an address and a body say it. */
export interface HttpCall {
  readonly tool: AnyTool;
  readonly raw: unknown;
  /** The part of the answer that an older address has; all of it if absent. */
  readonly shown?: FaceRoute['output'];
}

/** `POST /tools/{name}` with the input as JSON, or an older address; undefined when no tool lives there. */
export function findCall({ face }: Offer, method: string, url: URL, body: () => Promise<unknown>) {
  const of = (name: string | undefined) => face.tools.find((tool) => tool.name === name);
  const direct = method === 'POST' ? of(/^\/tools\/(\w+)$/.exec(url.pathname)?.[1]) : undefined;
  if (direct !== undefined) return async (): Promise<HttpCall> => ({ tool: direct, raw: await body() });
  for (const route of face.routes ?? []) {
    const variables = route.method === method ? variablesOf(route, url.pathname) : undefined;
    const tool = variables && of(route.tool);
    if (tool === undefined || variables === undefined) continue;
    return async (): Promise<HttpCall> => {
      const given = method === 'GET' ? queryOf(url) : await body();
      if (typeof given !== 'object' || given === null || Array.isArray(given)) return { tool, raw: given };
      const { output } = route;
      return { tool, raw: route.input(variables, { ...given }), ...(output && { shown: output }) };
    };
  }
  return undefined;
}

function variablesOf({ path }: FaceRoute, pathname: string): Record<string, string> | undefined {
  const [wanted, given] = [path.split('/'), pathname.split('/')];
  if (wanted.length !== given.length) return undefined;
  const variables: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const text = given[i] ?? '';
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== text) return undefined;
    if (name !== undefined) variables[name] = text;
  }
  try {
    return Object.fromEntries(Object.entries(variables).map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch {
    return undefined; // a % that begins nothing
  }
}

/** Numbers and truth values as such: a query knows only words. */
function queryOf(url: URL): Record<string, unknown> {
  const typed = (text: string) => (/^(true|false|-?\d+(\.\d+)?)$/.test(text) ? (JSON.parse(text) as unknown) : text);
  return Object.fromEntries([...url.searchParams].map(([name, text]) => [name, typed(text)]));
}

/** The tool's own answer as JSON; with `Accept: text/event-stream` what it does on the way, too. Who hangs up cancels. */
export async function answerCall(
  { engine, signal }: Offer,
  asker: Asker,
  { tool, raw: said, shown = (output) => wireAnswer(tool, output) }: HttpCall,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  const streamed = /\btext\/event-stream\b/.test(req.headers.accept ?? '');
  if (streamed) res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const event = (name: string, data: unknown) => res.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  const progress = streamed ? { progress: (now: unknown) => void event('progress', now) } : {};
  try {
    const until = AbortSignal.any([gone.signal, signal]);
    const { raw, detailed = true } = readDetailed(tool, said); // who calls so is a program
    const outcome = await askTool(tool, raw, { ...asker, ...progress, engine, signal: until });
    const { kind, ...waiting } = outcome;
    const data =
      outcome.kind === 'done'
        ? shown(detailed ? outcome.output : concise(tool, outcome.output))
        : { status: kind, ...waiting };
    if (streamed) event('result', data);
    else json(res, outcome.kind === 'done' ? 200 : 202, data);
  } catch (thrown) {
    const error = settle(thrown, engine.log);
    if (streamed) event('error', report(error));
    else json(res, statusOf(error), { error: report(error) });
  }
  if (streamed) res.end();
}

function json(res: ServerResponse, status: number, data: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(data));
}

/** By what the exit code of the command line means. */
function statusOf(error: ScreenalyticsError): number {
  if (error.code.endsWith('_NOT_FOUND')) return 404;
  const by_exit: Readonly<Record<number, number>> = { 2: 400, 3: 422, 4: 403, 5: 503, 6: 409, 130: 499 };
  return by_exit[ERRORS[error.code].exit] ?? 500;
}
