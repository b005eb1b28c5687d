import type { Image } from '#engine/core/image.ts';

/**
 * Letters drawn by ourselves: a machine without fonts shows them too, and every machine the same. The usual 5 x 7 letters of character
 * displays: two hexadecimal digits per column, lowest bit on top; from the space to the tilde.
 */
const GLYPHS = (
  '0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0008070300 001c224100 0041221c00 2a1c7f1c2a 08083e0808 ' +
  '0080703000 0808080808 0000606000 2010080402 3e5149453e 00427f4000 7249494946 2141494d33 1814127f10 2745454539 3c4a494931 4121110907 ' +
  '3649494936 464949291e 0000140000 0040340000 0008142241 1414141414 0041221408 0201590906 3e415d594e 7c1211127c 7f49494936 3e41414122 ' +
  '7f4141413e 7f49494941 7f09090901 3e41415173 7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f 7f0408107f 3e4141413e ' +
  '7f09090906 3e4151215e 7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f 3f4038403f 6314081463 0304780403 6159494d43 007f414141 ' +
  '0204081020 004141417f 0402010204 4040404040 0003070800 2054547840 7f28444438 3844444428 384444287f 3854545418 00087e0902 18a4a49c78 ' +
  '7f08040478 00447d4000 2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438 fc18242418 18242418fc 7c08040408 4854545424 ' +
  '04043f4424 3c4040207c 1c2040201c 3c4030403c 4428102844 4c9090907c 4464544c44 0008364100 0000770000 0041360800 0201020402'
).split(' ');

/** Pixels of one letter with its gap, at scale 1; tails reach one row below. */
const ADVANCE = 6;
export const LETTER_ROWS = 8;

export type Colour = readonly [number, number, number];

/** Pixels that a text takes at a scale. */
export function textWidth(text: string, scale: number): number {
  return Math.max(0, plain(text).length * ADVANCE - 1) * scale;
}

/** As much of a text as fits a width; what was cut off shows as two dots. */
export function fitText(text: string, scale: number, width: number): string {
  const letters = plain(text);
  const most = Math.max(2, Math.floor((width / scale + 1) / ADVANCE));
  return letters.length <= most ? letters : `${letters.slice(0, most - 2)}..`;
}

/** Draws into a picture, `x`, `y` the upper left corner; what lies outside is left out. */
export function drawText(image: Image, text: string, x: number, y: number, scale: number, colour: Colour): void {
  [...plain(text)].forEach((letter, n) => {
    const columns = GLYPHS[letter.charCodeAt(0) - 32] ?? '';
    for (let column = 0; column < 5; column++) {
      const bits = Number.parseInt(columns.slice(column * 2, column * 2 + 2), 16);
      for (let row = 0; row < LETTER_ROWS; row++)
        if ((bits >> row) & 1)
          fillRect(image, x + (n * ADVANCE + column) * scale, y + row * scale, scale, scale, colour);
    }
  });
}

/** A filled rectangle; what lies outside is left out. */
export function fillRect(image: Image, x: number, y: number, width: number, height: number, colour: Colour): void {
  const right = Math.min(image.width, x + width);
  const bottom = Math.min(image.height, y + height);
  for (let row = Math.max(0, y); row < bottom; row++)
    for (let column = Math.max(0, x); column < right; column++) {
      const at = (row * image.width + column) * 3;
      for (let channel = 0; channel < 3; channel++) image.rgb[at + channel] = colour[channel] as number;
    }
}

/** Letters that there is no glyph for lose their accents, or show as a question mark. */
function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^ -~]/gu, '?');
}
