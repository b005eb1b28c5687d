import type { AuthInfo, ScopeChallenge } from '@modelcontextprotocol/server';
import type { Config } from '#config/schema.ts';
import type { Asker } from './mcp-server.ts';
import type { AnyTool } from './server-face.ts';

/** Longest name of somebody that is kept. */
const NAME_MAX = 200;

/** Who asks by a token, in a form that nobody who is known here otherwise has. */
export function subjectOf(auth: AuthInfo): string {
  return `token:${String(auth.extra?.subject).slice(0, NAME_MAX)}`;
}

/** An asker as a token has it: in its name, and held to what its scopes allow, besides everything that held before. */
export function heldTo(asker: Asker, auth: AuthInfo | undefined, { policy, services }: Config): Asker {
  if (auth === undefined) return asker;
  const { scopes } = services.http.jwt;
  const policies = [...(asker.policies ?? [])];
  if (!auth.scopes.includes(scopes.write)) policies.push({ name: 'viewer', rules: policy.viewer.rules });
  if (!auth.scopes.includes(scopes.destroy)) {
    const reason = `the token has no scope ${scopes.destroy}`;
    policies.push({ name: 'token', rules: [{ tools: '*', effect: 'destroy', action: 'deny', reason }] });
  }
  return { ...asker, actor: subjectOf(auth), policies };
}

/** The scopes that a client would need for a call and has not: it can ask its provider for them. */
export function scopesMissing(
  tool: AnyTool,
  raw: unknown,
  auth: AuthInfo | undefined,
  { services }: Config,
): ScopeChallenge | undefined {
  if (auth === undefined || tool.effect === 'read') return undefined;
  const { scopes } = services.http.jwt;
  const wanted = scopes[tool.effect];
  if (auth.scopes.includes(wanted)) return undefined;
  const parsed = tool.input.safeParse(raw ?? {});
  // Who only asks what would be done, reads; what is not understood is the door's to refuse.
  if (!parsed.success || tool.isPreview?.(parsed.data) === true) return undefined;
  const all = new Set([...auth.scopes, wanted]);
  return { scopes: [scopes.read, ...[...all].filter((each) => each !== scopes.read)] };
}
