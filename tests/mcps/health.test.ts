import { createServer, type Server } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { ERRORS } from '#engine/core/errors.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { banner } from '#mcps/kit/banner.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { serveOnHttp } from '#mcps/kit/serve-http.ts';
import { face } from '#mcps/screenalytics/server.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { temporaryHome } from '../support/home.ts';
import { openNew } from '../support/mcp-clients.ts';
import { program } from '../support/program.ts';
import { testConfig } from '../support/run.ts';

const home = temporaryHome();
const stop = new AbortController();
const ends: (() => unknown)[] = [() => stop.abort()];
afterAll(async () => {
  for (const end of ends) await end();
});
const NOWHERE = 'someone:secret-of-theirs@127.0.0.1:1';

function open(over: { database_url?: string; redis_url?: string } = {}): Engine {
  const { config, origin } = testConfig(home);
  const engine = openEngine({ config: { ...config, ...over }, origin });
  ends.unshift(() => engine.close());
  return engine;
}

async function serve(engine: Engine): Promise<string> {
  // A token is wanted of everybody else: who only watches the process has none.
  const settings = { ...engine.config.services.http, port: 0, token: 'of-this-test' };
  const http = await serveOnHttp(offer(face, engine, stop.signal), () => ({ surface: 'mcp' }), settings);
  ends.unshift(() => http.close());
  return http.url;
}

test('HLT-01: it lives while the process answers, and is ready while its database does', async () => {
  const engine = open();
  const here = await serve(engine);
  await engine.db(); // whoever asks whether it is ready does not wait until it has started
  for (const path of ['/healthz', '/healthz/ready']) {
    const answer = await fetch(`${here}${path}`);
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true }]);
  }
  const without = await serve(open({ database_url: `postgres://${NOWHERE}/x` }));
  expect((await fetch(`${without}/healthz`)).status).toBe(200);
  const unready = await fetch(`${without}/healthz/ready`);
  expect(unready.status).toBe(503);
  const { message, hint } = ERRORS.DATABASE_UNAVAILABLE;
  expect(await unready.json()).toEqual({ ok: false, error: { code: 'DATABASE_UNAVAILABLE', message, hint } });
});

test('HLT-02: the queue is looked at, where it is', async () => {
  const queueOf = async (engine: Engine) => {
    const { checks } = await runTool(checkHealth, {}, { surface: 'cli', engine, signal: stop.signal });
    expect(JSON.stringify(checks)).not.toContain('secret');
    return checks.find(({ name }) => name === 'queue');
  };
  expect(await queueOf(open())).toMatchObject({
    state: 'ok',
    found: expect.stringMatching(/^in the database: 0 jobs wait/),
  });
  const nobody = await queueOf(open({ redis_url: `redis://${NOWHERE}` }));
  expect(nobody).toEqual({
    name: 'queue',
    state: 'missing',
    found: ERRORS.QUEUE_UNAVAILABLE.message,
    mend: ERRORS.QUEUE_UNAVAILABLE.hint,
  });
  const listener: Server = createServer((socket) => socket.end());
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  ends.unshift(() => void listener.close());
  const address = listener.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const somebody = await queueOf(open({ redis_url: `redis://someone:secret-of-theirs@127.0.0.1:${port}` }));
  expect(somebody).toMatchObject({ state: 'ok', found: expect.stringContaining(`in Redis on 127.0.0.1:${port}`) });
});

test('HLT-03: a line says what a process works with, without a secret', () => {
  const { config } = testConfig(home);
  expect(banner(config)).toMatch(
    new RegExp(
      `^\\d+\\.\\d+\\.\\d+, storage local at ${home}, embedded database, jobs in the database, profile operator$`,
    ),
  );
  const elsewhere = { ...config, database_url: `postgres://${NOWHERE}/x`, redis_url: `redis://${NOWHERE}/0` };
  expect(banner(elsewhere)).toMatch(/database on 127\.0\.0\.1:1, jobs in Redis on 127\.0\.0\.1:1,/);
  expect(banner(elsewhere)).not.toContain('secret');
});

test('HLT-04: each error of the catalogue is explained, by hand and to an agent', async () => {
  const { code, stdout } = await program(['explain', 'media_not_found'], { home });
  expect(code).toBe(0);
  expect(stdout).toContain(ERRORS.MEDIA_NOT_FOUND.hint);
  const client = await openNew({ url: `${await serve(open())}/mcp`, token: 'of-this-test' });
  for (const [each, { message, hint, actor }] of Object.entries(ERRORS)) {
    const { text } = await client.read(`sa://error/${each}`);
    expect(JSON.parse(text ?? '')).toMatchObject({ code: each, message, hint, actor });
  }
  const ref = { type: 'ref/resource', uri: 'sa://error/{code}' } as const;
  expect(await client.complete(ref, 'code', 'sql_')).toEqual(['SQL_REFUSED', 'SQL_FAILED', 'SQL_LIMIT']);
  await expect(client.read('sa://error/NO_SUCH_CODE')).rejects.toThrow();
  await client.close();
});
