import process from 'node:process';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Asker, Offer } from './mcp-server.ts';

/** Serves this process's standard input and output until the client closes them or the process is told to end. */
export async function serveOnStdio({ connect, engine, signal }: Offer, asker: Asker): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const end = () => ended.resolve();
  process.stdin.once('end', end).once('close', end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  // One connection, so one asker, also when the client first probes which protocol there is.
  const onerror = (error: Error) => engine.log.warn({ err: error }, 'mcp');
  const served = serveStdio(() => connect(asker), { onerror });
  await ended.promise;
  await served.close();
}
