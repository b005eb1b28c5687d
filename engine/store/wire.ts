import { createServer, type Server, type Socket } from 'node:net';

/**
 * Serves one single-user backend (PGlite) to many connections, in the Postgres wire protocol, version 3.
 *
 * The backend has one session, so what must not be interleaved is handed over whole: everything up to the Sync of an
 * extended query (all share one unnamed statement), and everything up to the end of a transaction. Written here rather
 * than taken from pglite-socket, which cannot end an idle transaction and stops serving after one failed call.
 */
export interface Backend {
  /** Runs complete messages, gives what the backend answered. Throws only when the backend itself is broken. */
  exec(messages: Uint8Array): Promise<Buffer>;
  inTransaction(): boolean;
}

export interface WireServer {
  connections(): number;
  /** Ends the running transaction, closes every connection and the socket. */
  stop(): Promise<void>;
}

interface WireOptions {
  socket: string;
  /** A transaction that has been silent this long is ended when somebody else waits for the backend. */
  idle_ms_max: number;
  /** The same when nobody waits. */
  forgotten_ms_max: number;
  /** The backend is broken: nothing more can be served. */
  onBroken(error: unknown): void;
}

interface Connection {
  socket: Socket;
  /** Bytes of messages that are not yet complete. */
  rest: Buffer[];
  size: number;
  /** Complete messages of a batch that has not ended. */
  batch: Buffer[];
  greeted: boolean;
  closed: boolean;
}

interface Unit {
  from: Connection;
  bytes: Buffer;
  /** False after a Flush: the same batch goes on. */
  ends: boolean;
}

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const PROTOCOL_3 = 196608;
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;
const SIMPLE = {
  rollback: simpleQuery('rollback'),
  sync: Buffer.from([0x53, 0, 0, 0, 4]),
  startup: startupMessage({ user: 'postgres', database: 'postgres', client_encoding: 'UTF8' }),
};

export async function serveWire(backend: Backend, options: WireOptions): Promise<WireServer> {
  // The answer to a startup is the same for everybody; kept, so that connecting never waits for the backend.
  const greeting = await backend.exec(SIMPLE.startup);
  const turns = takeTurns(backend, options);
  const open = new Set<Connection>();
  const server = createServer((socket) => {
    const connection: Connection = { socket, rest: [], size: 0, batch: [], greeted: false, closed: false };
    open.add(connection);
    socket.setNoDelay(true);
    socket.on('data', (data) => {
      connection.rest.push(data);
      connection.size += data.length;
      readMessages(connection, greeting, turns.add);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      connection.closed = true;
      open.delete(connection);
      turns.leave(connection);
    });
  });
  await listen(server, options.socket);
  return {
    connections: () => open.size,
    stop: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const { socket } of open) socket.destroy();
      await Promise.all([closed, turns.finish()]);
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(path, () => {
      server.off('error', fail);
      done();
    });
  });
}

/** One unit at a time; whoever is in a transaction or in the middle of a batch keeps the backend. */
function takeTurns(backend: Backend, options: WireOptions) {
  let queue: Unit[] = [];
  let holder: Connection | undefined;
  let silentSince = 0;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const next = (): Unit | undefined => {
    const at = holder === undefined ? 0 : queue.findIndex((unit) => unit.from === holder);
    return at === -1 ? undefined : queue.splice(at, 1)[0];
  };
  const work = async (): Promise<void> => {
    for (let unit = next(); unit !== undefined; unit = next()) {
      if (unit.from.closed) continue;
      clearTimeout(timer);
      const answer = await backend.exec(unit.bytes);
      silentSince = performance.now();
      if (!unit.from.closed) unit.from.socket.write(answer);
      holder = !unit.ends || backend.inTransaction() ? unit.from : undefined;
      if (holder?.closed) await release();
    }
    watch();
  };
  const release = async (): Promise<void> => {
    holder = undefined;
    await backend.exec(SIMPLE.sync);
    if (backend.inTransaction()) await backend.exec(SIMPLE.rollback);
  };
  const watch = (): void => {
    clearTimeout(timer);
    if (holder === undefined) return;
    const silent = performance.now() - silentSince;
    const limit = queue.length > 0 ? options.idle_ms_max : options.forgotten_ms_max;
    if (silent >= limit) endTransaction();
    else timer = setTimeout(watch, limit - silent);
  };
  const endTransaction = (): void => {
    const slow = holder;
    if (slow === undefined || running !== undefined) return;
    slow.socket.end(fatal('25P03', 'terminating connection due to idle-in-transaction timeout'));
    slow.closed = true;
    start(release);
  };
  const start = (first?: () => Promise<void>): void => {
    if (running !== undefined) return;
    running = (async () => {
      await first?.();
      await work();
    })()
      .catch(options.onBroken)
      .finally(() => {
        running = undefined;
      });
  };

  return {
    add(unit: Unit): void {
      queue.push(unit);
      start();
    },
    leave(connection: Connection): void {
      queue = queue.filter((unit) => unit.from !== connection);
      if (holder === connection && running === undefined) start(release);
    },
    async finish(): Promise<void> {
      queue = [];
      await running;
      clearTimeout(timer);
      if (holder !== undefined) await release();
    },
  };
}

/** Cuts the bytes of a connection into units and hands them on. */
function readMessages(connection: Connection, greeting: Buffer, add: (unit: Unit) => void): void {
  while (!connection.closed) {
    const header = connection.greeted ? 1 : 0; // a startup message has no type byte
    const head = peek(connection, header + 4);
    if (head === undefined) return;
    const length = header + head.readUInt32BE(header);
    if (length > MESSAGE_BYTES_MAX || length < header + 4) return void connection.socket.destroy();
    const message = take(connection, length);
    if (message === undefined) return;
    if (!connection.greeted) greet(connection, message, greeting);
    else queueMessage(connection, message, add);
  }
}

function greet(connection: Connection, message: Buffer, greeting: Buffer): void {
  const code = message.length >= 8 ? message.readUInt32BE(4) : 0;
  if (code === SSL_REQUEST || code === GSS_REQUEST) return void connection.socket.write('N');
  if (code !== PROTOCOL_3) return void connection.socket.destroy(); // a cancel request, or something else entirely
  connection.greeted = true;
  connection.socket.write(greeting);
}

function queueMessage(connection: Connection, message: Buffer, add: (unit: Unit) => void): void {
  const type = String.fromCharCode(message[0] ?? 0);
  if (type === 'X') return void connection.socket.end();
  connection.batch.push(message);
  if (type !== 'Q' && type !== 'S' && type !== 'H') return;
  const bytes = Buffer.concat(connection.batch);
  connection.batch = [];
  add({ from: connection, bytes, ends: type !== 'H' });
}

function peek(connection: Connection, bytes: number): Buffer | undefined {
  if (connection.size < bytes) return undefined;
  if ((connection.rest[0]?.length ?? 0) < bytes) connection.rest = [Buffer.concat(connection.rest)];
  return connection.rest[0];
}

function take(connection: Connection, bytes: number): Buffer | undefined {
  const first = peek(connection, bytes);
  if (first === undefined) return undefined;
  connection.rest.shift();
  if (first.length > bytes) connection.rest.unshift(first.subarray(bytes));
  connection.size -= bytes;
  return first.subarray(0, bytes);
}

function startupMessage(settings: Record<string, string>): Buffer {
  const pairs = Object.entries(settings).flat();
  const body = Buffer.from(`${pairs.join('\0')}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length, 0);
  head.writeUInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, body]);
}

function simpleQuery(sql: string): Buffer {
  return typed('Q', Buffer.from(`${sql}\0`));
}

function fatal(code: string, message: string): Buffer {
  return typed('E', Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`));
}

function typed(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
