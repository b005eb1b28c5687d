import { z } from 'zod';
import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import { thumbnail } from '../report/contact-sheet.ts';
import { FACE_SIDE } from '../report/people.ts';

/** Faces and the lengths of their pictures, in the order in which these follow. */
const Lengths = z.array(z.tuple([z.string(), z.int().min(0)]));

/**
 * The pictures of a run's faces as a report shows them, made once: a correction writes the report again, and most of its pictures stay. They lie in
 * one file, for a season shows thousands. A face that has no picture is not in the answer.
 */
export async function smallPictures(
  blobs: Blobs,
  faces_key: string,
  face_ids: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const folder = cacheKeys.pictures('faces', faces_key);
  const key = `${folder}small-${FACE_SIDE}.bin`;
  const known = unpack(await blobs.get(key));
  const found = await Promise.all(
    face_ids.map(async (face_id) => {
      const there = known.get(face_id);
      if (there !== undefined) return [[face_id, there] as const];
      const jpeg = await blobs.get(`${folder}thumbs/${face_id}.jpg`);
      return jpeg === undefined ? [] : [[face_id, await thumbnail(jpeg, FACE_SIDE)] as const];
    }),
  );
  const pictures = new Map(found.flat());
  if ([...pictures.keys()].some((face_id) => !known.has(face_id))) await blobs.put(key, pack(pictures), false);
  return pictures;
}

/** Length of the header (uint32, little-endian), the header (JSON), the pictures. */
function pack(pictures: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const lengths: z.output<typeof Lengths> = [...pictures].map(([face_id, { byteLength }]) => [face_id, byteLength]);
  const header = Buffer.from(JSON.stringify(lengths));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.byteLength);
  return Buffer.concat([size, header, ...pictures.values()]);
}

/** A file that does not fit counts as absent. */
function unpack(bytes: Uint8Array | undefined): Map<string, Uint8Array> {
  const pictures = new Map<string, Uint8Array>();
  if (bytes === undefined || bytes.byteLength < 4) return pictures;
  let at = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  for (const [face_id, length] of lengthsOf(bytes.subarray(4, at))) {
    pictures.set(face_id, bytes.subarray(at, at + length));
    at += length;
  }
  return at === bytes.byteLength ? pictures : new Map();
}

function lengthsOf(header: Uint8Array): z.output<typeof Lengths> {
  try {
    return Lengths.parse(JSON.parse(new TextDecoder().decode(header)));
  } catch {
    return [];
  }
}
