import type { Config } from '#config/schema.ts';
import type { Artifacts } from '#engine/core/artifacts.ts';
import { detectedIn } from '#engine/core/detected.ts';
import { defineStage } from '#engine/core/stage.ts';
import type { ScoreMemo } from '#engine/math/bank-scores.ts';
import { identifyTracks } from '#engine/math/identify-tracks.ts';
import type { Calibration } from '#engine/math/threshold.ts';

export const identify = defineStage({
  name: 'identify',
  version: 6,
  needs: ['tracks', 'detections', 'faces', 'embeddings', 'clusters', 'facebank', 'decisions'],
  makes: 'identities',
  async run(
    needs: Pick<Artifacts, 'tracks' | 'detections' | 'faces' | 'embeddings' | 'clusters' | 'decisions'> & {
      /** Null: there is none. */
      facebank: Artifacts['facebank'] | null;
    },
    { openset, confusion, calibration }: Pick<Config, 'openset' | 'confusion'> & { calibration: Calibration | null },
    /** Of the same tracks; undefined: everything is worked out. */
    memo: ScoreMemo | undefined,
  ) {
    return identifyTracks({
      tracks: needs.tracks.rows,
      get detections() {
        return needs.detections.rows;
      },
      detected: detectedIn(needs.detections),
      faces: needs.faces.rows,
      embeddings: needs.embeddings,
      clusters: needs.clusters,
      facebank: needs.facebank,
      decisions: needs.decisions,
      params: { openset, confusion },
      calibration: calibration ?? undefined,
      memo,
    });
  },
});
