import { readFile, realpath, stat } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import type { ContentBlock } from '@modelcontextprotocol/server';
import type { Picture } from './server-face.ts';

/** Pictures of one answer, and bytes of each: what clients take. */
const PICTURES_MAX = 8;
const BYTES_MAX = 3 * 2 ** 20;

/** Pictures as images. What is too large, no picture, or not below `home` is named and left out. */
export async function readPictures(home: string, pictures: readonly Picture[]): Promise<ContentBlock[]> {
  const blocks = await Promise.all(pictures.slice(0, PICTURES_MAX).map((each) => imageOf(home, each)));
  const omitted = pictures.length - blocks.length;
  return omitted > 0 ? [...blocks, { type: 'text', text: `${omitted} pictures are omitted.` }] : blocks;
}

async function imageOf(home: string, { title, path }: Picture): Promise<ContentBlock> {
  const bytes = await readBelow(home, path, BYTES_MAX);
  const mimeType = bytes && kindOf(bytes);
  if (bytes === undefined || mimeType === undefined) return { type: 'text', text: `(no picture: ${title})` };
  return { type: 'image', data: Buffer.from(bytes).toString('base64'), mimeType };
}

/** Pictures as addresses that the client can read when it wants to see them. */
export function linksTo(home: string, pictures: readonly Picture[]): ContentBlock[] {
  return pictures.slice(0, PICTURES_MAX).map(({ title, path }) => ({
    type: 'resource_link',
    uri: pictureUri(home, path),
    name: title,
    mimeType: path.endsWith('.png') ? 'image/png' : 'image/jpeg',
  }));
}

/** `sa://picture/cache/sheets/...` of a file below the home folder. */
export function pictureUri(home: string, path: string): string {
  const key = relative(home, path).split(sep).map(encodeURIComponent).join('/');
  return `sa://picture/${key}`;
}

/** A file's bytes, if it truly lies below the folder (links followed) and is no larger than that. */
export async function readBelow(folder: string, path: string, bytes_max: number): Promise<Uint8Array | undefined> {
  try {
    const [root, file] = [await realpath(folder), await realpath(path)];
    if (!file.startsWith(root + sep)) return undefined;
    const { size } = await stat(file);
    return size > bytes_max ? undefined : await readFile(file);
  } catch {
    return undefined; // it is not there
  }
}

/** By the first bytes: names can lie. */
export function kindOf(bytes: Uint8Array): 'image/png' | 'image/jpeg' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'image/jpeg';
  return bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47 ? 'image/png' : undefined;
}
