import process from 'node:process';
import { z } from 'zod';
import { ProfileName } from '#config/schema.ts';
import { banner } from '#mcps/kit/banner.ts';
import { type Asker, offer } from '#mcps/kit/mcp-server.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import { serveOnHttp } from '#mcps/kit/serve-http.ts';
import { serveOnStdio } from '#mcps/kit/serve-stdio.ts';
import type { ServerFace } from '#mcps/kit/server-face.ts';
import { face as postgres } from '#mcps/postgres/server.ts';
import { face as screenalytics } from '#mcps/screenalytics/server.ts';
import { face as storage } from '#mcps/storage/server.ts';
import type { Command } from './commands.ts';

export const servers = { screenalytics, storage, postgres } as const satisfies Record<string, ServerFace>;

const names = Object.keys(servers) as [keyof typeof servers];

const input = z.object({
  server: z.enum(names).describe('Which server'),
  http: z.boolean().default(false).describe('Serve over HTTP instead of standard input and output'),
  host: z.string().min(1).optional().describe('Address to listen on (services.http.host)'),
  port: z.int().min(0).max(65_535).optional().describe('Port; 0 takes any that is free (services.http.port)'),
  profile: ProfileName.optional().describe('Hold this server to a stricter profile than services.profile'),
});

/** Serves tools to agents until the client leaves or the process is told to end. Standard output belongs to the protocol. */
export const mcpCommand: Command = {
  words: ['mcp'],
  about: 'Serves the tools to agents over the Model Context Protocol, on standard input and output or over HTTP.',
  input,
  positional: 'server',
  everyday: true,
  run: async (raw, { engine, signal }) => {
    const { server, http, host, port, profile } = readInput('mcp', input, raw);
    const offered = offer(servers[server], engine, signal);
    process.stderr.write(`${offered.face.name} ${banner(engine.config)}\n`);
    const asker = (): Asker => ({
      surface: 'mcp',
      jobs: 'by_default',
      run_limits: new Map(),
      ...(profile && { profile }),
    });
    if (http) await untilEnded(offered, asker, { host, port });
    else await serveOnStdio(offered, asker());
    return { output: undefined, ok: true, text: () => '' };
  },
};

type Place = { host: string | undefined; port: number | undefined };

async function untilEnded(offered: ReturnType<typeof offer>, asker: () => Asker, { host, port }: Place) {
  const { engine, face, signal } = offered;
  const { http } = engine.config.services;
  const token = process.env.SCREENALYTICS_HTTP_TOKEN || undefined;
  const place = { ...http, ...(host !== undefined && { host }), ...(port !== undefined && { port }), token };
  const served = await serveOnHttp(offered, asker, place);
  process.stderr.write(`${face.name} listens on ${served.url}/mcp\n`);
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  await served.close();
}
