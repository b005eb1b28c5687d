/**
 * Reading FlatBuffers without a schema compiler: a table is a list of numbered, optional fields.
 * Layout: flatbuffers.dev/internals.
 */
export interface Table {
  byte(field: number, otherwise?: number): number;
  int(field: number, otherwise?: number): number;
  text(field: number): string;
  /** A vector of 32-bit integers; empty when absent. */
  ints(field: number): number[];
  bytes(field: number): Uint8Array;
  table(field: number): Table | undefined;
  tables(field: number): Table[];
}

export function rootTable(buffer: Buffer): Table {
  return tableAt(buffer, buffer.readUInt32LE(0));
}

function tableAt(buffer: Buffer, at: number): Table {
  const vtable = at - buffer.readInt32LE(at);
  const vtableBytes = buffer.readUInt16LE(vtable);

  function position(field: number): number | undefined {
    const slot = 4 + 2 * field;
    const offset = slot < vtableBytes ? buffer.readUInt16LE(vtable + slot) : 0;
    return offset === 0 ? undefined : at + offset;
  }
  const target = (from: number) => from + buffer.readUInt32LE(from);

  function vector(field: number, width: number): { start: number; length: number } {
    const from = position(field);
    if (from === undefined) return { start: 0, length: 0 };
    const start = target(from);
    const length = buffer.readUInt32LE(start);
    if (start + 4 + length * width > buffer.length) throw new Error('a FlatBuffers vector runs past the end');
    return { start: start + 4, length };
  }
  function slice(field: number): Buffer {
    const { start, length } = vector(field, 1);
    return buffer.subarray(start, start + length);
  }

  return {
    byte(field, otherwise = 0) {
      const from = position(field);
      return from === undefined ? otherwise : buffer.readInt8(from);
    },
    int(field, otherwise = 0) {
      const from = position(field);
      return from === undefined ? otherwise : buffer.readInt32LE(from);
    },
    text: (field) => slice(field).toString('utf8'),
    ints(field) {
      const { start, length } = vector(field, 4);
      return Array.from({ length }, (_, i) => buffer.readInt32LE(start + 4 * i));
    },
    bytes: slice,
    table(field) {
      const from = position(field);
      return from === undefined ? undefined : tableAt(buffer, target(from));
    },
    tables(field) {
      const { start, length } = vector(field, 4);
      return Array.from({ length }, (_, i) => tableAt(buffer, target(start + 4 * i)));
    },
  };
}
