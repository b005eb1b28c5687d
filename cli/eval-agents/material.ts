import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CAST_PHOTOS, prepareCast } from '#engine/sample/cast.ts';
import { loadComposition, photoOf, readPhoto } from '#engine/sample/composition.ts';
import { prepareSample } from '#engine/sample/prepare.ts';

/** What an operator has before there is anything: `${start.video}` and `${start.cast}` of a scenario. */
export interface Material {
  /** The short composed episode. */
  readonly video: string;
  /** A folder of cast photos, a sub-folder for each of seven people; one picture is no good, since it shows a group. */
  readonly cast: string;
}

/** The sample lies in `home`, composed there on first use; photos of its cast go into `folder`. */
export async function prepareMaterial(home: string, folder: string, signal?: AbortSignal): Promise<Material> {
  const { video } = await prepareSample(home, { name: 'test', ...(signal && { signal }) });
  const { people } = loadComposition('episode');
  const cast = await prepareCast(folder, people);
  const [somebody = ''] = cast.people;
  await writeFile(join(cast.folder, somebody, 'group.jpg'), readPhoto(people, photoOf(people, CAST_PHOTOS[0])));
  return { video, cast: cast.folder };
}
