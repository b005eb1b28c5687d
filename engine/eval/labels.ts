import { z } from 'zod';
import type { Box, Point } from '#engine/core/image.ts';

const region = z.tuple([z.number(), z.number(), z.number(), z.number()]); // x1 y1 x2 y2, 0..1
const spans = z.array(z.tuple([z.number(), z.number()])); // seconds

/** What of a truth file is about pictures. People are the keys of `visible`. */
export const Truth = z.object({
  duration_s: z.number(),
  fps: z.number().positive().optional(),
  /** Width and height, pixels. */
  size: z.tuple([z.number(), z.number()]).optional(),
  boundary_tolerance_s: z.number().default(0.25),
  shots: spans,
  visible: z.record(z.string(), spans),
  visible_dontcare: z.record(z.string(), spans),
  /** Folder beside `clips` with photos of the cast, one sub-folder per key of `visible`. */
  facebank: z.string().optional(),
});
export type Truth = z.output<typeof Truth>;

/**
 * Labels by eye: where whose face is. `people` are neutral names in the order of the keys of the truth file's `visible`; `others` are faces of
 * people that the truth does not count. Times are the container's: where the sound begins first, the first frame comes after 0.
 */
export const Labels = z.strictObject({
  clip: z.string(),
  method: z.string(),
  people: z.array(z.string()).min(1),
  others: z.array(z.string()),
  /** Transitions that are no cuts, not scored. */
  wipes_s: spans.default([]),
  /** Of a clip that is no file: files of the media folder that it is joined of, in their order. */
  joined: z.array(z.string()).optional(),
  /** For a clip without a truth file. */
  truth: Truth.optional(),
  faces: z.array(
    z.strictObject({
      person: z.string(),
      start_s: z.number(),
      end_s: z.number(),
      /** The area in which the centre of the face lies; between two moments it moves evenly. */
      path: z.array(z.strictObject({ t_s: z.number(), region })).min(1),
    }),
  ),
});
export type Labels = z.output<typeof Labels>;
type Labelled = Labels['faces'][number];

/** Whose face it is whose centre lies at this point: of several areas the one whose middle is nearest. */
export function personAt(labels: Labels, at_ms: number, centre: Point): string | undefined {
  const t = at_ms / 1000;
  let best: string | undefined;
  let distance = Infinity;
  for (const face of labels.faces) {
    if (t < face.start_s || t >= face.end_s) continue;
    const [x1, y1, x2, y2] = regionAt(face, t);
    if (centre[0] < x1 || centre[0] > x2 || centre[1] < y1 || centre[1] > y2) continue;
    const away = Math.hypot(centre[0] - (x1 + x2) / 2, centre[1] - (y1 + y2) / 2);
    if (away < distance) [best, distance] = [face.person, away];
  }
  return best;
}

function regionAt({ path }: Labelled, t: number): Box {
  const after = path.findIndex((key) => key.t_s > t);
  const b = path[after === -1 ? path.length - 1 : after] as Labelled['path'][number];
  const a = path[after === -1 ? path.length - 1 : Math.max(0, after - 1)] as Labelled['path'][number];
  const share = b.t_s === a.t_s ? 0 : (t - a.t_s) / (b.t_s - a.t_s);
  const between = (i: 0 | 1 | 2 | 3) => a.region[i] + (b.region[i] - a.region[i]) * share;
  return [between(0), between(1), between(2), between(3)];
}
