import type { Offer } from '#mcps/kit/mcp-server.ts';
import { type HttpServed, type HttpSettings, serveOnHttp } from '#mcps/kit/serve-http.ts';

type NewAsker = Parameters<typeof serveOnHttp>[1];

/** On a free port of this machine, with the shipped settings but what `over` says, for askers as a server has them. */
export function serveOffer(
  offered: Offer,
  over: Partial<HttpSettings> = {},
  newAsker: NewAsker = () => ({ surface: 'mcp', run_limits: new Map() }),
): Promise<HttpServed> {
  const { http } = offered.engine.config.services;
  return serveOnHttp(offered, newAsker, { ...http, port: 0, token: undefined, ...over });
}
