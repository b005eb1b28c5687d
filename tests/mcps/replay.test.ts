import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '#engine/engine.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import type { HttpServed } from '#mcps/kit/serve-http.ts';
import { makeHome } from '../support/home.ts';
import { madeEngine } from '../support/made-episode.ts';
import { testedFace } from '../support/mcp-server.ts';
import { serveOffer } from '../support/serve-offer.ts';

const TEST_MS_MAX = 240_000;
const { home, remove } = makeHome();
const stop = new AbortController();
let engine: Engine;
let http: HttpServed;

beforeAll(async () => {
  engine = madeEngine(home);
  http = await serveOffer(offer(testedFace, engine, stop.signal));
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await http.close();
  await engine.close();
  await remove();
}, TEST_MS_MAX);

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
};

/** A call of protocol 2026-07-28 by hand, with whatever answer a dishonest client may send along. */
async function paint(colour: string, extra: Record<string, unknown> = {}) {
  const params = { name: 'paint_house', arguments: { colour }, _meta: META, ...extra };
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'paint_house',
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const answered = await fetch(`${http.url}/mcp`, { method: 'POST', headers, body });
  const { result = {}, error } = (await answered.json()) as { result?: Record<string, unknown>; error?: unknown };
  return { error, state: result.requestState as string | undefined, data: result.structuredContent };
}

const yes = { confirm: { action: 'accept', content: { confirm: true } } };

test(
  'an answer holds once, for the call that was asked about, and only if this process asked',
  async () => {
    const unasked = await paint('red', { inputResponses: yes });
    expect(unasked.data).toBeUndefined();
    expect(unasked.state).toEqual(expect.any(String));

    const { state } = await paint('red');
    const other = await paint('green', { inputResponses: yes, requestState: state });
    expect(other.data).toBeUndefined();
    const done = await paint('red', { inputResponses: yes, requestState: state });
    expect(done.data).toMatchObject({ status: 'done', result: { colour: 'red' } });
    const again = await paint('red', { inputResponses: yes, requestState: state });
    expect(again.data).toBeUndefined();
    expect(again.state).toEqual(expect.any(String));

    const forged = await paint('red', { inputResponses: yes, requestState: `${state}x` });
    expect(forged.error).toBeDefined();
  },
  TEST_MS_MAX,
);
