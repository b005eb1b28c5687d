import { basename, extname } from 'node:path';
import { episodeOf, parseKey } from './keys.ts';
import { parseLegacyKey } from './layout-v1.ts';

const TYPES: Record<string, string> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.mp4': 'video/mp4',
  '.m4v': 'video/mp4',
  '.mov': 'video/quicktime',
  '.mkv': 'video/x-matroska',
  '.webm': 'video/webm',
  '.avi': 'video/x-msvideo',
  '.ts': 'video/mp2t',
  '.npy': 'application/octet-stream',
};

/** By the ending; what is not known is only bytes. */
export function contentType(key: string): string {
  return TYPES[extname(key).toLowerCase()] ?? 'application/octet-stream';
}

/** What a browser should call a file that it keeps: many objects are named alike, and only their folders tell them apart. */
export function downloadName(key: string): string {
  const ref = parseKey(key) ?? parseLegacyKey(key);
  const episode = ref === undefined || ref.kind === 'exports' ? undefined : episodeOf(ref);
  const name = episode === undefined ? basename(key) : `${episode}-${basename(key)}`;
  return name.replace(/[^\w.-]+/g, '_');
}
