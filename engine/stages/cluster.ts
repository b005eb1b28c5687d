import type { Config } from '#config/schema.ts';
import { defineStage } from '#engine/core/stage.ts';
import { clusterTracks } from '#engine/math/cluster-tracks.ts';
import type { Calibration } from '#engine/math/threshold.ts';

export const cluster = defineStage({
  name: 'cluster',
  version: 2,
  needs: ['tracks', 'detections', 'faces', 'embeddings'],
  makes: 'clusters',
  async run(
    { tracks, detections, faces, embeddings },
    { calibration, ...params }: Config['clustering'] & { calibration: Calibration | null },
  ) {
    return clusterTracks({
      tracks: tracks.rows,
      detections: detections.rows,
      faces: faces.rows,
      embeddings,
      params,
      calibration: calibration ?? undefined,
    });
  },
});
