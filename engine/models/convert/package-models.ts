import type { Wiring } from './layers.ts';
import { tfjsToOnnx } from './tfjs-to-onnx.ts';
import { tfliteToOnnx } from './tflite-to-onnx.ts';

/** MediaPipe's face detectors want RGB in -1..1. */
const MEDIAPIPE: Wiring = { order: 'RGB', mean: [127.5, 127.5, 127.5], scale: 127.5 };
/**
 * faceres was trained on Caffe-style ImageNet input. The package itself feeds RGB without a mean, which costs 3.4 points on LFW.
 */
const FACERES: Wiring = { order: 'BGR', mean: [103.939, 116.779, 123.68], scale: 1 };

/**
 * A model that came inside an npm package, as ONNX that takes raw RGB 0..255 in float32 (N, 3, H, W).
 * files: as listed in the catalogue; for `tfjs` the graph and then its weights.
 */
export function convertPackageModel(kind: 'tflite' | 'tfjs', name: string, files: readonly Buffer[]): Buffer {
  const [graph, weights] = files;
  if (graph === undefined) throw new Error(`${name}: no source file`);
  if (kind === 'tflite') return tfliteToOnnx(graph, name, MEDIAPIPE);
  if (weights === undefined) throw new Error(`${name}: no weights file`);
  // Age and gender, which the same network can tell, are left out of the graph.
  return tfjsToOnnx(graph.toString('utf8'), weights, name, FACERES, { 'global_pooling/Mean': 'embedding' });
}
