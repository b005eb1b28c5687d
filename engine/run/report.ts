import type { Artifacts } from '#engine/core/artifacts.ts';
import type { RunSummary } from '#engine/core/summary.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { type EpisodePlace, layout } from '../blobs/layout.ts';

export async function publishReport(
  _blobs: Blobs,
  _p: {
    place: EpisodePlace;
    artifacts: Omit<Artifacts, 'source'>;
    summary: RunSummary;
    settings: Record<string, unknown>;
    faces_key: string;
  },
): Promise<void> {
  layout;
}
