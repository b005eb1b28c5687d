import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Db, openDb } from '#engine/store/db.ts';
import { ensureOwner, stopOwner } from '#engine/store/embedded.ts';
import { ownerFiles, readOwner } from '#engine/store/owner-files.ts';
import { makeHome } from '../support/home.ts';
import { layNewDatabase } from '../support/new-database.ts';

const WRITER = join(import.meta.dirname, '../support/store-writer.ts');
const IDLE_MS = 60_000;
const TEST_MS_MAX = 240_000;

describe('the embedded database', { timeout: TEST_MS_MAX }, () => {
  // One home for all: each test begins with no people in it. That a database is made where none is: tests/contract/store.test.ts.
  const { home, remove } = makeHome();
  beforeEach(async () => {
    const db = await openDb({ home, database_url: null });
    await db.write((q) => q.query('delete from sa.person'));
    await db.close();
  }, TEST_MS_MAX);
  afterAll(remove, TEST_MS_MAX);

  test('two processes that write at once lose nothing, and share one owner', async () => {
    await stopOwner(home);
    const starts = ownersStarted(home);
    const writers = [startWriter(home, 'A', 60), startWriter(home, 'B', 60)]; // neither finds an owner
    const acknowledged = await Promise.all(writers.map(finish));
    expect(acknowledged.map((rows) => rows.length)).toEqual([60, 60]);
    const db = await openDb({ home, database_url: null });
    expect(db.kind).toBe('embedded');
    expect(await people(db)).toHaveLength(120);
    await db.close();
    expect(ownersStarted(home)).toBe(starts + 1);
  });

  test('kill -9 of the owner in the middle of writes loses no acknowledged row', async () => {
    const writer = startWriter(home, 'K', Number.MAX_SAFE_INTEGER); // until it is told
    const rows = finish(writer);
    const killed = new Set<number>();
    for (const round of [1, 2, 3]) {
      await written(writer, round * 30);
      let pid: number | undefined;
      await waitUntil(async () => {
        pid = readOwner(home)?.pid;
        return pid !== undefined && !killed.has(pid);
      });
      process.kill(pid ?? 0, 'SIGKILL');
      killed.add(pid ?? 0);
    }
    await written(writer, writer.acknowledged.length + 30);
    writer.process.stdin?.end();
    const acknowledged = await rows;
    expect(killed.size).toBe(3);
    const db = await openDb({ home, database_url: null });
    const stored = new Set(await people(db));
    await db.close();
    expect(acknowledged.filter((i) => !stored.has(`Person K${i}`))).toEqual([]);
  });

  test('what a killed owner leaves behind is no obstacle, and an open Db goes on by itself', async () => {
    const db = await openDb({ home, database_url: null });
    await db.write((q) =>
      q.query(`insert into sa.person (name, base_name, actor) values ('Person A', 'Person A', 'x')`),
    );
    const first = readOwner(home);
    if (first === undefined) throw new Error('no owner');
    process.kill(first.pid, 'SIGKILL');
    await waitUntil(async () => !(await listens(first.socket)));
    expect([first.socket, ownerFiles(home).lock, ownerFiles(home).owner].map(existsSync)).toEqual([true, true, true]);
    expect(await people(db)).toEqual(['Person A']);
    expect(readOwner(home)?.pid).not.toBe(first.pid);
    await db.close();
  });

  test('nonsense in the files of an owner, or the number of a living stranger, is no obstacle', async () => {
    await stopOwner(home);
    const files = ownerFiles(home);
    writeFileSync(files.owner, JSON.stringify({ pid: process.pid, socket: join(files.folder, '.s.PGSQL.5432') }));
    writeFileSync(join(files.folder, '.s.PGSQL.5432'), 'not a socket');
    await stopOwner(home); // does not end this very process
    const db = await openDb({ home, database_url: null });
    expect(await people(db)).toEqual([]);
    await db.close();
  });

  test('a home with a long name gets a private socket elsewhere', async () => {
    const long = join(home, 'a-long-name-'.repeat(10));
    layNewDatabase(long);
    const db = await openDb({ home: long, database_url: null });
    expect(await people(db)).toEqual([]);
    await db.close();
    const owner = readOwner(long);
    expect(owner?.socket.length).toBeLessThan(100);
    expect(lstatSync(join(owner?.socket ?? '', '..')).mode & 0o077).toBe(0);
    await stopOwner(long);
    expect(existsSync(join(owner?.socket ?? '', '..'))).toBe(false);
  });

  test('the owner leaves when nobody has used it for a while, and comes back when asked', async () => {
    await stopOwner(home);
    const db = await openDb({ home, database_url: null, owner_idle_ms: 300 });
    await db.write((q) =>
      q.query(`insert into sa.person (name, base_name, actor) values ('Person A', 'Person A', 'x')`),
    );
    await db.close();
    await waitUntil(async () => readOwner(home) === undefined);
    const again = await openDb({ home, database_url: null, owner_idle_ms: 300 });
    expect(await people(again)).toEqual(['Person A']);
    await again.close();
    await stopOwner(home);
  });

  test('a transaction that idles while others wait is ended; theirs go on', async () => {
    const db = await openDb({ home, database_url: null });
    const [begun, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const idle = db.write(async (q) => {
      await q.query(`insert into sa.person (name, base_name, actor) values ('Person I', 'Person I', 'x')`);
      begun.resolve();
      await answered.promise; // for ever, were it not ended
      await q.query('select 1');
    });
    const refused = expect(idle).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await begun.promise;
    expect(await people(db)).toEqual([]);
    answered.resolve();
    await refused;
    expect(await people(db)).toEqual([]);
    await db.close();
  });

  test('a client that dies in a transaction leaves nothing and holds up nobody', async () => {
    const db = await openDb({ home, database_url: null });
    const client = await connect(home);
    await client.query('begin');
    await client.query(`insert into sa.person (name, base_name, actor) values ('Person D', 'Person D', 'x')`);
    client.connection.stream.destroy();
    expect(await people(db)).toEqual([]);
    await db.close();
  });

  test('parameters of connections that ask at once do not mix, without any transaction', async () => {
    const db = await openDb({ home, database_url: null });
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect(home)));
    const answers = clients.map(async (client, who) => {
      for (let i = 0; i < 60; i++) {
        const { rows } = await client.query('select $1::int as who, $2::int as i', [who, i]);
        expect(rows).toEqual([{ who, i }]);
        if (i % 10 === 0) await expect(client.query('select 1 / $1::int', [0])).rejects.toThrow('division by zero');
      }
    });
    await Promise.all(answers);
    await Promise.all(clients.map((client) => client.end()));
    await db.close();
  });
});

type Client = pg.Client & { connection: { stream: { destroy(): void } } };

/** Past our own door, as the queue's library will come. */
async function connect(home: string): Promise<Client> {
  const host = await ensureOwner(home, IDLE_MS);
  const client = new pg.Client({ host, port: 5432, user: 'postgres', database: 'postgres' }) as Client;
  client.on('error', () => {});
  await client.connect();
  return client;
}

function ownersStarted(home: string): number {
  return readFileSync(ownerFiles(home).log, 'utf8').match(/ready/g)?.length ?? 0;
}

async function people(db: Db): Promise<string[]> {
  return (await db.read((q) => q.query<{ name: string }>('select name from sa.person order by 1'))).map(
    (row) => row.name,
  );
}

type Writer = { process: ChildProcess; acknowledged: number[] };

function startWriter(home: string, name: string, count: number): Writer {
  const child = spawn(process.execPath, [WRITER, home, name, String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const writer: Writer = { process: child, acknowledged: [] };
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    writer.acknowledged.push(...lines.map(Number));
  });
  return writer;
}

async function finish({ process: child, acknowledged }: Writer): Promise<number[]> {
  const status = await new Promise((done) => child.on('close', done));
  expect(status).toBe(0);
  return acknowledged;
}

async function written({ process: child, acknowledged }: Writer, count: number): Promise<void> {
  await waitUntil(async () => acknowledged.length >= count || child.exitCode !== null);
}

async function waitUntil(true_: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + 150_000;
  while (!(await true_())) {
    if (performance.now() > until) throw new Error('waited in vain');
    await sleep(20);
  }
}

function listens(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const probe = createConnection(socket);
    probe.once('connect', () => done(true)).once('error', () => done(false));
    probe.once('connect', () => probe.destroy());
  });
}
