import { expect, test } from 'vitest';
import type { Image } from '#engine/core/image.ts';
import { drawText, fitText, textWidth } from '#engine/media/letters.ts';
import { decodePicture, encodeJpeg } from '#engine/media/pictures.ts';
import { composeSheet } from '#engine/media/sheet.ts';

test('letters are drawn where they should be, and what lies outside is left out', () => {
  const image = canvas(11, 8);
  drawText(image, 'L1', 0, 0, 1, [255, 255, 255]);
  const rows = Array.from({ length: 8 }, (_, y) =>
    Array.from({ length: 11 }, (_, x) => (image.rgb[(y * 11 + x) * 3] === 255 ? '#' : '.')).join(''),
  );
  expect(rows).toEqual([
    '#.......#..',
    '#......##..',
    '#.......#..',
    '#.......#..',
    '#.......#..',
    '#.......#..',
    '#####..###.',
    '...........',
  ]);
  drawText(image, 'LLL', -3, 5, 3, [9, 9, 9]);
});

test('letters without a glyph lose their accents or show as a question mark; long words are cut', () => {
  const same = (a: string, b: string) => {
    const [x, y] = [canvas(60, 8), canvas(60, 8)];
    drawText(x, a, 0, 0, 1, [1, 2, 3]);
    drawText(y, b, 0, 0, 1, [1, 2, 3]);
    expect(x.rgb).toEqual(y.rgb);
  };
  same('Zoë', 'Zoe');
  same('愛', '?');
  expect(textWidth('abc', 2)).toBe(2 * 17);
  expect(fitText('abcdef', 1, 35)).toBe('abcdef');
  expect(fitText('abcdef', 1, 34)).toBe('abc..');
});

test('a sheet shows every cell at its place, numbered, beside what it is compared with', async () => {
  const [red, green, blue] = await Promise.all([plain(200, 30, 30), plain(30, 200, 30), plain(30, 30, 200)]);
  const sheet = {
    title: ['Unknown-1'],
    references: [{ pictures: [blue], captions: ['Ada'] }],
    cells: [
      { pictures: [red], captions: ['track 1', '2 s'], number: 1 },
      { pictures: [green], captions: ['track 2', '3 s'], number: 2 },
      { pictures: [red], captions: ['track 3', '1 s'], number: 3 },
    ],
    columns: 2,
    side: 64,
  };
  const bytes = await composeSheet(sheet);
  expect(await composeSheet(sheet)).toEqual(bytes);
  const image = await decodePicture(bytes);
  const at = (x: number, y: number) => [
    ...image.rgb.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3),
  ];
  const near = (got: number[], wanted: number[]) => got.every((value, i) => Math.abs(value - (wanted[i] ?? 0)) < 12);
  // 8 of gap, one title line of 20; a reference column of 80; a row is 64 + two lines of 20 + 8.
  expect(near(at(40, 70), [30, 30, 200])).toBe(true);
  expect(near(at(88 + 40, 70), [200, 30, 30])).toBe(true);
  expect(near(at(88 + 72 + 40, 70), [30, 200, 30])).toBe(true);
  expect(near(at(88 + 40, 70 + 112), [200, 30, 30])).toBe(true);
  expect(near(at(88 + 2, 30), [250, 204, 21])).toBe(true); // the corner with the number
  expect([image.width, image.height]).toEqual([232, 252]);
  const empty = await decodePicture(await composeSheet({ title: ['nobody'], cells: [], columns: 4, side: 64 }));
  expect(empty.width).toBeGreaterThan(64);
});

function canvas(width: number, height: number): Image {
  return { width, height, rgb: new Uint8Array(width * height * 3) };
}

function plain(...colour: [number, number, number]): Promise<Uint8Array> {
  const image = canvas(32, 32);
  for (let i = 0; i < image.rgb.length; i++) image.rgb[i] = colour[i % 3] as number;
  return encodeJpeg(image, 95);
}
