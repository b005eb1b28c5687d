import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig, overrideConfig } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { openEngine } from '#engine/engine.ts';
import { type Caller, runTool } from '#mcps/kit/run-tool.ts';
import { defineTool } from '#mcps/kit/tool.ts';

const home = mkdtempSync(join(tmpdir(), 'screenalytics-door-'));
const opened = openEngine(loadConfig({ SCREENALYTICS_HOME: home }));
afterAll(async () => {
  await opened.close();
  rmSync(home, { recursive: true, force: true });
});

/** A caller whose log lines are kept. */
function caller(extra: Partial<Caller> = {}): { caller: Caller; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info', base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const engine = { ...opened, log };
  return { caller: { surface: 'cli', engine, signal: new AbortController().signal, ...extra }, lines };
}

const divide = defineTool({
  name: 'divide_numbers',
  title: 'Divide',
  description: 'Divides.',
  effect: 'read',
  errors: [],
  example: { a: 1 },
  input: z.object({ a: z.number(), b: z.number().default(2) }),
  output: z.object({ quotient: z.number() }),
  run: async ({ a, b }, { progress }) => {
    progress({ phase: 'fetch', item: 'quotient', bytes_done: 1, bytes_total: 1 });
    if (b === 0) throw new TypeError('postgres://user:password@host says no');
    if (b === 3) throw new ScreenalyticsError('DISK_FULL', { free: 0 });
    if (b === 4) return { quotient: Number.NaN };
    if (b === 5) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    if (b === 6) return { quotient: overrideConfig(opened, { sampling: { colour: 1 } }).config.sampling.fps ?? 0 };
    return { quotient: a / b };
  },
});

test('input is completed by its defaults, output comes back, progress reaches the caller, one line is logged', async () => {
  const seen: unknown[] = [];
  const { caller: who, lines } = caller({ progress: (now) => seen.push(now) });
  expect(await runTool(divide, { a: 3 }, who)).toEqual({ quotient: 1.5 });
  expect(seen).toHaveLength(1);
  expect(lines).toEqual([
    expect.objectContaining({ tool: 'divide_numbers', surface: 'cli', outcome: 'done', took_ms: expect.any(Number) }),
  ]);
});

test('every wrong field is named, and unknown ones are not dropped', async () => {
  const { caller: who, lines } = caller();
  await expect(runTool(divide, { b: 'x', c: 1 }, who)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    details: {
      tool: 'divide_numbers',
      fields: expect.arrayContaining([
        { field: 'a', problem: expect.any(String) },
        { field: 'b', problem: expect.stringContaining('number') },
        { field: 'c', problem: 'is not a known field' },
      ]),
    },
  });
  expect(lines).toMatchObject([{ outcome: 'INPUT_INVALID' }]);
  await expect(runTool(divide, undefined, who)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test.each([
  [3, 'DISK_FULL', { free: 0 }],
  [5, 'DISK_FULL', {}],
  [6, 'CONFIG_INVALID', { problems: expect.stringContaining('colour') }],
])('an expected failure keeps its code (b = %i)', async (b, code, details) => {
  const { caller: who, lines } = caller();
  await expect(runTool(divide, { a: 1, b }, who)).rejects.toMatchObject({ name: 'ScreenalyticsError', code, details });
  expect(lines).toMatchObject([{ outcome: code }]);
});

test.each([0, 4])('a bug gets an id, and only the log has its words (b = %i)', async (b) => {
  const { caller: who, lines } = caller();
  const error = await runTool(divide, { a: 1, b }, who).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'INTERNAL', details: { id: expect.stringMatching(/^[0-9a-f]{8}$/) } });
  const { id } = (error as ScreenalyticsError).details;
  expect(lines[0]).toMatchObject({ level: 50, id, err: { stack: expect.any(String) } });
  expect(lines[1]).toMatchObject({ outcome: 'INTERNAL' });
  expect(JSON.stringify((error as ScreenalyticsError).details)).not.toContain('password');
});

test('what was stopped before it began does not begin', async () => {
  const { caller: who } = caller({ signal: AbortSignal.abort() });
  await expect(runTool(divide, { a: 1 }, who)).rejects.toMatchObject({ code: 'CANCELED' });
});
