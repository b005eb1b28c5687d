import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Device } from '#config/schema.ts';
import { onnxGraph } from '#engine/models/convert/onnx-writer.ts';
import { chooseProviders, ranOn } from '#engine/models/providers.ts';
import { openSession } from '#engine/models/session.ts';

const LINUX = ['cpu', 'webgpu', 'cuda', 'tensorrt'];
const MAC = ['cpu', 'coreml', 'webgpu'];
const WINDOWS = ['cpu', 'dml', 'webgpu'];

test.each<[Device, NodeJS.Platform, boolean, string[], string[]]>([
  ['auto', 'linux', false, LINUX, ['cuda', 'cpu']],
  ['auto', 'linux', true, LINUX, ['cuda', 'webgpu', 'cpu']],
  ['auto', 'linux', true, ['cpu'], ['cpu']],
  ['auto', 'darwin', false, MAC, ['coreml', 'webgpu', 'cpu']],
  ['auto', 'win32', false, WINDOWS, ['directml', 'webgpu', 'cpu']],
  ['cpu', 'linux', true, LINUX, ['cpu']],
  ['cuda', 'linux', false, LINUX, ['cuda']],
  ['webgpu', 'linux', false, LINUX, ['webgpu']],
  ['directml', 'win32', false, WINDOWS, ['directml']],
  ['coreml', 'linux', true, LINUX, []],
  ['cuda', 'darwin', false, MAC, []],
])('%s on %s (graphics card: %s) with %j', (device, platform, card, available, expected) => {
  expect(chooseProviders(device, platform, card, available)).toEqual(expected);
});

test('a profile tells where the work was done', () => {
  const node = (op_name: string, provider: string) => ({ cat: 'Node', args: { op_name, provider } });
  const session = { cat: 'Session', args: {} };
  const conv = node('FusedConv', 'CUDAExecutionProvider');
  const shape = node('Shape', 'CPUExecutionProvider');
  expect(ranOn('cuda', [session, conv, shape])).toBe(true);
  expect(ranOn('cuda', [session, conv, node('Conv', 'CPUExecutionProvider')])).toBe(false);
  expect(ranOn('cuda', [session, shape])).toBe(false);
  expect(ranOn('cuda', [])).toBe(false);
  expect(ranOn('cpu', [session, node('Conv', 'CPUExecutionProvider')])).toBe(true);
});

const folder = mkdtempSync(join(tmpdir(), 'session-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function smallModel(): string {
  const graph = onnxGraph('small');
  graph.input('x', ['N', 2]);
  graph.output('y', graph.node('Relu', ['x']), ['N', 2]);
  const path = join(folder, 'small.onnx');
  writeFileSync(path, graph.encode());
  return path;
}

test('auto and cpu run, and say where', async () => {
  const session = await openSession(smallModel(), 'cpu');
  expect(session.provider).toBe('cpu');
  expect([session.inputNames, session.outputNames]).toEqual([['x'], ['y']]);
  const { y } = await session.run({ x: { data: Float32Array.of(-1, 2), dims: [1, 2] } });
  expect(y?.data).toEqual(Float32Array.of(0, 2));
  await session.close();
  const auto = await openSession(smallModel(), 'auto');
  expect(['cuda', 'coreml', 'directml', 'webgpu', 'cpu']).toContain(auto.provider);
  await auto.close();
});

test('DET-11: a device that was asked for and is not there is an error, never the processor', async () => {
  const foreign: Device = process.platform === 'darwin' ? 'directml' : 'coreml';
  await expect(openSession(smallModel(), foreign)).rejects.toMatchObject({
    code: 'DEVICE_UNAVAILABLE',
    details: { device: foreign },
  });
  // What this machine has of it decides; but never the processor under another name.
  const cuda = await openSession(smallModel(), 'cuda').catch((error: unknown) => error);
  expect(cuda).toMatchObject(cuda instanceof Error ? { code: 'DEVICE_UNAVAILABLE' } : { provider: 'cuda' });
});

test('a file that is no model', async () => {
  const path = join(folder, 'text.onnx');
  writeFileSync(path, 'hello');
  await expect(openSession(path, 'cpu')).rejects.toMatchObject({
    code: 'MODEL_CORRUPT',
    details: { file: 'text.onnx' },
  });
});
