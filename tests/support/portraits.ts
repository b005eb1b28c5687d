import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { loadComposition, photoOf, readPhoto } from '#engine/sample/composition.ts';

const { people } = loadComposition('test');

/** A labelled person of a sample photo, cut out with some room: one face, as a cast photo has it. */
export function portrait(photo: string, person: string): Promise<Buffer> {
  return cutOut(photo, person, 0.4);
}

/** The same without any room: all face, as some cast photos are. */
export function tightPortrait(photo: string, person: string): Promise<Buffer> {
  return cutOut(photo, person, 0);
}

/** `share`: of the face's longer side, on every side of it. */
async function cutOut(photo: string, person: string, share: number): Promise<Buffer> {
  const found = photoOf(people, photo);
  const face = found.faces.find((each) => each.person === person);
  if (face === undefined) throw new Error(`${person} is not in ${photo}`);
  const [x1, y1, x2, y2] = face.box_px;
  const room = Math.round(Math.max(x2 - x1, y2 - y1) * share);
  const [left, top] = [Math.max(0, x1 - room), Math.max(0, y1 - room)];
  const width = Math.min(found.width, x2 + room) - left;
  const height = Math.min(found.height, y2 + room) - top;
  return sharp(readPhoto(people, found)).extract({ left, top, width, height }).jpeg({ quality: 95 }).toBuffer();
}

/** The whole photo, with all its people. */
export function groupPhoto(photo: string): Buffer {
  return readPhoto(people, photoOf(people, photo));
}

/** `Ada/1.jpg` -> its bytes, below a folder. */
export function writePictures(folder: string, files: Readonly<Record<string, Uint8Array>>): string {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}
