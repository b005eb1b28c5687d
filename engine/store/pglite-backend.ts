import type { PGlite } from '@electric-sql/pglite';
import type { Backend } from './wire.ts';

/** A database in this process, one message at a time, for the wire server. */
export function backendOf(database: PGlite): Backend {
  return {
    exec: (messages) =>
      database.runExclusive(async () => {
        const answer: Buffer[] = [];
        // The chunk is a view of the backend's memory: copied before it changes.
        await database.execProtocolRawStream(messages, { onRawData: (data) => void answer.push(Buffer.from(data)) });
        return Buffer.concat(answer);
      }),
    inTransaction: () => database.isInTransaction(),
  };
}
