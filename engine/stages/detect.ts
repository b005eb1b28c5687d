import type { Config } from '#config/schema.ts';
import type { DetectionCounts, DetectionRow } from '#engine/core/artifacts.ts';
import type { Face } from '#engine/core/image.ts';
import type { StageFace } from '#engine/core/stage.ts';

export const detect = {
  name: 'detect',
  version: 4,
  needs: ['media'],
  makes: 'detections',
} as const satisfies StageFace;

/** Which faces of one frame are kept; what is dropped is counted with its reason (DET-05). `seen`: what the detector itself dropped. */
export function keepFaces<F extends Face>(
  faces: readonly F[],
  size: { width: number; height: number },
  params: Pick<Config['detection'], 'min_size'>,
  seen: Pick<DetectionCounts, 'low_conf' | 'overlap'> = { low_conf: 0, overlap: 0 },
): { kept: F[]; counts: Omit<DetectionCounts, 'frames'> } {
  const kept = faces.filter(({ box }) => {
    const side = Math.min((box[2] - box[0]) * size.width, (box[3] - box[1]) * size.height);
    return side >= params.min_size;
  });
  const { low_conf, overlap } = seen;
  const raw = faces.length + low_conf + overlap;
  return { kept, counts: { raw, kept: kept.length, low_conf, overlap, too_small: faces.length - kept.length } };
}

/** Share of the proposed candidates that was kept, 0..1; null when there was none. */
export function retention({ raw, kept }: Pick<DetectionCounts, 'raw' | 'kept'>): number | null {
  return raw === 0 ? null : kept / raw;
}

/** Rounded to what a pixel of an 8K frame needs, so that rows stay short and equal values print alike. */
export function toRow(at_ms: number, face: Face): DetectionRow {
  const [a, b, c, d, e] = face.landmarks;
  const pair = (p: readonly [number, number]): [number, number] => [round(p[0]), round(p[1])];
  const [x1, y1, x2, y2] = face.box;
  return {
    at_ms,
    box: [round(x1), round(y1), round(x2), round(y2)],
    score: Math.round(face.score * 1e4) / 1e4,
    landmarks: [pair(a), pair(b), pair(c), pair(d), pair(e)],
  };
}

function round(fraction: number): number {
  return Math.round(fraction * 1e5) / 1e5;
}
