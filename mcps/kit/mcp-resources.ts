import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { ERRORS, type ScreenalyticsError } from '#engine/core/errors.ts';
import { settle } from './errors.ts';
import { oneLine } from './fence.ts';
import {
  type Completer,
  type FaceContext,
  type FaceResource,
  RESOURCE_BYTES_MAX,
  type ServerFace,
} from './server-face.ts';
import { decoded, type Interests } from './watch.ts';

const VALUES_MAX = 100;

export type Look = (until: AbortSignal) => FaceContext;

export function addResource(server: McpServer, resource: FaceResource, look: Look, signal: AbortSignal): void {
  const { name, title, description, uri, mime_type, list, complete = {} } = resource;
  const about = { title, description, mimeType: mime_type };
  const read = async (at: URL, variables: Record<string, unknown>, ctx: ServerContext): Promise<ReadResourceResult> => {
    const context = look(AbortSignal.any([ctx.mcpReq.signal, signal]));
    const texts = Object.entries(variables).map(([key, value]) => [key, decoded(String(value))]);
    const found = await resource.read(Object.fromEntries(texts), context).catch((thrown) => {
      throw wireError(settle(thrown, context.engine.log), at);
    });
    if (found === undefined) throw new ResourceNotFoundError(at.href);
    const { body, mime_type: mimeType = resource.mime_type } = found;
    if (body.length > RESOURCE_BYTES_MAX)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `${at.href} is larger than ${RESOURCE_BYTES_MAX} bytes`);
    const part = { uri: at.href, mimeType };
    const content =
      typeof body === 'string' ? { ...part, text: body } : { ...part, blob: Buffer.from(body).toString('base64') };
    return { contents: [content] };
  };
  if (!uri.includes('{')) {
    server.registerResource(name, uri, about, (at, ctx) => read(at, {}, ctx));
    return;
  }
  const template = new ResourceTemplate(uri, {
    list:
      list &&
      (async (ctx) => {
        const found = await list(look(ctx.mcpReq.signal));
        return { resources: found.map((each) => ({ ...each, name: oneLine(each.name) })) };
      }),
    complete: Object.fromEntries(Object.entries(complete).map(([key, each]) => [key, few(each, look(signal))])),
  });
  server.registerResource(name, template, about, read);
}

function wireError(error: ScreenalyticsError, at: URL): ProtocolError {
  const { message, hint } = ERRORS[error.code];
  if (error.code.endsWith('_NOT_FOUND')) return new ResourceNotFoundError(at.href, `${error.code}: ${message} ${hint}`);
  return new ProtocolError(ProtocolErrorCode.InternalError, `${error.code}: ${message} ${hint}`);
}

/** Whether anything of it can be subscribed to. */
export function watchable({ resources = [] }: ServerFace): boolean {
  return resources.some(({ version }) => version !== undefined);
}

/** Of older clients, for as long as they are connected; newer ones open a stream that the SDK serves. */
export function addSubscriptions(server: McpServer, open: (tell: (uri: string) => void) => Interests): void {
  // A client that is gone is told by its connection.
  const wants = open((uri) => void server.server.sendResourceUpdated({ uri }).catch(() => {}));
  server.server.onclose = wants.end;
  server.server.setRequestHandler('resources/subscribe', async ({ params: { uri } }) => {
    if (!(await wants.want(uri))) throw new ResourceNotFoundError(uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', async ({ params: { uri } }) => {
    wants.drop(uri);
    return {};
  });
}

/** Completions never fail: whoever types does not want an error. */
export function few(complete: Completer, context: FaceContext): (begun: string) => Promise<string[]> {
  return async (begun) => {
    const found = await complete(begun, context).catch(() => []);
    return found.slice(0, VALUES_MAX);
  };
}
