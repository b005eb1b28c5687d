import { statSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { openLocalBlobs } from '#engine/blobs/local.ts';
import { smallPictures } from '#engine/run/small-pictures.ts';
import { temporaryHome } from '../support/home.ts';

const PACK = 'cache/faces/k/small-144.bin';

async function world(...faces: readonly string[]) {
  const home = temporaryHome({ empty: true });
  const blobs = openLocalBlobs(home);
  for (const [i, face_id] of faces.entries()) {
    const background = { r: 40 * i, g: 90, b: 120 };
    const jpeg = await sharp({ create: { width: 300, height: 300, channels: 3, background } })
      .jpeg()
      .toBuffer();
    await blobs.put(`cache/faces/k/thumbs/${face_id}.jpg`, jpeg);
  }
  return { blobs, path: blobs.pathOf(PACK) };
}

test('small pictures are made once, and are read from one file after that', async () => {
  const { blobs, path } = await world('1-0', '12', '3-4');
  const first = await smallPictures(blobs, 'k', ['3-4', '12', 'none']);
  expect([...first.keys()]).toEqual(['3-4', '12']); // in the order that was asked for
  const { width, height, format } = await sharp(first.get('12')).metadata();
  expect({ width, height, format }).toEqual({ width: 144, height: 144, format: 'jpeg' });

  const { mtimeNs } = statSync(path, { bigint: true });
  await blobs.delete('cache/faces/k/thumbs/');
  const again = await smallPictures(blobs, 'k', ['12', '3-4', '1-0']);
  expect(again).toEqual(new Map([...first].reverse()));
  expect(statSync(path, { bigint: true }).mtimeNs).toBe(mtimeNs);
});

test('what is no longer shown is not kept, and a damaged file is made anew', async () => {
  const { blobs, path } = await world('1-0', '2-0');
  const both = await smallPictures(blobs, 'k', ['1-0']);
  const whole = statSync(path).size;
  await smallPictures(blobs, 'k', ['2-0']);
  expect(statSync(path).size).toBeLessThan(whole * 1.5);
  for (const damage of ['', 'xx', '\xff\xff\xff\xff', 'four{"no":1}']) {
    writeFileSync(path, damage, 'latin1');
    expect(await smallPictures(blobs, 'k', ['1-0'])).toEqual(both);
  }
  expect(statSync(path).size).toBe(whole);
});
