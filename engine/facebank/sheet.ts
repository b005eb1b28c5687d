import { facebankKeys } from '../blobs/layout.ts';
import { digest } from '../core/stage.ts';
import type { EngineReader } from '../engine.ts';
import { composeSheet, type SheetCell } from '../media/sheet.ts';
import type { StoredSeed } from '../store/seeds.ts';
import { poseOf } from './status.ts';

const COLUMNS = 6;
/** Pixels of one picture. */
const SIDE = 160;

/**
 * A contact sheet of a person's seeds, numbered in the order given: the key of a JPEG among the person's own blobs, where an erasure
 * finds it. Made once for the same seeds; undefined without any.
 */
export async function seedSheet(
  { blobs }: EngineReader,
  person: { readonly person_id: string; readonly name: string },
  seeds: readonly StoredSeed[],
  from = 1,
): Promise<string | undefined> {
  if (seeds.length === 0) return undefined;
  const cells = seeds.map((seed, i) => ({ seed, captions: captionsOf(seed), number: from + i }));
  const name = digest([person.name, cells.map(({ captions, number }) => [captions, number])]).slice(0, 16);
  const key = facebankKeys.sheet(person.person_id, name);
  if (await blobs.has(key)) return key;
  const drawn: SheetCell[] = [];
  for (const { seed, captions, number } of cells) {
    const chip = await blobs.get(facebankKeys.chip(seed.owner_id, seed.seed_id));
    drawn.push({ pictures: chip === undefined ? [] : [chip], captions, number });
  }
  const title = [person.name, `${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}`];
  await blobs.put(key, await composeSheet({ title, cells: drawn, columns: COLUMNS, side: SIDE }), false);
  return key;
}

function captionsOf({ seed_id, yaw_deg, size_px, quality }: StoredSeed): string[] {
  const pose = poseOf(yaw_deg).replace('three-quarter', '3/4'); // a picture is some fifteen letters wide
  return [seed_id.slice(0, 10), `${pose} ${Math.round(yaw_deg)}`, `${Math.round(size_px)} px q ${quality.toFixed(2)}`];
}
