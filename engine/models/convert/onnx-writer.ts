import { endianness } from 'node:os';
import { bytes, integer, message, text } from './protobuf.ts';

/** A length, or the name of a length that is known only when the graph runs. */
type Dim = number | string;
type Attribute = number | string | readonly number[];

/**
 * Builds one ONNX graph, in the order of the calls: the same calls give the same bytes.
 * Node and initialiser names only have to be unique. Field numbers: onnx/onnx.proto, IR version 8.
 */
export interface OnnxGraph {
  /** A float32 input. Returns its name. */
  input(name: string, dims: readonly Dim[]): string;
  /** Publishes the tensor `from` as the float32 output `name`. */
  output(name: string, from: string, dims: readonly Dim[]): void;
  /** A constant, row-major. The same name twice is the same constant. Returns its name. */
  floats(name: string, data: Float32Array, dims: readonly number[]): string;
  /** A constant vector of int64. */
  integers(name: string, data: readonly number[]): string;
  /** A node with one output. Returns the output's name. An input of '' is one that is left out. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  encode(): Buffer;
}

const IR_VERSION = 8;
const OPSET = 13;
const FLOAT = 1;
const INT64 = 7;

export function onnxGraph(name: string): OnnxGraph {
  const nodes: Buffer[] = [];
  const inputs: Buffer[] = [];
  const outputs: Buffer[] = [];
  const constants = new Map<string, Buffer>();

  function constant(key: string, make: () => Buffer): string {
    if (!constants.has(key)) constants.set(key, make());
    return key;
  }

  function add(op: string, from: readonly string[], to: string, attributes: Readonly<Record<string, Attribute>>) {
    const fields = [...from.map((each) => text(1, each)), text(2, to), text(3, `${to}_node`), text(4, op)];
    nodes.push(message(1, [...fields, ...Object.entries(attributes).map(attribute)]));
  }

  return {
    input(key, dims) {
      inputs.push(message(11, valueInfo(key, dims)));
      return key;
    },
    output(key, from, dims) {
      add('Identity', [from], key, {});
      outputs.push(message(12, valueInfo(key, dims)));
    },
    floats: (key, data, dims) => constant(key, () => tensor(key, FLOAT, littleEndian(data), dims)),
    integers: (key, data) =>
      constant(key, () => tensor(key, INT64, littleEndian(new BigInt64Array(data.map(BigInt))), [data.length])),
    node(op, from, attributes = {}) {
      const to = `${op}_${nodes.length}`;
      add(op, from, to, attributes);
      return to;
    },
    encode() {
      const graph = [...nodes, text(2, name), ...constants.values(), ...inputs, ...outputs];
      const opset = message(8, [text(1, ''), integer(2, OPSET)]);
      return Buffer.concat([integer(1, IR_VERSION), text(2, 'screenalytics'), message(7, graph), opset]);
    },
  };
}

/** ValueInfoProto of a float32 tensor. */
function valueInfo(name: string, dims: readonly Dim[]): Buffer[] {
  const shape = dims.map((dim) => message(1, [typeof dim === 'number' ? integer(1, dim) : text(2, dim)]));
  return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, shape)])])];
}

/** TensorProto with raw data. */
function tensor(name: string, type: number, raw: Uint8Array, dims: readonly number[]): Buffer {
  return message(5, [...dims.map((dim) => integer(1, dim)), integer(2, type), text(8, name), bytes(9, raw)]);
}

function attribute([name, value]: [string, Attribute]): Buffer {
  const typed =
    typeof value === 'number'
      ? [integer(3, value), integer(20, 2)]
      : typeof value === 'string'
        ? [text(4, value), integer(20, 3)]
        : [...value.map((each) => integer(8, each)), integer(20, 7)];
  return message(5, [text(1, name), ...typed]);
}

/** ONNX stores little-endian numbers; so does every machine that onnxruntime-node is built for. */
function littleEndian(data: Float32Array | BigInt64Array): Uint8Array {
  if (endianness() !== 'LE') throw new Error('models can be converted on little-endian machines only');
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
