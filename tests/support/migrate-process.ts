import { openLocalBlobs } from '#engine/blobs/local.ts';
import { copyMove, planMoves } from '#engine/blobs/migrate.ts';

/** `node migrate-process.ts HOME AFTER_MS`: copies v1 names to v2 ones, and dies (SIGKILL) so long after the first. */
const [home, after_ms] = process.argv.slice(2);
if (home === undefined) throw new Error('usage: migrate-process.ts HOME AFTER_MS');
const blobs = openLocalBlobs(home);
let killing: NodeJS.Timeout | undefined;
for (const move of await planMoves(blobs)) {
  const { state } = await copyMove(blobs, move);
  if (state === 'copied') killing ??= setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(after_ms));
}
clearTimeout(killing);
