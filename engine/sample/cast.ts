import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cropJpeg, decodePicture, type Region } from '../media/pictures.ts';
import { type People, type Photo, photoOf, readPhoto } from './composition.ts';

/** Photos whose people get a seed; the others' people stay unknown, and these people are to be found again in other photos. */
export const CAST_PHOTOS = ['sample3.jpg', 'sample4.jpg'] as const;

/** Room around a face, in sizes of it: a portrait, without its neighbours. */
const ROOM = 1.6;
const SIDE_MAX = 640;

export interface SampleCast {
  /** One sub-folder per person with one picture, as a newcomer would lay out cast photos. */
  readonly folder: string;
  readonly people: readonly string[];
}

/** Cuts portraits out of the labelled photos: what the cast would have sent in. */
export async function prepareCast(home: string, people: People): Promise<SampleCast> {
  const folder = join(home, 'sample', 'cast');
  const names: string[] = [];
  for (const file of CAST_PHOTOS) {
    const photo = photoOf(people, file);
    const picture = await decodePicture(readPhoto(people, photo));
    for (const { person, box_px } of photo.faces) {
      const jpeg = await cropJpeg(picture, portrait(photo, box_px), SIDE_MAX, 92);
      await mkdir(join(folder, person), { recursive: true });
      await writeFile(join(folder, person, file), jpeg);
      names.push(person);
    }
  }
  return { folder, people: names };
}

/** A square around the face, moved inside the photo. */
function portrait({ width, height }: Photo, [x1, y1, x2, y2]: Photo['faces'][number]['box_px']): Region {
  const side = Math.min(Math.round(Math.max(x2 - x1, y2 - y1) * ROOM), width, height);
  const inside = (centre: number, size: number) => Math.min(size - side, Math.max(0, Math.round(centre - side / 2)));
  return { x: inside((x1 + x2) / 2, width), y: inside((y1 + y2) / 2, height), width: side, height: side };
}
