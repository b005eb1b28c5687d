import { afterAll, beforeAll, test } from 'vitest';
import type { DbOptions } from '#engine/store/db.ts';
import { type HomeOptions, makeHome } from './home.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';

const SETUP_MS_MAX = 600_000; // the first time, Postgres is installed

interface Closable {
  close(): Promise<void>;
}

/**
 * What a file's tests share on one kind of database: opened before the first, closed after the last. `contract` declares a test that is handed
 * it; where there is no server such a test says that it was skipped.
 */
export function worldOn<W extends Closable>(
  kind: 'embedded' | 'server',
  database: string,
  open: (options: Pick<DbOptions, 'home' | 'database_url'>) => Promise<W> | W,
  of_home: HomeOptions = {},
) {
  const { home, remove } = makeHome(of_home);
  let server: PostgresServer | undefined;
  let world: W | undefined;
  beforeAll(async () => {
    if (kind === 'server') server = startPostgres();
    if (kind === 'server' && server === undefined) return;
    world = await open({ home, database_url: server?.createDatabase(database) ?? null });
  }, SETUP_MS_MAX);
  afterAll(async () => {
    await world?.close();
    server?.stop();
    await remove();
  }, SETUP_MS_MAX);
  return {
    home,
    contract: (name: string, run: (world: W) => Promise<void>) =>
      test(name, async ({ skip }) => {
        if (world === undefined) return skip('no PostgreSQL 15 with pgvector here');
        await run(world);
      }),
  };
}
