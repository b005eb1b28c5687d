import type { Embeddings } from '#engine/core/artifacts.ts';
import type { Calibration } from './threshold.ts';
import { dot, mean, normalise, type Vector } from './vectors.ts';

/** Relevance factor of Reynolds et al.: as many independent faces as the model's own centre is worth. */
const RELEVANCE = 16;

/** What is subtracted before vectors are compared, and what that makes of a similarity. */
export interface Centre {
  readonly vector: Vector; // (dim)
  /** A similarity s becomes (s - shared) / (1 - shared) on average: the share of a vector's square length that is gone. */
  readonly shared: number;
}

/**
 * What the faces of one episode have in common: light, camera, make-up, grading. A model's own centre was measured on other pictures,
 * and what an episode adds to it makes its strangers look alike. The mean is adapted from unlabelled data of the domain (MAP
 * adaptation with a relevance factor: Reynolds, Quatieri and Dunn 2000; in-domain centring: Garcia-Romero et al., Odyssey
 * 2014), by how many independent faces it is the mean of: tracks of a single person are few, however many there are. That
 * is the participation ratio of their Gram matrix's eigenvalues, n^2 / sum of all squared similarities.
 *
 * vectors: (tracks, dim), each of length 1. similarities: of pairs of them, a sample of all.
 */
export function episodeCentre(vectors: readonly Vector[], similarities: readonly number[]): Centre | null {
  if (vectors.length < 2 || similarities.length === 0) return null;
  const squares = similarities.reduce((sum, s) => sum + s * s, 0) / similarities.length;
  const independent = 1 / (1 / vectors.length + (1 - 1 / vectors.length) * squares);
  const weight = independent / (independent + RELEVANCE);
  const average = mean(vectors);
  return { vector: average.map((v) => v * weight), shared: weight * (2 - weight) * dot(average, average) };
}

export function recentred({ vector: centre }: Centre, embeddings: Embeddings): Embeddings {
  const move = (vector: Float32Array) => normalise(vector.map((v, i) => v - (centre[i] as number)));
  return {
    ...embeddings,
    faces: embeddings.faces.map(move),
    tracks: embeddings.tracks.map((track) => ({ ...track, vector: move(track.vector) })),
  };
}

/** What was measured without the centre, as it is with it. */
export function recentredCalibration({ shared }: Centre, { same, different }: Calibration): Calibration {
  const moved = ([mean, sd]: readonly [number, number]) => [(mean - shared) / (1 - shared), sd / (1 - shared)] as const;
  return { same: moved(same), different: moved(different) };
}
