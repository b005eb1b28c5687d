import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig, projectRoot } from '#config/load.ts';
import { onnxGraph } from '#engine/models/convert/onnx-writer.ts';
import { convertPackageModel } from '#engine/models/convert/package-models.ts';
import { tfjsToOnnx } from '#engine/models/convert/tfjs-to-onnx.ts';
import { type ModelSession, openSession } from '#engine/models/session.ts';

const folder = mkdtempSync(join(tmpdir(), 'convert-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { models } = loadConfig({}).config.models;

function load(model: Buffer): Promise<ModelSession> {
  const path = join(folder, `${createHash('sha256').update(model).digest('hex')}.onnx`);
  writeFileSync(path, model);
  return openSession(path, 'cpu');
}

function converted(id: string): { model: Buffer; sha256: string } {
  const entry = models[id];
  if (entry === undefined || entry.family === 'joint' || entry.source.kind !== 'package')
    throw new Error(`${id} does not come from a package`);
  const { source } = entry;
  const files = source.files.map(({ path }) => readFileSync(join(projectRoot, 'node_modules', source.package, path)));
  return { model: convertPackageModel(source.convert, id, files), sha256: entry.sha256 };
}

/** A smooth picture in NCHW, RGB 0..255. */
function picture(width: number, height = width): Float32Array {
  return Float32Array.from({ length: 3 * width * height }, (_, i) => {
    const [channel, y, x] = [Math.floor(i / (width * height)), Math.floor(i / width) % height, i % width];
    return Math.round(127.5 + 100 * Math.sin(0.05 * (channel + 1) * x + 0.03 * (channel + 2) * y));
  });
}

test('a graph written by hand computes what it says', async () => {
  const graph = onnxGraph('hand');
  graph.input('x', ['N', 3]);
  const doubled = graph.node('Mul', ['x', graph.floats('two', Float32Array.of(2), [])]);
  graph.output('y', graph.node('Add', [doubled, graph.floats('steps', Float32Array.of(1, -2, 0.5), [3])]), ['N', 3]);
  graph.output('sum', graph.node('ReduceSum', [doubled, graph.integers('axes', [-1])], { keepdims: 0 }), ['N']);
  const session = await load(graph.encode());
  const { y, sum } = await session.run({ x: { data: Float32Array.of(1, 2, 3, -4, 5, 600), dims: [2, 3] } });
  expect(y).toEqual({ data: Float32Array.of(3, 2, 6.5, -7, 8, 1200.5), dims: [2, 3] });
  expect(sum).toEqual({ data: Float32Array.of(12, 1202), dims: [2] });
  await session.close();
});

test('a small TFJS model equals its definition: SAME padding, depthwise, ReLU6, mean', async () => {
  const [h, w] = [5, 4];
  const kernel = Float32Array.from({ length: 3 * 3 * 3 * 2 }, (_, i) => ((i * 7) % 11) / 8 - 0.625);
  const depth = Float32Array.from({ length: 2 * 2 * 2 }, (_, i) => ((i * 5) % 7) / 4 - 0.5);
  const add = Float32Array.of(0.25, -1);
  const input = Float32Array.from({ length: 3 * h * w }, (_, i) => (i * 37) % 256);
  const session = await load(tfjsToOnnx(...smallModel(h, w, kernel, depth, add)));
  const { result } = await session.run({ input: { data: input, dims: [1, 3, h, w] } });

  // By the definition, in NHWC, with BGR minus (1, 2, 3) over 4.
  const bgr = (y: number, x: number, c: number) => ((input[(2 - c) * h * w + y * w + x] ?? Number.NaN) - (c + 1)) / 4;
  // SAME: output = ceil(size / stride); the missing pixels are shared, the odd one after. 5 rows: 1 before, 1 after; 4 columns: 0 before, 1 after.
  const first = grid(3, 2, 2, (y, x, o) => {
    let sum = 0;
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++)
        for (let c = 0; c < 3; c++) {
          const [row, column] = [2 * y + i - 1, 2 * x + j];
          if (row >= 0 && row < h && column < w) sum += bgr(row, column, c) * at(kernel, ((i * 3 + j) * 3 + c) * 2 + o);
        }
    return sum;
  });
  // A 2x2 depthwise kernel with stride 1: nothing before, one after.
  const second = grid(3, 2, 2, (y, x, c) => {
    let sum = 0;
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 2; j++) sum += (first[y + i]?.[x + j]?.[c] ?? 0) * at(depth, (i * 2 + j) * 2 + c);
    return Math.min(6, Math.max(0, sum + at(add, c)));
  });
  const means = [0, 1].map((c) => second.flat().reduce((sum, pixel) => sum + (pixel[c] ?? 0), 0) / 6);
  expect(means.every((mean) => mean > 0.1 && mean < 5.9)).toBe(true);
  expect(result?.dims).toEqual([1, 2]);
  expect(result?.data[0]).toBeCloseTo(at(means, 0), 4);
  expect(result?.data[1]).toBeCloseTo(at(means, 1), 4);
  await session.close();
});

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? Number.NaN;
}

function grid(h: number, w: number, channels: number, value: (y: number, x: number, c: number) => number) {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  return range(h).map((y) => range(w).map((x) => range(channels).map((c) => value(y, x, c))));
}

/** The source form: JSON and one file of weights. */
function smallModel(h: number, w: number, kernel: Float32Array, depth: Float32Array, add: Float32Array) {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const layer = (name: string, op: string, input: string[], stride = 1) => ({
    name,
    op,
    input,
    attr: { strides: { list: { i: ['1', `${stride}`, `${stride}`, '1'] } }, padding: { s: base64('SAME') } },
  });
  const size = (n: number) => ({ size: String(n) });
  const node = [
    { name: 'in', op: 'Placeholder', attr: { shape: { shape: { dim: [-1, h, w, 3].map(size) } } } },
    layer('conv', 'Conv2D', ['in', 'kernel'], 2),
    layer('deep', 'DepthwiseConv2dNative', ['conv', 'depth']),
    layer('add', 'Add', ['deep', 'bias']),
    layer('relu', 'Relu', ['add']),
    layer('min', 'Minimum', ['relu', 'six']),
    layer('max', 'Maximum', ['min', 'zero']),
    layer('mean', 'Mean', ['max', 'axes']),
  ];
  const float = (name: string, shape: number[]) => ({ name, shape, dtype: 'float32' });
  const weights = [
    float('kernel', [3, 3, 3, 2]),
    float('depth', [2, 2, 2, 1]),
    float('bias', [2]),
    { ...float('six', []), quantization: { dtype: 'float16' } },
    float('zero', []),
    { name: 'axes', shape: [2], dtype: 'int32' },
  ];
  const raw = (data: Float32Array | Int32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // 0x4600 is 6 in half precision.
  const six = Buffer.from([0x00, 0x46]);
  const file = Buffer.concat([
    raw(kernel),
    raw(depth),
    raw(add),
    six,
    raw(Float32Array.of(0)),
    raw(Int32Array.of(1, 2)),
  ]);
  const json = JSON.stringify({ modelTopology: { node }, weightsManifest: [{ paths: ['w.bin'], weights }] });
  const wiring = { order: 'BGR', mean: [1, 2, 3], scale: 4 } as const;
  return [json, file, 'small', wiring, { mean: 'result' }] as const;
}

test('weights that do not fit their manifest, and operators that are not known, are refused', () => {
  const [json, file, name, wiring, outputs] = smallModel(
    5,
    4,
    new Float32Array(54),
    new Float32Array(8),
    new Float32Array(2),
  );
  expect(() => tfjsToOnnx(json, file.subarray(4), name, wiring, outputs)).toThrow('manifest');
  expect(() => tfjsToOnnx(json.replace('"Relu"', '"Elu"'), file, name, wiring, outputs)).toThrow('not a ReLU6');
  expect(() => tfjsToOnnx(json.replace('"Add"', '"Sub"'), file, name, wiring, outputs)).toThrow('Sub');
  expect(() => convertPackageModel('tflite', 'cut', [Buffer.alloc(64)])).toThrow();
});

test.each(['mediapipe_face_full', 'faceres'])('%s converts to the bytes of the catalogue, twice', (id) => {
  const first = converted(id);
  const second = converted(id);
  expect(createHash('sha256').update(first.model).digest('hex')).toBe(first.sha256);
  expect(second.model.equals(first.model)).toBe(true);
});

/**
 * The expected numbers come from another converter (checked against the TFJS runtime), whose graphs took input that was
 * normalised outside.
 */
test('the detector computes what the original does, also for a batch', async () => {
  const session = await load(converted('mediapipe_face_full').model);
  const one = picture(192);
  const results = await session.run({ input: { data: one, dims: [1, 3, 192, 192] } });
  const boxes = results.reshaped_regressor_face_4;
  const scores = results.reshaped_classifier_face_4;
  expect([boxes?.dims, scores?.dims]).toEqual([
    [1, 2304, 16],
    [1, 2304, 1],
  ]);
  const expected = { boxes: [-3.0892, -2.3007, -1.974], scores: [-5.5359, -3.3307, -8.2544] };
  for (const [k, cell] of [0, 777, 2303].entries()) {
    expect(boxes?.data[cell * 16]).toBeCloseTo(at(expected.boxes, k), 3);
    expect(scores?.data[cell]).toBeCloseTo(at(expected.scores, k), 3);
  }
  const two = new Float32Array(2 * one.length);
  two.set(one, one.length);
  const batch = await session.run({ input: { data: two, dims: [2, 3, 192, 192] } });
  expect(batch.reshaped_regressor_face_4?.data.slice(2304 * 16)).toEqual(boxes?.data);
  await session.close();
});

/** Expected: tests/goldens/models/tflite_numpy.py, whose layers take any size, too. */
test.each([
  [352, 192, { boxes: [-3.0844, -1.9629, -2.4695], scores: [-5.5416, -2.7758, -8.8701] }],
  [192, 128, { boxes: [-3.0683, -2.2704, -2.3449], scores: [-5.3416, -4.0433, -6.0492] }],
])('the detector takes other sizes than its square: %i x %i', async (width, height, expected) => {
  const session = await load(converted('mediapipe_face_full').model);
  const results = await session.run({ input: { data: picture(width, height), dims: [1, 3, height, width] } });
  const [boxes, scores] = [results.reshaped_regressor_face_4, results.reshaped_classifier_face_4];
  const cells = (width / 4) * (height / 4);
  expect([boxes?.dims, scores?.dims]).toEqual([
    [1, cells, 16],
    [1, cells, 1],
  ]);
  for (const [k, cell] of [0, 777, cells - 1].entries()) {
    expect(boxes?.data[cell * 16]).toBeCloseTo(at(expected.boxes, k), 3);
    expect(scores?.data[cell]).toBeCloseTo(at(expected.scores, k), 3);
  }
  await session.close();
});

test('the embedder computes what the original does with BGR minus the mean', async () => {
  const session = await load(converted('faceres').model);
  expect(session.outputNames).toEqual(['embedding']);
  const input = picture(224);
  const { embedding } = await session.run({ input: { data: input, dims: [1, 3, 224, 224] } });
  expect(embedding?.dims).toEqual([1, 1024]);
  const expected = [
    [7, 2.6436],
    [77, 0.5931],
    [100, 0.7256],
    [125, 1.4562],
    [160, 5.0235],
    [198, 4.6053],
  ] as const;
  for (const [index, value] of expected) expect(embedding?.data[index]).toBeCloseTo(value, 3);

  const plane = 224 * 224;
  const swapped = Float32Array.from(input, (_, i) => at(input, (2 - Math.floor(i / plane)) * plane + (i % plane)));
  const other = await session.run({ input: { data: swapped, dims: [1, 3, 224, 224] } });
  expect(expected.some(([index, value]) => Math.abs(at(other.embedding?.data ?? [], index) - value) > 0.05)).toBe(true);
  await session.close();
});
