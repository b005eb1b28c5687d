/*
 * Makes faceres.json: the vectors of the embedded face embedder as TensorFlow.js computes them from the package's own files,
 * for the chips that generate.py left in WORK. Nothing of engine/ is used but the measured centre.
 *
 *   mkdir tfjs && cd tfjs && npm init -y && npm install @tensorflow/tfjs@4.22.0
 *   node ../tests/goldens/models/generate-tfjs.mjs WORK
 *
 * run in a folder outside of the repository, with the paths adapted: TensorFlow.js is no dependency of the product, and the
 * copies inside the face packages do not start under Node.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const tf = createRequire(join(process.cwd(), 'package.json'))('@tensorflow/tfjs');
const here = import.meta.dirname;
const root = join(here, '../../..');
const work = process.argv[2];
const MEAN_BGR = [103.939, 116.779, 123.68];
const SIDE = 224;

await tf.setBackend('cpu');
const folder = join(root, 'node_modules/@vladmandic/human/models');
const topology = JSON.parse(readFileSync(join(folder, 'faceres.json'), 'utf8'));
const weights = readFileSync(join(folder, 'faceres.bin'));
const model = await tf.loadGraphModel({
  load: async () => ({
    modelTopology: topology.modelTopology,
    weightSpecs: topology.weightsManifest.flatMap((group) => group.weights),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
    format: topology.format,
    signature: topology.signature,
    userDefinedMetadata: topology.userDefinedMetadata,
  }),
});
const centre = JSON.parse(readFileSync(join(root, 'engine/models/centre/faceres.json'), 'utf8'));
const faces = JSON.parse(readFileSync(join(work, 'faceres.json'), 'utf8'));
for (const [picture, [face]] of Object.entries(faces)) {
  const rgb = readFileSync(join(work, `${picture}.rgb`));
  const bgr = Float32Array.from(rgb, (_, i) => rgb[i - (i % 3) + (2 - (i % 3))] - MEAN_BGR[i % 3]);
  const output = model.execute(tf.tensor4d(bgr, [1, SIDE, SIDE, 3]), 'global_pooling/Mean');
  const raw = unit(Array.from(await output.data()));
  face.vector = unit(raw.map((v, i) => v - centre[i])).map((v) => Number(v.toFixed(6)));
}
const header = {
  checked_against: `TensorFlow.js ${tf.version.tfjs} (cpu), chips by generate.py (SVD Umeyama, OpenCV warpAffine)`,
  units: 'landmarks in pixels of the picture',
};
const text = JSON.stringify({ ...header, faces }, null, 1);
const flat = text.replace(/\[\s+([-\d.e,\s]+?)\s+\]/g, (_, numbers) => `[${numbers.replace(/\s+/g, ' ')}]`);
writeFileSync(join(here, 'faceres.json'), `${flat}\n`);

function unit(vector) {
  const length = Math.hypot(...vector);
  return vector.map((v) => v / length);
}
