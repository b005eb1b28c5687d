import { transpose } from './numbers.ts';
import type { OnnxGraph } from './onnx-writer.ts';

/**
 * TensorFlow's layers as ONNX nodes. TensorFlow keeps pictures as (batch, height, width, channels) and ONNX as
 * (batch, channels, height, width): the graph is NCHW throughout, and `shape` is what the source calls it, NHWC.
 */
export interface Value {
  readonly name: string;
  /** In the source's order. The batch is written as 1 and left open in the graph. */
  readonly shape: readonly number[];
}

export type Padding = 'SAME' | 'VALID';
type Pair = readonly [height: number, width: number];

/** What is done to raw RGB pixels (0..255) before the first layer: `(pixel - mean) / scale`, mean in the model's channel order. */
export interface Wiring {
  readonly order: 'RGB' | 'BGR';
  readonly mean: readonly [number, number, number];
  readonly scale: number;
}

interface Kernel {
  readonly name: string;
  /** (height, width, in, out); depthwise: (height, width, channels, 1). */
  readonly weights: Float32Array;
  readonly dims: readonly [number, number, number, number];
  readonly depthwise: boolean;
  readonly bias?: Float32Array | undefined;
  readonly strides: Pair;
  readonly padding: Padding;
}

const BATCH = 'N';

/**
 * Input `input`: float32 (N, 3, height, width), RGB 0..255. Normalisation and channel order happen inside the graph.
 * `open`: height and width, too, are left open. That is right where all layers treat every place alike; sizes have to be multiples of the
 * product of all strides, as the source's are, for SAME padding is worked out for those.
 */
export function rawInput(graph: OnnxGraph, height: number, width: number, wiring: Wiring, open = false): Value {
  let name = graph.input('input', [BATCH, 3, ...(open ? ['H', 'W'] : [height, width])]);
  if (wiring.order === 'BGR') name = graph.node('Gather', [name, graph.integers('bgr', [2, 1, 0])], { axis: 1 });
  name = graph.node('Sub', [name, graph.floats('mean', Float32Array.from(wiring.mean), [3, 1, 1])]);
  if (wiring.scale !== 1) name = graph.node('Div', [name, graph.floats('scale', Float32Array.of(wiring.scale), [1])]);
  return { name, shape: [1, height, width, 3] };
}

/** Publishes a value; pictures come out as NCHW. */
export function publish(graph: OnnxGraph, name: string, value: Value): void {
  const [, ...rest] = value.shape;
  const [height = 1, width = 1, channels = 1] = rest;
  graph.output(name, value.name, rest.length === 3 ? [BATCH, channels, height, width] : [BATCH, ...rest]);
}

export function convolution(graph: OnnxGraph, x: Value, kernel: Kernel): Value {
  const [kh, kw, inputs, outs] = kernel.dims;
  // ONNX wants (out, in / groups, height, width).
  const dims = kernel.depthwise ? [inputs * outs, 1, kh, kw] : [outs, inputs, kh, kw];
  const weights = kernel.depthwise
    ? transpose(kernel.weights, [kh, kw, inputs * outs], [2, 0, 1])
    : transpose(kernel.weights, kernel.dims, [3, 2, 0, 1]);
  const channels = kernel.depthwise ? inputs * outs : outs;
  const from = [x.name, graph.floats(`${kernel.name}_w`, weights, dims)];
  if (kernel.bias) from.push(graph.floats(`${kernel.name}_b`, kernel.bias, [channels]));
  const { pads, height, width } = windows(x, [kh, kw], kernel.strides, kernel.padding);
  const name = graph.node('Conv', from, {
    kernel_shape: [kh, kw],
    strides: kernel.strides,
    pads,
    group: kernel.depthwise ? inputs : 1,
  });
  return { name, shape: [1, height, width, channels] };
}

export function maxPool(graph: OnnxGraph, x: Value, size: Pair, strides: Pair, padding: Padding): Value {
  const { pads, height, width } = windows(x, size, strides, padding);
  const name = graph.node('MaxPool', [x.name], { kernel_shape: size, strides, pads });
  return { name, shape: [1, height, width, dim(x, 3)] };
}

/** paddings: (4, 2), before and after each NHWC axis; filled with zeros. */
export function zeroPad(graph: OnnxGraph, x: Value, paddings: readonly number[]): Value {
  const before = [0, 1, 2, 3].map((axis) => paddings[2 * axis] ?? 0);
  const after = [0, 1, 2, 3].map((axis) => paddings[2 * axis + 1] ?? 0);
  const nchw = (of: readonly number[]) => [0, 3, 1, 2].map((axis) => of[axis] ?? 0);
  const pads = [...nchw(before), ...nchw(after)];
  const name = graph.node('Pad', [x.name, graph.integers(`pads_${pads.join('_')}`, pads)], { mode: 'constant' });
  return { name, shape: x.shape.map((size, axis) => size + (before[axis] ?? 0) + (after[axis] ?? 0)) };
}

type ResizeGrid = 'half_pixel' | 'align_corners' | 'asymmetric';

export function resizeBilinear(graph: OnnxGraph, x: Value, to: Pair, grid: ResizeGrid): Value {
  const scales = Float32Array.of(1, 1, to[0] / dim(x, 1), to[1] / dim(x, 2));
  const from = [x.name, '', graph.floats(`scales_${scales.join('_')}`, scales, [4])];
  const name = graph.node('Resize', from, { mode: 'linear', coordinate_transformation_mode: grid });
  return { name, shape: [1, to[0], to[1], dim(x, 3)] };
}

/** The source reads its elements in NHWC order, so a picture is turned round first. The batch stays as it is; the next axis takes what is left. */
export function reshape(graph: OnnxGraph, x: Value, shape: readonly number[]): Value {
  const [, , ...rest] = shape;
  const flat = x.shape.length === 4 ? graph.node('Transpose', [x.name], { perm: [0, 2, 3, 1] }) : x.name;
  // 0 copies the length of the input's axis, -1 is whatever the others leave.
  const to = [0, -1, ...rest];
  const name = graph.node('Reshape', [flat, graph.integers(`shape_${to.join('_')}`, to)]);
  if (shape.length !== 4) return { name, shape };
  return { name: graph.node('Transpose', [name], { perm: [0, 3, 1, 2] }), shape };
}

/** Mean over height and width: (batch, channels). */
export function spatialMean(graph: OnnxGraph, x: Value): Value {
  const pooled = graph.node('GlobalAveragePool', [x.name]);
  return { name: graph.node('Flatten', [pooled], { axis: 1 }), shape: [1, dim(x, 3)] };
}

export function dim(x: Value, axis: number): number {
  const size = x.shape[axis];
  if (size === undefined) throw new Error(`${x.name} has no axis ${axis}`);
  return size;
}

/**
 * Size of a layer's output and ONNX pads (top, left, bottom, right). SAME puts the odd pixel after, not before, and depends
 * on the input's size; ONNX's own `auto_pad` is not used, because runtimes disagree on it.
 */
function windows(x: Value, [kh, kw]: Pair, [sh, sw]: Pair, padding: Padding) {
  const [h, w] = [dim(x, 1), dim(x, 2)];
  if (padding === 'VALID') {
    return { pads: [0, 0, 0, 0], height: Math.floor((h - kh) / sh) + 1, width: Math.floor((w - kw) / sw) + 1 };
  }
  const [height, width] = [Math.ceil(h / sh), Math.ceil(w / sw)];
  const down = Math.max(0, (height - 1) * sh + kh - h);
  const across = Math.max(0, (width - 1) * sw + kw - w);
  const [top, left] = [down >> 1, across >> 1];
  return { pads: [top, left, down - top, across - left], height, width };
}
