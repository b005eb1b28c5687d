import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { readPicture, resolvePaths } from '#engine/facebank/read-pictures.ts';
import { inspectPicture } from '#engine/media/pictures.ts';

const folder = mkdtempSync(join(tmpdir(), 'sa-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const limits = loadConfig({}).config.facebank;

/** Left half red, right half blue. */
async function picture(width: number, height: number) {
  const rgb = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) rgb[i * 3 + (i % width < width / 2 ? 0 : 2)] = 255;
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** A PNG that claims to be a square of `side` pixels, and has none. */
function hugePng(side: number): Buffer {
  const chunk = (name: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32BE(data.length, 0);
    numbers.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([numbers.subarray(0, 4), body, numbers.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2], 8); // 8 bits, RGB
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

test('jpg, png and webp are read by what they are, whatever their name', async () => {
  const made = await picture(40, 20);
  for (const [name, bytes] of [
    ['a.jpg', await made.clone().jpeg().toBuffer()],
    ['b.dat', await made.clone().png().toBuffer()],
    ['c.webp', await made.clone().webp().toBuffer()],
    ['grey.png', await made.clone().greyscale().png().toBuffer()],
    ['alpha.png', await made.clone().ensureAlpha(0.5).png().toBuffer()],
  ] as const) {
    const read = await readPicture(file(name, bytes), limits);
    expect(read, name).toMatchObject({ image: { width: 40, height: 20 } });
    expect('image' in read && read.image.rgb.length, name).toBe(40 * 20 * 3);
  }
});

test('a turn that EXIF asks for is made', async () => {
  const turned = await (await picture(40, 20)).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
  const read = await readPicture(file('turned.jpg', turned), limits);
  expect(read).toMatchObject({ image: { width: 20, height: 40 } });
  if (!('image' in read)) throw new Error('not read');
  const top = read.image.rgb[(5 * 20 + 10) * 3] as number;
  const bottom = read.image.rgb[(35 * 20 + 10) * 3] as number;
  expect([top > 200, bottom < 50]).toEqual([true, true]); // the left half lies on top now
});

test('what is no picture, damaged, or would unfold beyond the limit is refused by code', async () => {
  const gif = await (await picture(10, 10)).gif().toBuffer();
  const whole = await (await picture(400, 300)).jpeg().toBuffer();
  const code = async (name: string, bytes: Uint8Array | string, over = {}) => {
    const read = await readPicture(file(name, bytes), { ...limits, ...over });
    return 'refusal' in read ? read.refusal.code : 'read';
  };
  expect(await code('text.jpg', 'not a picture at all')).toBe('unreadable');
  expect(await code('empty.jpg', '')).toBe('unreadable');
  expect(await code('moving.jpg', gif)).toBe('unreadable');
  expect(await code('drawing.png', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')).toBe(
    'unreadable',
  );
  expect(await code('half.jpg', whole.subarray(0, whole.length / 2))).toBe('unreadable');
  expect(await code('heavy.jpg', whole, { file_mb_max: 0.0001 })).toBe('too_large');
  const bomb = hugePng(60_000);
  expect(bomb.length).toBeLessThan(100);
  expect(await inspectPicture(bomb)).toEqual({ format: 'png', width: 60_000, height: 60_000 });
  expect(await code('bomb.png', bomb)).toBe('too_large');
  const gone = await readPicture(join(folder, 'gone.jpg'), limits);
  expect(gone).toMatchObject({ refusal: { code: 'unreadable' } });
});

test('a folder is a person, or one sub-folder a person; links that lead out are not followed', async () => {
  const secret = file('elsewhere/secret.jpg', 'x');
  for (const name of [
    'cast/Ada/1.jpg',
    'cast/Ada/2.png',
    'cast/Ada/.hidden.jpg',
    'cast/Ben/note.txt',
    'cast/read me.txt',
  ])
    file(name, 'x');
  symlinkSync(secret, join(folder, 'cast/Ada/3.jpg'));
  const names = async (paths: string[], person?: string, picks: string[] = []) =>
    (await resolvePaths({ paths: paths.map((path) => join(folder, path)), person, picks }, limits)).map(
      (each) => `${each.person} ${each.file}${each.pick === undefined ? '' : ` ${each.pick}`}`,
    );
  expect(await names(['cast'])).toEqual(['Ada Ada/1.jpg', 'Ada Ada/2.png', 'Ben Ben/note.txt']);
  expect(await names(['cast/Ada'], 'Cleo')).toEqual(['Cleo 1.jpg', 'Cleo 2.png']);
  expect(await names(['cast'], undefined, ['Ada/2.png#3'])).toContain('Ada Ada/2.png 3');
  expect(await names(['cast'], undefined, ['1.jpg#1'])).toContain('Ada Ada/1.jpg 1');
});

test('what is wrong with the call is said before any work', async () => {
  file('loose/Ada/1.jpg', 'x');
  file('loose/stray.jpg', 'x');
  file('same/Ada/1.jpg', 'x');
  file('same/Ben/1.jpg', 'x');
  mkdirSync(join(folder, 'none/Ada'), { recursive: true });
  const ask = (path: string, person?: string, picks: string[] = [], over = {}) =>
    resolvePaths({ paths: [join(folder, path)], person, picks }, { ...limits, ...over });
  const field = (name: string) => ({ code: 'INPUT_INVALID', details: { fields: [{ field: name }] } });
  await expect(ask('nowhere')).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
  await expect(ask('loose')).rejects.toMatchObject(field('person'));
  await expect(ask('loose/stray.jpg')).rejects.toMatchObject(field('person'));
  await expect(ask('loose/Ada')).rejects.toMatchObject(field('person'));
  await expect(ask('none')).rejects.toMatchObject(field('paths'));
  await expect(ask('same', undefined, [], { files_max: 1 })).rejects.toMatchObject(field('paths'));
  await expect(ask('same', undefined, ['1.jpg#1'])).rejects.toMatchObject(field('pick'));
  await expect(ask('same', undefined, ['9.jpg#1'])).rejects.toMatchObject(field('pick'));
  await expect(ask('same', undefined, ['Ada/1.jpg'])).rejects.toMatchObject(field('pick'));
  file('bad/Ada/seeds.json', '{"person": 3}');
  await expect(ask('bad')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});
