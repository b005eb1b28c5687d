import type { BlobReader } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { OpenRun } from './open-run.ts';

/** The two pictures of a face in the cache: what recognition sees, and what people see. */
export function pictureKeys({ machine_keys }: Pick<OpenRun, 'machine_keys'>, face_id: string) {
  const folder = cacheKeys.pictures('faces', machine_keys.faces);
  return { chip: `${folder}chips/${face_id}.jpg`, thumb: `${folder}thumbs/${face_id}.jpg` };
}

/** The cache is anyone's to empty: of these faces those that lack a picture, in the given order. */
export async function facesWithoutPictures(
  blobs: Pick<BlobReader, 'list'>,
  run: Pick<OpenRun, 'machine_keys'>,
  face_ids: readonly string[],
): Promise<string[]> {
  const there = new Set(await blobs.list(cacheKeys.pictures('faces', run.machine_keys.faces)));
  return face_ids.filter((face_id) => Object.values(pictureKeys(run, face_id)).some((key) => !there.has(key)));
}

/** PICTURES_GONE with the very call that makes them again, track by track (FAC-15). */
export function picturesGone(ep_id: string, face_ids: readonly string[]): ScreenalyticsError {
  const tracks = [...new Set(face_ids.map(trackOfFace))];
  return new ScreenalyticsError('PICTURES_GONE', {
    ...{ episode: ep_id, faces: face_ids },
    fix: { tool: 'mend_episode', input: { episode: ep_id, action: 'harvest_track', tracks } },
  });
}

/** `12-3` -> `12` */
export function trackOfFace(face_id: string): string {
  return face_id.slice(0, face_id.indexOf('-'));
}
