import type { Readable } from 'node:stream';

/** Takes whole records of bytes from a stream, at the reader's pace: the stream waits while nobody asks. */
export interface ByteReader {
  /** Fills `target`; false when the stream ended before it was full (a cut-off record is dropped). */
  fill(target: Uint8Array): Promise<boolean>;
}

export function readBytes(stream: Readable): ByteReader {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Uint8Array = new Uint8Array(0);
  return {
    async fill(target) {
      let at = 0;
      while (at < target.length) {
        if (rest.length === 0) {
          const next = await chunks.next();
          if (next.done) return false;
          rest = next.value;
        }
        const part = rest.subarray(0, target.length - at);
        target.set(part, at);
        at += part.length;
        rest = rest.subarray(part.length);
      }
      return true;
    },
  };
}
