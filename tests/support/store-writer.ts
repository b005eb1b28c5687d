import process from 'node:process';
import { openDb } from '#engine/store/db.ts';

/**
 * A process of its own that writes people one by one: `node store-writer.ts HOME NAME COUNT`, or until its standard input ends.
 * Prints a number only when its row is acknowledged. A write that meets a dead owner is tried again.
 */
const [home = '', name = '', count = '0'] = process.argv.slice(2);
const RETRIES_MAX = 20;

let is_told = false;
process.stdin.on('end', () => {
  is_told = true;
});
process.stdin.resume();

const db = await openDb({ home, database_url: null });
for (let i = 0; i < Number(count) && !is_told; i++) {
  await write(i, RETRIES_MAX);
  process.stdout.write(`${i}\n`);
}
await db.close();
process.stdin.destroy();

async function write(i: number, retries: number): Promise<void> {
  try {
    // Acknowledged or not, the first try may have been stored: the same row again is no second row.
    const sql = `insert into sa.person (name, base_name, actor) values ($1, $1, 'test') on conflict do nothing`;
    await db.write((q) => q.query(sql, [`Person ${name}${i}`]));
  } catch (error) {
    if (retries === 0) throw error;
    await write(i, retries - 1);
  }
}
