import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Box, Point } from '#engine/core/image.ts';
import type { Span } from '#engine/core/spans.ts';

/**
 * `profile`: turned by about 45 degrees or more, so that the nose reaches the outline of the far cheek or one eye is hidden.
 * `occluded`: hand, hair, hat, dark glasses, object, another head or the frame's edge hides a part of eyes, nose or mouth.
 */
export const Mark = z.enum(['profile', 'occluded']);
export type Mark = z.output<typeof Mark>;

const share = z.number().min(0).max(1);
const second = z.number().nonnegative();

/** One face over a time within one shot, marked by eye. Bound to the picture, not to a run: it names a place, no track. */
const Stretch = z.strictObject({
  /** A key of the clip's own labels. */
  person: z.string(),
  from_s: second,
  to_s: second,
  mark: Mark,
  note: z.string().optional(),
  /** Seconds and centre of the face (0..1); between two moments it moves evenly. */
  at: z.array(z.tuple([second, share, share])).min(1),
});
export type Stretch = z.output<typeof Stretch>;

/** tests/evals/hard/<clip>.json */
export const HardLabels = z.strictObject({
  clip: z.string(),
  /** How and when it was judged. */
  method: z.string(),
  stretches: z.array(Stretch),
});
export type HardLabels = z.output<typeof HardLabels>;

/** The hard labels of a clip by its name (without `.mp4`); undefined where none were made. */
export function readHardLabels(folder: string, clip: string): HardLabels | undefined {
  const file = join(folder, `${clip}.json`);
  return existsSync(file) ? HardLabels.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
}

/** How a face in this box at that moment was marked: the stretch whose point lies inside the box, the nearest to its middle of several. */
export function markOf(labels: HardLabels, at_ms: number, box: Box): Mark | null {
  const [x1, y1, x2, y2] = box;
  let best: Mark | null = null;
  let least = Infinity;
  for (const stretch of labels.stretches) {
    if (!holds(stretch, at_ms)) continue;
    const [x, y] = pointAt(stretch, at_ms / 1000);
    if (x < x1 || x > x2 || y < y1 || y > y2) continue;
    const away = Math.hypot((2 * x - x1 - x2) / (x2 - x1), (2 * y - y1 - y2) / (y2 - y1));
    if (away < least) [best, least] = [stretch.mark, away];
  }
  return best;
}

export interface HardCounts {
  /** Each marked stretch. */
  stretches: Record<Mark, number>;
  /** One for each person in each shot who has a stretch: what a faultless tracker makes of them. By the mark that lasts longer. */
  face_tracks: Record<Mark, number>;
  /** Marked time over all faces. */
  marked_ms: number;
}

export function countHard(labels: HardLabels, shots: readonly Span[]): HardCounts {
  const counts: HardCounts = {
    stretches: { profile: 0, occluded: 0 },
    face_tracks: { profile: 0, occluded: 0 },
    marked_ms: 0,
  };
  const tracks = new Map<string, Record<Mark, number>>();
  for (const stretch of labels.stretches) {
    const { start_ms, end_ms } = spanOf(stretch);
    const shot = shots.findIndex((each) => start_ms >= each.start_ms && start_ms < each.end_ms);
    const track = tracks.get(`${shot}/${stretch.person}`) ?? { profile: 0, occluded: 0 };
    tracks.set(`${shot}/${stretch.person}`, track);
    track[stretch.mark] += end_ms - start_ms;
    counts.stretches[stretch.mark] += 1;
    counts.marked_ms += end_ms - start_ms;
  }
  for (const track of tracks.values())
    counts.face_tracks[track.profile >= track.occluded ? 'profile' : 'occluded'] += 1;
  return counts;
}

export function spanOf({ from_s, to_s }: Pick<Stretch, 'from_s' | 'to_s'>): Span {
  return { start_ms: Math.round(from_s * 1000), end_ms: Math.round(to_s * 1000) };
}

function holds(stretch: Stretch, at_ms: number): boolean {
  const { start_ms, end_ms } = spanOf(stretch);
  return at_ms >= start_ms && at_ms < end_ms;
}

function pointAt({ at }: Stretch, t: number): Point {
  const after = at.findIndex(([key]) => key > t);
  const [tb, xb, yb] = at.at(after) as Stretch['at'][number]; // -1, none later: the last
  const [ta, xa, ya] = at.at(after === -1 ? -1 : Math.max(0, after - 1)) as Stretch['at'][number];
  const part = tb === ta ? 0 : (t - ta) / (tb - ta);
  return [xa + (xb - xa) * part, ya + (yb - ya) * part];
}
