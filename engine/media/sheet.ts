import type { Image } from '#engine/core/image.ts';
import { type Colour, drawText, fillRect, fitText, LETTER_ROWS, textWidth } from './letters.ts';
import { encodeJpeg, pictureOfSize } from './pictures.ts';

/** One place of a contact sheet: pictures of one thing, side by side, with words below. */
export interface SheetCell {
  /** JPEG or PNG, shown as squares. */
  readonly pictures: readonly Uint8Array[];
  /** Lines below the pictures; the first is what a person types to name this. */
  readonly captions: readonly string[];
  /** Drawn into the corner of the first picture, for people to refer to; none if absent. */
  readonly number?: number;
}

export interface Sheet {
  /** Lines on top. */
  readonly title: readonly string[];
  /** What the cells are compared with: a column of its own at the left. */
  readonly references?: readonly SheetCell[];
  readonly cells: readonly SheetCell[];
  /** Cells side by side at most. */
  readonly columns: number;
  /** Side of one picture, pixels. */
  readonly side: number;
}

const BACKGROUND: Colour = [24, 24, 27];
const REFERENCE: Colour = [39, 51, 73];
const WORDS: Colour = [228, 228, 231];
const SOFT: Colour = [161, 161, 170];
const BADGE: Colour = [250, 204, 21];
const DARK: Colour = [24, 24, 27];
const QUALITY = 84;
const GAP = 8;
const SCALE = 2;
/** Pixels of one line of words. */
const LINE = LETTER_ROWS * SCALE + 4;

/** Numbered pictures in rows, as one JPEG: what people and models look at before they answer. The same input gives the same bytes. */
export async function composeSheet(sheet: Sheet): Promise<Uint8Array> {
  const plan = planSheet(sheet);
  const image: Image = { ...plan.size, rgb: new Uint8Array(plan.size.width * plan.size.height * 3) };
  fillRect(image, 0, 0, image.width, image.height, BACKGROUND);
  sheet.title.forEach((line, i) => {
    const fitted = fitText(line, SCALE, image.width - 2 * GAP);
    drawText(image, fitted, GAP, GAP + i * LINE, SCALE, i === 0 ? WORDS : SOFT);
  });
  if (plan.reference_width > 0) fillRect(image, 0, plan.top - GAP / 2, plan.reference_width, image.height, REFERENCE);
  for (const { cell, x, y } of plan.places) await drawCell(image, cell, x, y, sheet.side);
  return encodeJpeg(image, QUALITY);
}

function planSheet({ title, references = [], cells, columns, side }: Sheet) {
  const widest = (of: readonly SheetCell[]) => Math.max(1, ...of.map(({ pictures }) => pictures.length)) * side + GAP;
  const lines = Math.max(0, ...[...references, ...cells].map(({ captions }) => captions.length));
  const height = side + lines * LINE + GAP;
  const top = GAP + title.length * LINE;
  const reference_width = references.length === 0 ? 0 : widest(references) + GAP;
  const across = Math.max(1, Math.min(columns, cells.length));
  const down = Math.max(1, Math.ceil(cells.length / across), references.length);
  const places = [
    ...references.map((cell, i) => ({ cell, x: GAP, y: top + i * height })),
    ...cells.map((cell, i) => ({
      cell,
      x: reference_width + GAP + (i % across) * widest(cells),
      y: top + Math.floor(i / across) * height,
    })),
  ];
  const wanted = Math.max(...title.map((line) => textWidth(line, SCALE)), 0) + 2 * GAP;
  const width = Math.max(reference_width + GAP + across * widest(cells), Math.min(wanted, TITLE_MAX));
  return { places, top, reference_width, size: { width, height: top + down * height } };
}
/** A title may widen a sheet of few pictures up to here, pixels. */
const TITLE_MAX = 640;

async function drawCell(image: Image, cell: SheetCell, x: number, y: number, side: number): Promise<void> {
  for (const [i, bytes] of cell.pictures.entries()) copyInto(image, await pictureOfSize(bytes, side), x + i * side, y);
  const width = Math.max(1, cell.pictures.length) * side;
  if (cell.number !== undefined) {
    const text = String(cell.number);
    fillRect(image, x, y, textWidth(text, SCALE) + 8, LINE + 2, BADGE);
    drawText(image, text, x + 4, y + 4, SCALE, DARK);
  }
  cell.captions.forEach((line, i) => {
    drawText(image, fitText(line, SCALE, width), x, y + side + 4 + i * LINE, SCALE, i === 0 ? WORDS : SOFT);
  });
}

function copyInto(target: Image, picture: Image, x: number, y: number): void {
  for (let row = 0; row < picture.height; row++) {
    const from = picture.rgb.subarray(row * picture.width * 3, (row + 1) * picture.width * 3);
    target.rgb.set(from, ((y + row) * target.width + x) * 3);
  }
}
