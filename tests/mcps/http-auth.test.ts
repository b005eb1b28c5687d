import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Services } from '#config/schema.ts';
import { toKnown } from '#engine/core/errors.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { askTool } from '#mcps/kit/run-tool.ts';
import { heldTo } from '#mcps/kit/scopes.ts';
import { type HttpServed, type HttpSettings, serveOnHttp } from '#mcps/kit/serve-http.ts';
import { makeHome } from '../support/home.ts';
import { openNew, openOld } from '../support/mcp-clients.ts';
import { testedFace } from '../support/mcp-server.ts';
import { testConfig } from '../support/run.ts';

const TEST_MS_MAX = 240_000;
const ISSUER = 'https://login.example.org/tenant';
const RESOURCE = 'https://media.example.org/mcp';
const READ = 'screenalytics:read';
const WRITE = `${READ} screenalytics:write`;
const ALL = `${WRITE} screenalytics:destroy`;
const { home, remove } = makeHome();
const stop = new AbortController();
const heard: string[] = [];
const served: HttpServed[] = [];
const keysFile = join(home, 'keys.json');
let pair: { publicKey: CryptoKey; privateKey: CryptoKey };
let engine: Engine;
let provider: Server;
let byFile: string;
let byAddress: string;

async function serve(over: Partial<HttpSettings['jwt']>, more: Partial<HttpSettings> = {}): Promise<string> {
  const { http } = engine.config.services;
  const jwt = { ...http.jwt, issuer: ISSUER, resource: RESOURCE, keys: keysFile, ...over };
  const asker = () => ({ surface: 'mcp' as const, run_limits: new Map<string, number>() });
  const settings = { ...http, port: 0, token: undefined, jwt, ...more };
  const opened = await serveOnHttp(offer(testedFace, engine, stop.signal), asker, settings);
  served.push(opened);
  return opened.url;
}

/** The keys that the provider shows, by id. */
async function showKeys(keys: Record<string, CryptoKey>): Promise<void> {
  const shown = Object.entries(keys).map(async ([kid, key]) => ({ ...(await exportJWK(key)), kid, use: 'sig' }));
  writeFileSync(keysFile, JSON.stringify({ keys: await Promise.all(shown) }));
}

beforeAll(async () => {
  pair = await generateKeyPair('ES256');
  await showKeys({ first: pair.publicKey });
  const log = pino({ level: 'debug' }, { write: (line: string) => void heard.push(line) });
  engine = { ...openEngine(testConfig(home)), log };
  provider = createServer(async (req, res) => {
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'first' };
    if (req.url !== '/keys') return void res.writeHead(302, { location: '/keys' }).end();
    res.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  byFile = await serve({});
  byAddress = await serve({ keys: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys` });
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await Promise.all(served.map((each) => each.close()));
  provider.close();
  await engine.close();
  await remove();
}, TEST_MS_MAX);

interface Said extends JWTPayload {
  readonly kid?: string;
  readonly key?: CryptoKey;
}

const now = () => Math.floor(Date.now() / 1000);

/** A token as the provider would make it, but for what is said otherwise; undefined leaves a claim out. */
function token({ kid = 'first', key = pair.privateKey, ...claims }: Said = {}): Promise<string> {
  const said = { iss: ISSUER, aud: RESOURCE, sub: 'ada', scope: READ, exp: now() + 300, iat: now(), ...claims };
  return new SignJWT(said).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
}

async function ask(url: string, bearer: string | undefined, tool = 'search_catalog', input: object = {}) {
  const headers = { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) };
  const answered = await fetch(`${url}/tools/${tool}`, { method: 'POST', headers, body: JSON.stringify(input) });
  const challenge = answered.headers.get('www-authenticate') ?? '';
  return { status: answered.status, challenge, text: await answered.text() };
}

test('a good token opens, over HTTP and for both generations of clients', async () => {
  for (const url of [byFile, byAddress]) {
    expect((await ask(url, await token())).status).toBe(200);
    expect((await ask(url, await token({ aud: ['https://other.example', RESOURCE] }))).status).toBe(200);
    for (const open of [openNew, openOld]) {
      const client = await open({ url: `${url}/mcp`, token: await token() });
      expect((await client.call('search_catalog', {})).structuredContent).toMatchObject({ episodes: [] });
      await client.close();
    }
  }
});

test('what is wrong with a token keeps it out, and says nothing of why', async () => {
  const other = await generateKeyPair('ES256');
  const spki = await exportSPKI(pair.publicKey);
  const good = await token();
  const [, body = '', signature = ''] = good.split('.');
  const head = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url');
  const hmac = (text: string, secret: string) => createHmac('sha256', secret).update(text).digest('base64url');
  const hs256 = `${head({ alg: 'HS256', kid: 'first' })}.${body}`;
  const jwk = await exportJWK(other.publicKey);
  const embedded = new SignJWT({ iss: ISSUER, aud: RESOURCE, sub: 'ada', scope: READ, exp: now() + 300 })
    .setProtectedHeader({ alg: 'ES256', jwk, kid: 'first' })
    .sign(other.privateKey);
  const bad: Record<string, string> = {
    none: 'not-a-token',
    over: await token({ exp: now() - 120 }),
    'not yet': await token({ nbf: now() + 600 }),
    'for another server': await token({ aud: 'https://other.example/mcp' }),
    'for a longer address': await token({ aud: `${RESOURCE}/more` }),
    'of another provider': await token({ iss: 'https://login.example.org/other' }),
    'without an end': await token({ exp: undefined } as unknown as Said),
    'of nobody': await token({ sub: undefined } as unknown as Said),
    'of nobody, in words': await token({ sub: '' }),
    'for nobody': await token({ aud: undefined } as unknown as Said),
    'of another key': await token({ key: other.privateKey }),
    'of a key that is not shown': await token({ kid: 'second', key: other.privateKey }),
    'with its own key': await embedded,
    unsigned: `${head({ alg: 'none' })}.${body}.`,
    'unsigned, with a signature': `${head({ alg: 'none' })}.${body}.${signature}`,
    'signed with the public key': `${hs256}.${hmac(hs256, spki)}`,
    'signed with nothing': `${hs256}.${hmac(hs256, '')}`,
    'changed after it was signed': good.replace(
      body,
      head({ iss: ISSUER, aud: RESOURCE, sub: 'root', scope: ALL, exp: now() + 300 }),
    ),
    'with an unknown demand': await new SignJWT({ sub: 'ada' })
      .setProtectedHeader({ alg: 'ES256', crit: ['b64'], b64: true, kid: 'first' })
      .sign(pair.privateKey),
  };
  for (const [why, text] of Object.entries(bad)) {
    const refused = await ask(byFile, text);
    expect(refused.status, why).toBe(401);
    expect(refused.challenge, why).toMatch(
      /^Bearer error="invalid_token".*resource_metadata="https:\/\/media\.example\.org\//,
    );
    expect(refused.text, why).not.toContain(text);
  }
  for (const [why, text] of Object.entries(bad).slice(0, 4)) {
    await expect(openNew({ url: `${byFile}/mcp`, token: text }), why).rejects.toThrow();
    await expect(openOld({ url: `${byFile}/mcp`, token: text }), why).rejects.toThrow();
  }
  const missing = await ask(byFile, undefined);
  expect(missing).toMatchObject({ status: 401, challenge: expect.stringContaining('resource_metadata=') });
});

test('keys: one that is taken back is gone at once; a redirect leads nowhere; no keys is no opening', async () => {
  const next = await generateKeyPair('ES256');
  const old = await token();
  await showKeys({ second: next.publicKey });
  expect((await ask(byFile, old)).status).toBe(401);
  expect((await ask(byFile, await token({ kid: 'second', key: next.privateKey }))).status).toBe(200);
  writeFileSync(keysFile, '{');
  expect((await ask(byFile, old)).status).toBe(500);
  await showKeys({ first: pair.publicKey });
  expect((await ask(byFile, old)).status).toBe(200);
  const moved = await serve({ keys: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/moved` });
  expect((await ask(moved, old)).status).toBe(500);
});

test('scopes: read is needed, write is asked for, and nobody gets more than the profile of the server', async () => {
  expect(await ask(byFile, await token({ scope: 'openid' }))).toMatchObject({
    ...{ status: 403, challenge: expect.stringMatching(/error="insufficient_scope".*scope="screenalytics:read"/) },
  });
  expect((await ask(byFile, await token({ scope: undefined, scp: ['screenalytics:read'] }))).status).toBe(200);
  const show = { kind: 'show', show: 'abc', title: 'A show' };
  expect(await ask(byFile, await token(), 'save_catalog', show)).toMatchObject({
    ...{ status: 403, challenge: expect.stringMatching(/insufficient_scope.*screenalytics:write/) },
  });
  expect((await ask(byFile, await token({ scope: WRITE }), 'save_catalog', show)).status).toBe(200);
  // A preview is a read, whatever its tool could do.
  const gone = { what: 'episode', episode: 'nowhere' };
  expect((await ask(byFile, await token(), 'delete_data', gone)).text).toContain('EPISODE_NOT_FOUND');
  const deleting = await ask(byFile, await token({ scope: WRITE }), 'delete_data', { ...gone, dry_run: false });
  expect(deleting).toMatchObject({ status: 403, challenge: expect.stringContaining('screenalytics:destroy') });
  const reader = await openNew({ url: `${byFile}/mcp`, token: await token() });
  await expect(reader.call('save_catalog', show)).rejects.toThrow();
  await reader.close();
  const painted = await ask(byFile, await token({ scope: ALL, sub: 'operator' }), 'paint_house', { colour: 'red' });
  expect(painted.status).toBe(202);
});

test("a session is its subject's alone, and each call has the scopes of its own token", async () => {
  const initialize = {
    ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
  };
  const send = async (bearer: string, body: object, session?: string) =>
    fetch(`${byFile}/mcp`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        ...{ authorization: `Bearer ${bearer}`, ...(session && { 'mcp-session-id': session }) },
      },
    });
  const session = (await send(await token({ scope: ALL }), initialize)).headers.get('mcp-session-id') ?? '';
  const call = (name: string, args: object) => ({
    ...{ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name, arguments: args } },
  });
  const show = { kind: 'show', show: 'def', title: 'A show' };
  expect((await send(await token({ sub: 'eve', scope: ALL }), call('search_catalog', {}), session)).status).toBe(404);
  expect((await send(await token(), call('save_catalog', show), session)).status).toBe(403);
  const written = await send(await token({ scope: WRITE }), call('save_catalog', show), session);
  expect(await written.text()).toContain('"status":"done"');

  const listen = { accept: 'text/event-stream', 'mcp-session-id': session };
  const brief = { ...listen, authorization: `Bearer ${await token({ exp: now() + 6 })}` };
  const stream = await fetch(`${byFile}/mcp`, { headers: brief });
  expect(stream.status).toBe(200);
  await expect(stream.text(), 'who listens is cut off when the token is over').rejects.toThrow();
});

test('the door holds a caller to the scopes, whatever let the call come so far', async () => {
  const ask = async (scopes: string, name: string, input: object) => {
    const auth = { token: '', clientId: '', scopes: scopes.split(' '), extra: { subject: 'ada' } };
    const held = heldTo({ surface: 'mcp', profile: 'admin' }, auth, engine.config);
    const tool = testedFace.tools.find((each) => each.name === name);
    if (tool === undefined) throw new Error(name);
    return askTool(tool, input, { ...held, engine, signal: stop.signal }).then(
      ({ kind }) => kind,
      (error: unknown) => toKnown(error).code,
    );
  };
  const show = { kind: 'show', show: 'ghi', title: 'A show' };
  const gone = { what: 'episode', episode: 'nowhere', dry_run: false };
  expect(await ask(READ, 'search_catalog', {})).toBe('done');
  expect(await ask(READ, 'save_catalog', show)).toBe('POLICY_DENIED');
  expect(await ask(READ, 'delete_data', gone)).toBe('POLICY_DENIED');
  expect(await ask(WRITE, 'save_catalog', show)).toBe('done');
  expect(await ask(WRITE, 'delete_data', gone)).toBe('POLICY_DENIED');
  expect(await ask(ALL, 'delete_data', gone)).toBe('EPISODE_NOT_FOUND');
});

test('a question that one subject was asked is answered by nobody else', async () => {
  const paint = async (sub: string, extra: object = {}) => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    };
    const params = { name: 'paint_house', arguments: { colour: 'blue' }, _meta, ...extra };
    const headers = {
      ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'paint_house' },
      authorization: `Bearer ${await token({ scope: WRITE, sub })}`,
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    return (await (await fetch(`${byFile}/mcp`, { method: 'POST', headers, body })).json()) as {
      result?: { requestState?: string; structuredContent?: object };
      error?: object;
    };
  };
  const { result } = await paint('ada');
  const inputResponses = { confirm: { action: 'accept', content: { confirm: true } } };
  const answer = { inputResponses, requestState: result?.requestState };
  expect((await paint('operator', answer)).error).toBeDefined();
  expect((await paint('ada', answer)).result?.structuredContent).toMatchObject({ status: 'done' });
});

test("a token's subject is the actor, and no one else", async () => {
  const db = await engine.db();
  await expect
    .poll(async () => {
      const rows = await db.read((q) => q.query<{ actor: string }>('select distinct actor from sa.audit'));
      return rows.map(({ actor }) => actor).sort();
    })
    .toEqual(['token:ada', 'token:operator']);
  const rows = await db.read((q) => q.query("select actor from sa.proposal where tool = 'paint_house'"));
  expect(rows).toEqual([{ actor: 'token:operator' }]);
});

test('what a client has to know to get a token stands at its two addresses', async () => {
  const about = {
    resource: RESOURCE,
    authorization_servers: [ISSUER],
    scopes_supported: ['screenalytics:read', 'screenalytics:write', 'screenalytics:destroy'],
    bearer_methods_supported: ['header'],
  };
  for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])
    expect(await (await fetch(byFile + path)).json(), path).toMatchObject(about);
  expect((await fetch(`${byFile}/.well-known/oauth-protected-resource/other`)).status).toBe(401);
});

test('each subject has an allowance of its own', async () => {
  const strict = await serve({}, { requests_per_minute: 6 });
  const statuses: number[] = [];
  for (const sub of ['a', 'a', 'b', 'b', 'b', 'b', 'b'])
    statuses.push((await ask(strict, await token({ sub }))).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429]);
});

test('how it is set up: not half, not twice, not with secrets or over an open wire', async () => {
  const { services } = engine.config;
  const ok = (jwt: object) =>
    Services.safeParse({ ...services, http: { ...services.http, jwt: { ...services.http.jwt, ...jwt } } }).success;
  const whole = { issuer: ISSUER, resource: RESOURCE, keys: keysFile };
  expect(ok({})).toBe(true);
  expect(ok(whole)).toBe(true);
  expect(ok({ ...whole, keys: 'http://localhost:8080/keys' })).toBe(true);
  for (const wrong of [
    { issuer: ISSUER },
    { ...whole, keys: null },
    { ...whole, keys: 'http://login.example.org/keys' },
    { ...whole, keys: 'http://localhost.evil.example/keys' },
    { ...whole, keys: 'keys.json' },
    { ...whole, issuer: 'http://login.example.org' },
    { ...whole, algorithms: ['HS256'] },
    { ...whole, algorithms: ['none'] },
    { ...whole, algorithms: [] },
  ])
    expect(ok(wrong), JSON.stringify(wrong)).toBe(false);
  await expect(serve({}, { token: 'a-secret' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('no log line holds a token or what it says', () => {
  expect(heard.length).toBeGreaterThan(10);
  const text = heard.join('');
  expect(text).toContain('a token was refused');
  expect(text).not.toMatch(/eyJ[\w-]{10,}/);
  expect(text).not.toMatch(/Bearer /);
});
