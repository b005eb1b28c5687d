import { z } from 'zod';
import { convolution, type Padding, publish, rawInput, spatialMean, type Value, type Wiring } from './layers.ts';
import { product, readFloats, readHalves, readIntegers } from './numbers.ts';
import { type OnnxGraph, onnxGraph } from './onnx-writer.ts';

/** Attributes of a TensorFlow node, as protobuf's JSON mapping writes them: strings in base64, integers as text. */
const Attribute = z.looseObject({
  s: z.string().optional(),
  b: z.boolean().optional(),
  list: z.looseObject({ i: z.array(z.coerce.number()).optional() }).optional(),
  shape: z.looseObject({ dim: z.array(z.looseObject({ size: z.coerce.number() })) }).optional(),
});
const GraphNode = z.looseObject({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), Attribute).default({}),
});
type GraphNode = z.output<typeof GraphNode>;
const Weight = z.looseObject({
  name: z.string(),
  shape: z.array(z.int()),
  dtype: z.enum(['float32', 'int32']),
  quantization: z.looseObject({ dtype: z.literal('float16') }).optional(),
});
const GraphModel = z.looseObject({
  modelTopology: z.looseObject({ node: z.array(GraphNode) }),
  weightsManifest: z.array(z.looseObject({ weights: z.array(Weight) })).length(1),
});

interface Constant {
  readonly shape: readonly number[];
  readonly data: readonly number[] | Float32Array;
}

interface Reading {
  readonly graph: OnnxGraph;
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly wiring: Wiring;
  readonly done: Map<string, Value>;
}

/**
 * A TensorFlow.js graph model as ONNX, from its JSON and its one weights file: input `input` (N, 3, H, W), raw RGB 0..255.
 * `outputs`: node of the source -> name in the graph; whatever these do not need is left out. Byte-deterministic.
 */
export function tfjsToOnnx(
  json: string,
  weights: Uint8Array,
  name: string,
  wiring: Wiring,
  outputs: Readonly<Record<string, string>>,
): Buffer {
  const model = GraphModel.parse(JSON.parse(json));
  const reading: Reading = {
    graph: onnxGraph(name),
    nodes: new Map(model.modelTopology.node.map((each) => [each.name, each])),
    constants: readWeights(model.weightsManifest[0]?.weights ?? [], weights),
    wiring,
    done: new Map(),
  };
  for (const [node, output] of Object.entries(outputs)) publish(reading.graph, output, computed(reading, node));
  return reading.graph.encode();
}

/** Weights lie one after the other, in the manifest's order. */
function readWeights(manifest: readonly z.output<typeof Weight>[], bytes: Uint8Array): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  let at = 0;
  for (const { name, shape, dtype, quantization } of manifest) {
    const end = at + product(shape) * (quantization ? 2 : 4);
    const raw = bytes.subarray(at, end);
    const data = quantization ? readHalves(raw) : dtype === 'int32' ? readIntegers(raw) : readFloats(raw);
    constants.set(name, { shape, data });
    at = end;
  }
  if (at !== bytes.length) throw new Error(`the weights file has ${bytes.length} bytes, its manifest speaks of ${at}`);
  return constants;
}

/** Depth first, each node once. A chain of layers is deep: a model of a few hundred nodes is what this is for. */
function computed(reading: Reading, name: string): Value {
  const known = reading.done.get(name);
  if (known) return known;
  const value = layer(reading, nodeOf(reading, name));
  reading.done.set(name, value);
  return value;
}

function layer(reading: Reading, node: GraphNode): Value {
  const { graph } = reading;
  const [a = '', b = ''] = node.input;
  switch (node.op) {
    case 'Placeholder': {
      const [, height, width] = node.attr.shape?.shape?.dim ?? [];
      return rawInput(graph, height?.size ?? 0, width?.size ?? 0, reading.wiring);
    }
    case 'Conv2D':
      return convolve(reading, node, false);
    case 'DepthwiseConv2dNative':
      return convolve(reading, node, true);
    case 'Add':
    case 'Mul': {
      const x = computed(reading, a);
      return { name: graph.node(node.op, [x.name, perChannel(reading, b)]), shape: x.shape };
    }
    case 'Maximum':
      return relu6(reading, node);
    case 'Mean':
      return mean(reading, node);
    default:
      throw new Error(`TensorFlow operator ${node.op} is not supported`);
  }
}

function convolve(reading: Reading, node: GraphNode, depthwise: boolean): Value {
  const [from = '', kernel = ''] = node.input;
  const x = computed(reading, from);
  const { shape, data } = constantOf(reading, kernel);
  const [kh = 0, kw = 0, inputs = 0, outs = 0] = shape;
  const [, sh = 1, sw = 1] = node.attr.strides?.list?.i ?? [];
  if (node.attr.dilations?.list?.i?.some((each) => each !== 1)) throw new Error('dilation is not supported');
  return convolution(reading.graph, x, {
    name: kernel,
    weights: Float32Array.from(data),
    dims: [kh, kw, inputs, outs],
    depthwise,
    strides: [sh, sw],
    padding: paddingOf(node),
  });
}

/** A constant per channel, next to an NCHW picture: (channels, 1, 1). */
function perChannel(reading: Reading, name: string): string {
  const { data } = constantOf(reading, name);
  return reading.graph.floats(name, Float32Array.from(data), [data.length, 1, 1]);
}

/** Keras spells ReLU6 as max(min(relu(x), 6), 0). */
function relu6(reading: Reading, node: GraphNode): Value {
  const [inner = '', low = ''] = node.input;
  const minimum = nodeOf(reading, inner);
  const [rectified = '', high = ''] = minimum.input;
  const relu = nodeOf(reading, rectified);
  const spelled = minimum.op === 'Minimum' && relu.op === 'Relu';
  if (!spelled || constantOf(reading, low).data[0] !== 0 || constantOf(reading, high).data[0] !== 6) {
    throw new Error(`${node.name} is not a ReLU6`);
  }
  const { graph } = reading;
  const x = computed(reading, relu.input[0] ?? '');
  const limits = [0, 6].map((limit) => graph.floats(`limit_${limit}`, Float32Array.of(limit), []));
  return { name: graph.node('Clip', [x.name, ...limits]), shape: x.shape };
}

function mean(reading: Reading, node: GraphNode): Value {
  const [from = '', axes = ''] = node.input;
  const over = constantOf(reading, axes).data.join(',');
  if (over !== '1,2' || node.attr.keep_dims?.b) throw new Error(`${node.name} is not a mean over height and width`);
  const x = computed(reading, from);
  return spatialMean(reading.graph, x);
}

function paddingOf(node: GraphNode): Padding {
  const padding = Buffer.from(node.attr.padding?.s ?? '', 'base64').toString('utf8');
  if (padding !== 'SAME' && padding !== 'VALID') throw new Error(`${node.name}: padding ${padding} is not supported`);
  return padding;
}

function nodeOf(reading: Reading, name: string): GraphNode {
  const node = reading.nodes.get(name);
  if (node === undefined) throw new Error(`the graph has no node ${name}`);
  return node;
}

function constantOf(reading: Reading, name: string): Constant {
  const constant = reading.constants.get(name);
  if (constant === undefined) throw new Error(`${name} is not a constant`);
  return constant;
}
