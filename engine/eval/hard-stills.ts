import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Mark } from './hard-labels.ts';

const Labelled = z.object({
  frames: z.array(
    z.object({
      file: z.string(),
      person: z.string(),
      box_px: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    }),
  ),
});

/** tests/evals/hard/stills.json: faces of the shared folder's single frames, marked by eye. */
const HardStills = z.strictObject({
  method: z.string(),
  faces: z.array(
    z.strictObject({
      /** `person_n` is the n-th person to appear in the list of the shared folder. */
      person: z.string(),
      mark: Mark,
      frames: z.array(z.string()).min(1),
    }),
  ),
});

/** A labelled face of one frame; `mark` null: neither profile nor occluded. */
export interface StillFace {
  /** Relative to the shared folder's `media/faces`. */
  readonly file: string;
  readonly person: string;
  /** x1 y1 x2 y2, pixels. */
  readonly box_px: readonly [number, number, number, number];
  readonly mark: Mark | null;
}

/** Every labelled face of the single frames under neutral names, with its mark. A mark that fits no face is an error. */
export function stillFaces(shared: string, markFile: string): StillFace[] {
  const { frames } = Labelled.parse(readJson(join(shared, 'media/faces/labels.json')));
  const people = [...new Set(frames.map(({ person }) => person))];
  const marks = new Map<string, Mark>();
  for (const { person, mark, frames: marked } of HardStills.parse(readJson(markFile)).faces)
    for (const file of marked) marks.set(`${person}/${file}`, mark);
  const faces = frames.map(({ file, person, box_px }) => {
    const neutral = `person_${people.indexOf(person) + 1}`;
    const key = `${neutral}/${file}`;
    const mark = marks.get(key) ?? null;
    marks.delete(key);
    return { file, person: neutral, box_px, mark };
  });
  if (marks.size > 0) throw new RangeError(`no such face: ${[...marks.keys()].join(', ')}`);
  return faces;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
