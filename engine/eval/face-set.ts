import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Box } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';
import type { Mark } from './hard-labels.ts';
import { stillFaces } from './hard-stills.ts';

const People = z.object({
  frames: z.array(z.object({ person: z.string() })),
  photos: z.array(z.object({ file: z.string(), person: z.string() })),
});

/** A face of a television frame whose owner is known. */
export interface SetFace {
  readonly file: string;
  /** Neutral: `person_n` is the n-th to appear. */
  readonly person: string;
  /** Pixels of the frame: x1, y1, x2, y2. */
  readonly box_px: Box;
  /** Faces of one person in frames that follow each other, hardly moved: they are not independent. */
  readonly track: string;
  /** Tracks of one person, counted in time. */
  readonly part: number;
  /** By hand; null: neither profile nor occluded. */
  readonly mark: Mark | null;
}

export interface FaceSet {
  readonly folder: string;
  readonly faces: readonly SetFace[];
  /** One face each; of the people in the frames, and of others: `other_n`. */
  readonly photos: readonly { readonly file: string; readonly person: string }[];
}

/** Frames that follow each other lie at most so far apart. */
const GAP_FRAMES = 3;
const SAME_PLACE_IOU = 0.2;

/** The labelled frames and photos of media/faces in the shared folder, with what was marked by hand in `mark_file`. */
export function readFaceSet(shared: string, mark_file: string): FaceSet {
  const folder = join(shared, 'media/faces');
  const { frames, photos } = People.parse(JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8')));
  const seen = [...new Set(frames.map(({ person }) => person))];
  const others = [...new Set(photos.map(({ person }) => person))].filter((name) => !seen.includes(name));
  const neutral = (name: string) =>
    seen.includes(name) ? `person_${seen.indexOf(name) + 1}` : `other_${others.indexOf(name) + 1}`;
  const faces = Map.groupBy(stillFaces(shared, mark_file), ({ person }) => person);
  return {
    folder,
    faces: [...faces.values()].flatMap(inTracks),
    photos: photos.map(({ file, person }) => ({ file, person: neutral(person) })),
  };
}

/** One person's faces in order, each with the track that it belongs to. */
export function inTracks(faces: readonly Omit<SetFace, 'track' | 'part'>[]): SetFace[] {
  let part = 0;
  let last: { at: number; box: Box } | undefined;
  return faces
    .map((face) => ({ face, at: Number(/(\d+)\.\w+$/.exec(face.file)?.[1] ?? 0) }))
    .sort((a, b) => a.at - b.at)
    .map(({ face, at }) => {
      if (last === undefined || at - last.at > GAP_FRAMES || iou(last.box, face.box_px) < SAME_PLACE_IOU) part++;
      last = { at, box: face.box_px };
      return { ...face, track: `${face.person}/${part}`, part };
    });
}
