import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { stopWorker } from '#engine/queue/worker-process.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import { layNewDatabase } from './new-database.ts';

export interface HomeOptions {
  /** Nothing in it, as on the first day; otherwise its database is there already, as its first use would leave it. */
  readonly empty?: boolean;
}

/** A fresh home folder. Inside a test it goes when the test ends, elsewhere in a file when the file's tests have ended. */
export function temporaryHome(options: HomeOptions = {}): string {
  const { home, remove } = makeHome(options);
  try {
    onTestFinished(remove);
  } catch {
    afterAll(remove); // not inside a test
  }
  return home;
}

/** The same for those who clean up by themselves, in `beforeAll` for instance. */
export function makeHome({ empty = false }: HomeOptions = {}): { home: string; remove(): Promise<void> } {
  const home = mkdtempSync(join(tmpdir(), 'sa-'));
  if (!empty) layNewDatabase(home);
  const remove = async (): Promise<void> => {
    await stopWorker(home);
    await stopOwner(home);
    // Whoever still ends there may write a last file meanwhile.
    rmSync(home, { recursive: true, force: true, maxRetries: 20 });
  };
  return { home, remove };
}
