import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Engine, openEngine } from '#engine/engine.ts';
import type { HttpServed } from '#mcps/kit/serve-http.ts';
import { conformanceOffer } from '../support/conformance-fixtures.ts';
import { makeHome } from '../support/home.ts';
import { testConfig } from '../support/run.ts';
import { serveOffer } from '../support/serve-offer.ts';

const TEST_MS_MAX = 240_000;
const require = createRequire(import.meta.url);
const suite = join(dirname(require.resolve('@modelcontextprotocol/conformance/package.json')), 'dist/index.js');
const { home, remove } = makeHome();
const results = mkdtempSync(join(tmpdir(), 'sa-conformance-'));
const stop = new AbortController();
let engine: Engine;
let http: HttpServed;

beforeAll(async () => {
  engine = openEngine(testConfig(home));
  http = await serveOffer(conformanceOffer(engine, stop.signal), { requests_per_minute: 100_000 });
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await http.close();
  await engine.close();
  await remove();
  rmSync(results, { recursive: true, force: true });
}, TEST_MS_MAX);

/** Runs the official suite on our server as a process of its own. */
async function judged(revision: string): Promise<string> {
  const args = [suite, 'server', '--url', `${http.url}/mcp`, '--requirements', revision, '-o', results];
  const env = { PATH: process.env.PATH, NO_COLOR: '1' };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 26 }).catch(
    (failed: { stdout: string; stderr: string }) => failed,
  );
  return stdout + stderr;
}

/** Lines such as `✓ tools-list: 3 passed, 0 failed`. */
function outcomes(said: string) {
  const found = [...said.matchAll(/^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed/gm)];
  return found.map(([, scenario = '', passed, failed]) => ({
    scenario,
    passed: Number(passed),
    failed: Number(failed),
  }));
}

test.each([
  ['2025-11-25', 84],
  ['2026-07-28', 150],
] as const)(
  'the official suite finds every server scenario of %s kept',
  async (revision, checks_min) => {
    const said = await judged(revision);
    // Tasks are an extension that nobody has to have.
    const required = outcomes(said).filter(({ scenario }) => !scenario.startsWith('tasks-'));
    expect(
      required.filter(({ passed, failed }) => failed > 0 || passed === 0),
      said,
    ).toEqual([]);
    expect(required.reduce((sum, { passed }) => sum + passed, 0)).toBeGreaterThanOrEqual(checks_min);
  },
  TEST_MS_MAX,
);
