import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Box } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';

const LabelFile = z.object({
  frames: z.array(
    z.object({
      file: z.string(),
      person: z.string(),
      box_px: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    }),
  ),
  photos: z.array(z.object({ file: z.string(), person: z.string() })),
});

/** A face of a television frame whose owner is known. */
export interface SetFace {
  readonly file: string;
  /** Neutral: `person_1` is the first of the people in the frames, by name. */
  readonly person: string;
  /** Pixels of the frame: x1, y1, x2, y2. */
  readonly box_px: Box;
  /** Faces of one person in frames that follow each other, hardly moved: they are not independent. */
  readonly track: string;
  /** Tracks of one person, counted in time. */
  readonly part: number;
}

export interface FaceSet {
  readonly folder: string;
  readonly faces: readonly SetFace[];
  /** One face each; of the people in the frames and of others. */
  readonly photos: readonly { readonly file: string; readonly person: string }[];
}

/** Frames that follow each other lie at most so far apart. */
const GAP_FRAMES = 3;
const SAME_PLACE_IOU = 0.2;

/** The labelled frames and photos of a folder such as media/faces. */
export function readFaceSet(folder: string): FaceSet {
  const { frames, photos } = LabelFile.parse(JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8')));
  const seen = [...new Set(frames.map(({ person }) => person))].sort();
  const others = [...new Set(photos.map(({ person }) => person))].filter((name) => !seen.includes(name)).sort();
  const neutral = (name: string) =>
    seen.includes(name) ? `person_${seen.indexOf(name) + 1}` : `other_${others.indexOf(name) + 1}`;
  const faces = [...Map.groupBy(frames, ({ person }) => person)].flatMap(([name, own]) => {
    let part = 0;
    let last: { at: number; box: Box } | undefined;
    return own
      .map(({ file, box_px }) => ({ file, box: box_px, at: Number(/(\d+)\.\w+$/.exec(file)?.[1] ?? 0) }))
      .sort((a, b) => a.at - b.at)
      .map(({ file, box, at }): SetFace => {
        if (last === undefined || at - last.at > GAP_FRAMES || iou(last.box, box) < SAME_PLACE_IOU) part++;
        last = { at, box };
        const person = neutral(name);
        return { file, person, box_px: box, track: `${person}/${part}`, part };
      });
  });
  return { folder, faces, photos: photos.map(({ file, person }) => ({ file, person: neutral(person) })) };
}
