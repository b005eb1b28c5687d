import process from 'node:process';
import type { McpServer, Transport } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Asker, Offer } from './mcp-server.ts';
import { type Interests, listenedTo } from './watch.ts';

/** Serves this process's standard input and output until the client closes them or the process is told to end. */
export async function serveOnStdio(offer: Offer, asker: Asker): Promise<void> {
  const { connect, engine, interests, signal } = offer;
  const ended = Promise.withResolvers<void>();
  const end = () => ended.resolve();
  process.stdin.once('end', end).once('close', end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  // One connection, so one asker, also when the client first probes which protocol there is.
  const onerror = (error: Error) => engine.log.warn({ err: error }, 'mcp');
  let server: McpServer | undefined;
  const open = () => {
    server = connect(asker);
    return server;
  };
  const wants = interests(asker, (uri) => void server?.server.sendResourceUpdated({ uri }).catch(onerror));
  const served = serveStdio(open, { onerror, transport: overheard(new StdioServerTransport(), wants) });
  await ended.promise;
  wants.end();
  await served.close();
}

/** The SDK answers subscriptions of newer clients by itself: what they are about is read as they come in. */
function overheard(stdio: StdioServerTransport, wants: Interests): Transport {
  const open = new Map<unknown, readonly string[]>();
  const transport: Transport = {
    async start() {
      stdio.onmessage = (message) => {
        const pass = () => transport.onmessage?.(message);
        const listened = listenedTo(message);
        if (listened !== undefined) {
          open.set(listened.id, listened.uris);
          void wants.wantAll(listened.uris).then(pass);
          return;
        }
        if ('method' in message && message.method === 'notifications/cancelled') {
          const dropped = open.get(message.params?.requestId) ?? [];
          open.delete(message.params?.requestId);
          const kept = new Set([...open.values()].flat());
          for (const uri of dropped) if (!kept.has(uri)) wants.drop(uri);
        }
        pass();
      };
      stdio.onclose = () => transport.onclose?.();
      stdio.onerror = (error) => transport.onerror?.(error);
      await stdio.start();
    },
    send: (message) => stdio.send(message),
    close: () => stdio.close(),
  };
  return transport;
}
