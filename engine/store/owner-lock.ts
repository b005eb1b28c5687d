import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

/**
 * The lock of a data folder. A file with a pid in it can be stale, and two who break a stale one can both win; an
 * operating-system lock dies with its process. Node offers none but through SQLite, whose exclusive transaction is one.
 * Undefined when another process holds it.
 */
export function takeLock(file: string): { release(): void } | undefined {
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('begin exclusive');
    return { release: () => lock.close() };
  } catch (error) {
    lock.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}
