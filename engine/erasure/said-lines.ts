import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { erasureKeys } from '../blobs/layout.ts';
import type { Engine } from '../engine.ts';

/** JSON lines in the home of what is said as it is said, for its owner's eyes: a line is on disk before the next thing is done. */
export interface SaidLines {
  append(key: string, lines: readonly object[]): Promise<void>;
  /** Whether somebody was erased since this began: the names that were said before may be theirs, and are still in a program's hands. */
  outdated(): Promise<boolean>;
}

export async function openSaidLines({ blobs }: Pick<Engine, 'blobs'>): Promise<SaidLines> {
  const erasures = async () => (await blobs.stat(erasureKeys.list))?.bytes;
  const before = await erasures();
  return {
    async append(key, lines) {
      const path = blobs.pathOf(key);
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 });
    },
    outdated: async () => (await erasures()) !== before,
  };
}
