import { createChannel } from '#engine/core/channel.ts';
import type { Face, Frame } from '#engine/core/image.ts';
import type { Frames, SmallFrame } from '#engine/media/frames.ts';
import type { Tally } from '#engine/models/types.ts';

/** Faces of one picture; vectors beside them when the tracker looks at appearance. */
export interface Found {
  readonly faces: readonly Face[];
  /** What the detector saw beside them; absent when the faces are an earlier run's. */
  readonly tally?: Readonly<Tally>;
  readonly vectors?: readonly Float32Array[];
}

export interface DetectedFrame {
  readonly frame: Frame;
  readonly found: Found;
  /** Gives the frame's memory back; the frame must not be looked at afterwards. */
  release(): void;
}

/**
 * Frames in order with their faces, while later frames are already being decoded and looked at. At most `slots` frames are in
 * memory, each in one shared buffer that detector threads read without a copy.
 */
export async function* detectAhead(
  frames: Pick<Frames, 'next'>,
  detect: (image: Frame, cell: number) => Promise<Found>,
  options: { slots: number; bytes: number },
): AsyncGenerator<DetectedFrame> {
  const free = createChannel<Uint8Array>(options.slots);
  for (let i = 0; i < options.slots; i++) await free.put(new Uint8Array(new SharedArrayBuffer(options.bytes)));
  const waiting = createChannel<{ frame: Frame; memory: Uint8Array; found: Promise<Found> }>(options.slots);

  async function decode(): Promise<void> {
    for (;;) {
      const memory = await free.take();
      if (memory === undefined) return;
      const frame = await frames.next(memory);
      if (frame === undefined) return waiting.close();
      const found = detect(frame, frame.cell);
      found.catch(() => {}); // thrown where the frame's turn comes
      await waiting.put({ frame, memory, found });
    }
  }
  const decoding = decode().catch((error: unknown) => waiting.fail(error));
  try {
    for (;;) {
      const next = await waiting.take();
      if (next === undefined) return;
      const found = await next.found;
      yield { frame: next.frame, found, release: () => void free.put(next.memory) };
    }
  } finally {
    free.close();
    waiting.close();
    await decoding;
  }
}

/**
 * Small frames, read ahead so that the decoder is never held up by them: `capacity` holds all that lie between two sampled
 * frames, 7 KB each.
 */
export function readAhead(
  frames: Pick<Frames, 'nextSmall'>,
  capacity: number,
): { take(): Promise<SmallFrame | undefined>; close(): void } {
  const waiting = createChannel<SmallFrame>(capacity);
  const read = async (): Promise<void> => {
    for (;;) {
      const small = await frames.nextSmall();
      if (small === undefined) return waiting.close();
      await waiting.put(small);
    }
  };
  void read().catch((error: unknown) => waiting.fail(error));
  return { take: waiting.take, close: waiting.close };
}
