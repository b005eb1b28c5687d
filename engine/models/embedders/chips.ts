import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Image } from '#engine/core/image.ts';
import { type ColourFormat, planLetterbox, pyramid } from '../letterbox.ts';
import type { ModelSession } from '../session.ts';
import type { FaceEmbedder } from '../types.ts';

/** On a GPU this many chips go at once. On a CPU one: it gains nothing there, and bytes must not depend on grouping. */
const BATCH = 32;
const NORM_TOLERANCE = 1e-4;

/** How one family of embedders differs from another. */
export interface ChipNetwork {
  readonly model_id: string;
  readonly dim: number;
  /** Pixels of the network's square input. */
  readonly side: number;
  readonly format: ColourFormat;
  /** From the raw output (dim) to the vector before its last normalisation. */
  finish(raw: Float32Array): Float32Array;
}

/** Aligned chips -> tensor -> network -> unit vectors. */
export function chipEmbedder(network: ChipNetwork, session: ModelSession): FaceEmbedder {
  const { model_id, dim, side } = network;
  const [name] = session.inputNames;
  if (name === undefined) throw new RangeError(`${model_id}: the network has no input`);
  const batch = session.provider === 'cpu' ? 1 : BATCH;
  return {
    model_id,
    provider: session.provider,
    dim,
    async embed(chips) {
      const vectors: Float32Array[] = [];
      for (let from = 0; from < chips.length; from += batch) {
        const group = chips.slice(from, from + batch);
        const data = new Float32Array(group.length * 3 * side * side);
        group.forEach((chip, i) => {
          fillChip(chip, network, data, i * 3 * side * side);
        });
        const outputs = await session.run({ [name]: { data, dims: [group.length, 3, side, side] } });
        const output = Object.values(outputs).find(({ dims }) => dims.at(-1) === dim);
        if (output === undefined)
          throw new ScreenalyticsError('MODEL_CORRUPT', { model: model_id, reason: `no output of ${dim} numbers` });
        for (let i = 0; i < group.length; i++)
          vectors.push(unit(network.finish(output.data.slice(i * dim, (i + 1) * dim)), model_id));
      }
      return vectors;
    },
    close: () => session.close(),
  };
}

/** The vector scaled to length 1, (dim); a vector of no length or of no number breaks an invariant. */
export function unit(vector: Float32Array, model_id: string): Float32Array {
  const length = norm(vector);
  const scaled = vector.map((v) => v / length);
  if (!(Math.abs(norm(scaled) - 1) < NORM_TOLERANCE))
    throw new ScreenalyticsError('INVARIANT_BROKEN', { rule: 'embeddings have length 1', model: model_id, length });
  return scaled;
}

function norm(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

function fillChip(chip: Image, { side, format, model_id }: ChipNetwork, out: Float32Array, offset: number): void {
  if (chip.width !== chip.height)
    throw new RangeError(`${model_id}: a chip is square, not ${chip.width} x ${chip.height}`);
  const region = { x: 0, y: 0, width: chip.width, height: chip.height };
  planLetterbox(chip, region, { width: side, height: side }, format).fill(pyramid(chip), out, offset);
}
