import { stat } from 'node:fs/promises';

/** Bytes of a file that is coming; 0 when nothing has come. */
export async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined);
  return info?.size ?? 0;
}

/** The disk's own errors are told as they are: trying again does not free space. */
export function isOfDisk(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EACCES' || code === 'EROFS';
}
