import { rootTable, type Table } from './flatbuffer.ts';
import {
  convolution,
  dim,
  maxPool,
  type Padding,
  publish,
  rawInput,
  reshape,
  resizeBilinear,
  type Value,
  type Wiring,
  zeroPad,
} from './layers.ts';
import { readFloats, readHalves, readIntegers, transpose } from './numbers.ts';
import { type OnnxGraph, onnxGraph } from './onnx-writer.ts';

/** Numbers of tensorflow/lite/schema/schema.fbs: only what the MediaPipe face detector is made of. */
const OP = {
  ADD: 0,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEQUANTIZE: 6,
  MAX_POOL_2D: 17,
  RELU: 19,
  RESHAPE: 22,
  RESIZE_BILINEAR: 23,
  PAD: 34,
} as const;
const FLOAT32 = 0;
const FLOAT16 = 1;
const INT32 = 2;

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  /** Empty when the tensor is computed. */
  readonly data: Uint8Array;
}

interface Operator {
  readonly code: number;
  readonly inputs: readonly number[];
  readonly output: number;
  readonly options: Table | undefined;
}

interface Reading {
  readonly graph: OnnxGraph;
  readonly tensors: readonly Tensor[];
  readonly values: Map<number, Value>;
  /** float16 constants that a DEQUANTIZE turns into float32: its output -> its input. */
  readonly halves: Map<number, number>;
}

/**
 * A float TFLite model as ONNX: input `input` (N, 3, H, W), raw RGB 0..255; outputs keep their names. The batch is open,
 * although TFLite models are written for one picture, and so are height and width, in multiples of the product of all strides. Byte-deterministic.
 */
export function tfliteToOnnx(file: Buffer, name: string, wiring: Wiring): Buffer {
  const { tensors, operators, inputs, outputs } = readModel(file);
  const graph = onnxGraph(name);
  const reading: Reading = { graph, tensors, values: new Map(), halves: new Map() };
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1) throw new Error('a TFLite model with one input is expected');
  const [, height = 0, width = 0] = tensorAt(reading, input).shape;
  reading.values.set(input, rawInput(graph, height, width, wiring, true));
  for (const operator of operators) {
    const from = operator.inputs[0] ?? -1;
    if (operator.code === OP.DEQUANTIZE) reading.halves.set(operator.output, from);
    else reading.values.set(operator.output, layer(reading, operator));
  }
  for (const output of outputs) publish(graph, tensorAt(reading, output).name, valueAt(reading, output));
  return graph.encode();
}

function readModel(file: Buffer) {
  const model = rootTable(file);
  // The operator code moved from a byte to an int when there were more than 127.
  const codes = model.tables(1).map((each) => Math.max(each.byte(0), each.int(3)));
  const buffers = model.tables(4);
  const [subgraph] = model.tables(2);
  if (subgraph === undefined) throw new Error('the TFLite file holds no graph');
  const tensors = subgraph.tables(0).map((each): Tensor => {
    if (each.table(6)) throw new Error('sparse TFLite tensors are not supported');
    return {
      shape: each.ints(0),
      type: each.byte(1),
      data: buffers[each.int(2)]?.bytes(0) ?? new Uint8Array(),
      name: each.text(3),
    };
  });
  const operators = subgraph.tables(3).map((each): Operator => {
    const [output = -1] = each.ints(2);
    return { code: codes[each.int(0)] ?? -1, inputs: each.ints(1), output, options: each.table(4) };
  });
  return { tensors, operators, inputs: subgraph.ints(1), outputs: subgraph.ints(2) };
}

function layer(reading: Reading, operator: Operator): Value {
  const { graph } = reading;
  const { options, inputs } = operator;
  const x = valueAt(reading, inputs[0]);
  switch (operator.code) {
    case OP.CONV_2D:
      return relu(graph, convolve(reading, operator, false), options?.byte(3));
    case OP.DEPTHWISE_CONV_2D:
      return relu(graph, convolve(reading, operator, true), options?.byte(4));
    case OP.ADD: {
      const name = graph.node('Add', [x.name, valueAt(reading, inputs[1]).name]);
      return relu(graph, { name, shape: x.shape }, options?.byte(0));
    }
    case OP.RELU:
      return relu(graph, x, 1);
    case OP.MAX_POOL_2D: {
      const size = [options?.int(4, 1) ?? 1, options?.int(3, 1) ?? 1] as const;
      const strides = [options?.int(2, 1) ?? 1, options?.int(1, 1) ?? 1] as const;
      return relu(graph, maxPool(graph, x, size, strides, paddingOf(options)), options?.byte(5));
    }
    case OP.PAD:
      return zeroPad(graph, x, integersAt(reading, inputs[1]));
    case OP.RESIZE_BILINEAR: {
      const [height = 0, width = 0] = integersAt(reading, inputs[1]);
      const grid = options?.byte(3) ? 'half_pixel' : options?.byte(2) ? 'align_corners' : 'asymmetric';
      return resizeBilinear(graph, x, [height, width], grid);
    }
    case OP.RESHAPE:
      return reshape(graph, x, tensorAt(reading, operator.output).shape);
    default:
      throw new Error(`TFLite operator ${operator.code} is not supported`);
  }
}

function convolve(reading: Reading, operator: Operator, depthwise: boolean): Value {
  const [from, kernel = -1, bias = -1] = operator.inputs;
  const x = valueAt(reading, from);
  const [first = 0, kh = 0, kw = 0, last = 0] = tensorAt(reading, kernel).shape;
  const weights = floatsAt(reading, kernel);
  if (depthwise && last !== dim(x, 3)) throw new Error('a depth multiplier is not supported');
  return convolution(reading.graph, x, {
    name: `tensor_${kernel}`,
    // Depthwise weights are (1, height, width, channels), the others (out, height, width, in).
    weights: depthwise ? weights : transpose(weights, [first, kh, kw, last], [1, 2, 3, 0]),
    dims: depthwise ? [kh, kw, last, 1] : [kh, kw, last, first],
    depthwise,
    bias: bias >= 0 ? floatsAt(reading, bias) : undefined,
    strides: [operator.options?.int(2, 1) ?? 1, operator.options?.int(1, 1) ?? 1],
    padding: paddingOf(operator.options),
  });
}

/** activation: 0 none, 1 ReLU. */
function relu(graph: OnnxGraph, x: Value, activation = 0): Value {
  if (activation === 0) return x;
  if (activation !== 1) throw new Error(`TFLite activation ${activation} is not supported`);
  return { name: graph.node('Relu', [x.name]), shape: x.shape };
}

function paddingOf(options: Table | undefined): Padding {
  return options?.byte(0) === 1 ? 'VALID' : 'SAME';
}

function tensorAt(reading: Reading, index: number): Tensor {
  const tensor = reading.tensors[index];
  if (tensor === undefined) throw new Error(`TFLite tensor ${index} is missing`);
  return tensor;
}

function valueAt(reading: Reading, index = -1): Value {
  const value = reading.values.get(index);
  if (value === undefined) throw new Error(`TFLite tensor ${index} is used before it is computed`);
  return value;
}

function floatsAt(reading: Reading, index: number): Float32Array {
  const tensor = tensorAt(reading, reading.halves.get(index) ?? index);
  if (tensor.type === FLOAT32) return readFloats(tensor.data);
  if (tensor.type === FLOAT16) return readHalves(tensor.data);
  throw new Error(`TFLite tensor type ${tensor.type} is not supported`);
}

function integersAt(reading: Reading, index = -1): number[] {
  const tensor = tensorAt(reading, index);
  if (tensor.type !== INT32) throw new Error(`TFLite tensor ${index} should hold 32-bit integers`);
  return readIntegers(tensor.data);
}
