import sharp from 'sharp';

const BACKGROUND = { r: 24, g: 24, b: 27 };
const QUALITY = 78;

export interface SheetShape {
  readonly columns: number;
  /** Side of a picture, pixels. */
  readonly cell: number;
}

/** Pictures side by side, row by row, as one JPEG. No pictures: one dark cell. */
export async function contactSheet(jpegs: readonly Uint8Array[], { columns, cell }: SheetShape): Promise<Uint8Array> {
  const gap = Math.max(2, Math.round(cell / 32));
  const across = Math.max(1, Math.min(columns, jpegs.length));
  const down = Math.max(1, Math.ceil(jpegs.length / across));
  const side = (n: number) => gap + n * (cell + gap);
  const pictures = await Promise.all(
    jpegs.map(async (jpeg, i) => ({
      input: await sharp(jpeg).resize(cell, cell, { fit: 'cover' }).png().toBuffer(),
      left: side(i % across),
      top: side(Math.floor(i / across)),
    })),
  );
  return sharp({ create: { width: side(across), height: side(down), channels: 3, background: BACKGROUND } })
    .composite(pictures)
    .jpeg({ quality: QUALITY })
    .toBuffer();
}

/** One picture, small enough to lie inside a page. */
export async function thumbnail(jpeg: Uint8Array, side: number): Promise<Uint8Array> {
  return sharp(jpeg)
    .resize(side, side, { fit: 'cover', withoutEnlargement: true })
    .jpeg({ quality: QUALITY })
    .toBuffer();
}
