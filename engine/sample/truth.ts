import { z } from 'zod';
import type { Box } from '#engine/core/image.ts';
import { type Span, unite } from '#engine/core/spans.ts';
import { frameMs, type Shot, sceneStarts, shots } from './camera.ts';
import { type Composition, photoOf, type View } from './composition.ts';

const ms = z.int().nonnegative();
const Interval = z.strictObject({ start_ms: ms, end_ms: ms }); // half-open

const TruthBox = z.strictObject({
  frame: z.int().nonnegative(),
  at_ms: ms,
  person: z.string(),
  /** Clipped to the frame: x1 y1 x2 y2, 0..1. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** Shorter side of the whole face, frame pixels. */
  size_px: z.number(),
  /** `no` and `yes` are scored, `dontcare` is not: less than half in the frame, under 20 px, or in the dark of a fade. */
  visible: z.enum(['yes', 'dontcare']),
});

/** What is true of the composed video, known from how it was made; no model had a part in it. */
export const SampleTruth = z.strictObject({
  name: z.string(),
  composition_sha256: z.string(),
  width: z.int(),
  height: z.int(),
  fps: z.number(),
  frames: z.int(),
  duration_ms: ms,
  shots: z.array(z.strictObject({ start_ms: ms, end_ms: ms, begins: z.enum(['start', 'cut', 'fade']) })),
  boxes: z.array(TruthBox),
  people: z.array(
    z.strictObject({
      person: z.string(),
      photos: z.array(z.string()),
      visible: z.array(Interval),
      dontcare: z.array(Interval),
      visible_ms: ms,
      dontcare_ms: ms,
    }),
  ),
  totals: z.strictObject({
    people: z.int(),
    /** Sum over people: two people seen for one second are two seconds. */
    visible_ms: ms,
    /** Part of that with a face under 40 px. */
    small_ms: ms,
  }),
});
export type SampleTruth = z.output<typeof SampleTruth>;
type TruthBox = SampleTruth['boxes'][number];

const SIZE_MIN_PX = 20;
const SMALL_PX = 40;
const INSIDE_MIN = 0.5;
/** Below this brightness of a fade a face is not asked for. */
const GAIN_MIN = 0.5;

export function truthOf(composition: Composition): SampleTruth {
  const { name, sha256, width, height, fps, scenes } = composition;
  const starts = sceneStarts(composition);
  const period = frameMs(composition);
  const boxes = [...shots(composition)].flatMap((shot) => boxesIn(composition, shot));
  const frames = starts.at(-1) ?? 0;
  const people = [...new Set(boxes.map((box) => box.person))].sort();
  const seen = boxes.filter((box) => box.visible === 'yes');
  return {
    name,
    composition_sha256: sha256,
    width,
    height,
    fps,
    frames,
    duration_ms: frames * period,
    shots: scenes.map(({ transition }, i) => ({
      start_ms: (starts[i] ?? 0) * period,
      end_ms: (starts[i + 1] ?? 0) * period,
      begins: i === 0 ? 'start' : transition,
    })),
    boxes,
    people: people.map((person) => personOf(composition, person, boxes)),
    totals: {
      people: people.length,
      visible_ms: seen.length * period,
      small_ms: seen.filter((box) => box.size_px < SMALL_PX).length * period,
    },
  };
}

function personOf(composition: Composition, person: string, boxes: readonly TruthBox[]): SampleTruth['people'][number] {
  const own = boxes.filter((box) => box.person === person);
  const visible = own.filter((box) => box.visible === 'yes');
  const doubtful = own.filter((box) => box.visible === 'dontcare');
  const period = frameMs(composition);
  const shown = new Set(composition.scenes.map((scene) => scene.photo));
  const photos = composition.people.photos.filter((photo) => photo.faces.some((face) => face.person === person));
  return {
    person,
    photos: photos.map((photo) => photo.file).filter((file) => shown.has(file)),
    visible: spansOf(visible, period),
    dontcare: spansOf(doubtful, period),
    visible_ms: visible.length * period,
    dontcare_ms: doubtful.length * period,
  };
}

function spansOf(boxes: readonly TruthBox[], period: number): Span[] {
  return unite(boxes.map(({ at_ms }) => ({ start_ms: at_ms, end_ms: at_ms + period })));
}

function boxesIn(composition: Composition, { frame, photo, view, gain }: Shot): TruthBox[] {
  const { width, height } = composition;
  return photoOf(composition.people, photo).faces.flatMap(({ person, box_px }) => {
    const whole = project(box_px, view, width);
    const box = clip(whole, width, height);
    if (box === undefined) return [];
    const inside = area(box) / area(whole);
    const size_px = Math.min(whole[2] - whole[0], whole[3] - whole[1]);
    const visible = inside >= INSIDE_MIN && size_px >= SIZE_MIN_PX && gain >= GAIN_MIN ? 'yes' : 'dontcare';
    const [x1, y1, x2, y2] = box;
    return {
      frame,
      at_ms: frame * frameMs(composition),
      person,
      box: [round(x1 / width), round(y1 / height), round(x2 / width), round(y2 / height)],
      size_px: Math.round(size_px * 10) / 10,
      visible,
    };
  });
}

/** Photo pixels to frame pixels. */
function project(box_px: Box, view: View, width: number): Box {
  const scale = width / view.w;
  const [x1, y1, x2, y2] = box_px;
  return [(x1 - view.x) * scale, (y1 - view.y) * scale, (x2 - view.x) * scale, (y2 - view.y) * scale];
}

function clip([x1, y1, x2, y2]: Box, width: number, height: number): Box | undefined {
  const box = [Math.max(0, x1), Math.max(0, y1), Math.min(width, x2), Math.min(height, y2)] as const;
  return box[2] > box[0] && box[3] > box[1] ? box : undefined;
}

function area([x1, y1, x2, y2]: Box): number {
  return (x2 - x1) * (y2 - y1);
}

function round(fraction: number): number {
  return Math.round(fraction * 1e5) / 1e5;
}
