import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Parts, Room } from './blobs.ts';

/** The parts of a file as it is now, each read when it is asked for. What was put in its place meanwhile is another file. */
export function partsOfFile(path: string, key: string, room: Room): Parts {
  const found = statSync(path);
  const bytes = room(found.size).subarray(0, found.size);
  const mustBeSame = (now: Stats) => {
    if (now.ino === found.ino && now.size === found.size && now.mtimeMs === found.mtimeMs) return;
    throw new ScreenalyticsError('HOME_BUSY', { key, reason: 'the file was replaced while it was read' });
  };
  return {
    bytes,
    async load(first, end) {
      const file = await open(path, 'r');
      try {
        mustBeSame(await file.stat());
        for (let at = first; at < end; ) {
          const { bytesRead } = await file.read(bytes, at, end - at, at);
          if (bytesRead === 0) break;
          at += bytesRead;
        }
      } finally {
        await file.close();
      }
    },
    loadNow(first, end) {
      const file = openSync(path, 'r');
      try {
        mustBeSame(fstatSync(file));
        for (let at = first; at < end; ) {
          const read = readSync(file, bytes, at, end - at, at);
          if (read === 0) break;
          at += read;
        }
      } finally {
        closeSync(file);
      }
    },
  };
}
