import { openLocalBlobs } from '#engine/blobs/local.ts';
import { copyMove, planMoves } from '#engine/blobs/migrate.ts';

/** `node migrate-process.ts HOME`: copies v1 names to v2 ones, and says a line when the first is done. */
const [home] = process.argv.slice(2);
if (home === undefined) throw new Error('usage: migrate-process.ts HOME');
const blobs = openLocalBlobs(home);
for (const move of await planMoves(blobs)) {
  await copyMove(blobs, move);
  process.stdout.write(`${move.to}\n`);
}
