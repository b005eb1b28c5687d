import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { projectRoot } from '#config/load.ts';

/** The folder of real clips and weights, or undefined in a clone that has none. */
export function sharedFolder(): string | undefined {
  const folder = resolve(process.env.SCREENALYTICS_SHARED ?? join(projectRoot, '../shared'));
  return existsSync(join(folder, 'media')) ? folder : undefined;
}

/** Says in the test output what a missing folder costs. Returns true when the tests must be skipped. */
export function skipWithoutShared(what: string): boolean {
  if (sharedFolder() !== undefined) return false;
  console.warn(`SKIPPED for want of SCREENALYTICS_SHARED: ${what}`);
  return true;
}
