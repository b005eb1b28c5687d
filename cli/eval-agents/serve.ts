import type { Graph } from '#agents/graph.ts';
import type { Address } from '#agents/sdk.ts';
import type { Engine } from '#engine/engine.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { serveOnHttp } from '#mcps/kit/serve-http.ts';
import { servers } from '../mcp.ts';

export interface ServedTeam {
  addressOf(server: string, profile: string | null): Address;
  close(): Promise<void>;
}

/** The servers of a team over HTTP on this machine's own address, within this process: processes of their own cost seconds for each scenario. */
export async function serveTeam(engine: Engine, { team }: Graph, signal: AbortSignal): Promise<ServedTeam> {
  const { http } = engine.config.services;
  const settings = { ...http, host: '127.0.0.1', port: 0, token: undefined, requests_per_minute: 100_000 };
  const wanted = new Map(
    [...team.values()].flatMap(({ servers: names, profile }) =>
      names.map((name) => [keyOf(name, profile), { name, profile }] as const),
    ),
  );
  const served = new Map<string, Awaited<ReturnType<typeof serveOnHttp>>>();
  for (const [key, { name, profile }] of wanted) {
    const face = Object.entries(servers).find(([each]) => each === name)?.[1];
    if (face === undefined) continue; // graph.ts has refused it
    const asker = () => ({
      ...{ surface: 'mcp' as const, jobs: 'by_default' as const, run_limits: new Map<string, number>() },
      ...(profile && { profile }),
    });
    served.set(key, await serveOnHttp(offer(face, engine, signal), asker, settings));
  }
  return {
    addressOf: (name, profile) => ({ url: `${served.get(keyOf(name, profile))?.url}/mcp` }),
    async close() {
      await Promise.all([...served.values()].map((each) => each.close()));
    },
  };
}

function keyOf(name: string, profile: string | null): string {
  return `${name}, ${profile}`;
}
