import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { temporaryHome } from '../support/home.ts';

const TEST_MS_MAX = 240_000;

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(projectRoot, 'bin/screenalytics.mjs'), 'mcp', ...args], {
    env: { ...process.env, SCREENALYTICS_HOME: temporaryHome(), NODE_OPTIONS: '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text.stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    text.stderr += part;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, text, ended };
}

test(
  'standard output holds frames and nothing else; the process leaves with its client',
  async () => {
    const { child, text, ended } = start(['screenalytics']);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    const clientInfo = { name: 'raw', version: '1' };
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
    send({ id: 1, method: 'initialize', params });
    expect(JSON.parse(String((await lines.next()).value))).toMatchObject({
      id: 1,
      result: { protocolVersion: '2025-06-18' },
    });
    send({ method: 'notifications/initialized' });
    send({ id: 2, method: 'tools/call', params: { name: 'search_catalog', arguments: {} } });
    expect(JSON.parse(String((await lines.next()).value))).toMatchObject({
      id: 2,
      result: { structuredContent: { episodes: [] } },
    });
    child.stdin.end();
    expect(await ended).toBe(0);
    const frames = text.stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(frames).toHaveLength(2);
  },
  TEST_MS_MAX,
);

test(
  'over HTTP it says where, wants the token of the environment, and ends when it is told to',
  async () => {
    const token = { SCREENALYTICS_HTTP_TOKEN: 'of-this-test' };
    const { child, text, ended } = start(['screenalytics', '--http', '--port', '0'], token);
    await expect.poll(() => text.stderr).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+\/mcp/);
    expect(text.stderr).toMatch(
      /^screenalytics \d+\.\d+\.\d+, storage local at .+, embedded database, .+, profile operator$/m,
    );
    const url = /(http:\/\/\S+)\/mcp/.exec(text.stderr)?.[1];
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true });
    const ask = (headers: Record<string, string>) =>
      fetch(`${url}/tools/search_catalog`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{}',
      });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: 'Bearer of-this-test' })).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(text.stdout).toBe('');
  },
  TEST_MS_MAX,
);

test(
  'what it cannot serve is an error of the catalogue',
  async () => {
    const open = start(['screenalytics', '--http', '--host', '0.0.0.0', '--port', '0'], {
      SCREENALYTICS_HTTP_TOKEN: '',
    });
    expect(await open.ended).toBe(2);
    expect(open.text.stderr).toContain('SCREENALYTICS_HTTP_TOKEN');
    const unknown = start(['nothing']);
    expect(await unknown.ended).toBe(2);
    expect(unknown.text).toMatchObject({ stdout: '', stderr: expect.stringContaining('INPUT_INVALID') });
  },
  TEST_MS_MAX,
);
