import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { toKnown } from '#engine/core/errors.ts';
import type { BlobFacts, Blobs, Part } from './blobs.ts';
import { contentType, downloadName } from './content.ts';
import { type Claim, proof, readSigned } from './signed.ts';

const CONNECTIONS_MAX = 64;
const HEADERS_MS_MAX = 10_000;
/** An hour of video over a slow way. */
const REQUEST_MS_MAX = 3_600_000;

/** What is never said by a page of ours, wherever it is shown: it may draw itself, and nothing else. */
const PRIVATE = {
  'Cache-Control': 'private, no-store',
  'Content-Security-Policy': "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; media-src 'self'",
  'Cross-Origin-Resource-Policy': 'same-site',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

export interface UrlServer {
  readonly port: number;
  /** How long nobody who may has asked for anything. */
  idle_ms(): number;
  close(): Promise<void>;
}

interface Options {
  readonly secret: Buffer;
  /** 0 for any; any, too, when this one is taken. */
  readonly port: number;
  say(what: string): void;
}

/** Answers signed URLs on the loopback address: single objects, nothing listed, nothing said about what is not there. */
export async function serveUrls(blobs: Blobs, { secret, port, say }: Options): Promise<UrlServer> {
  let asked = performance.now();
  let open = 0;
  const stay = () => {
    asked = performance.now();
  };
  const answer = async (request: IncomingMessage, response: ServerResponse, go: () => void) => {
    open++;
    try {
      if (request.headers.host !== `127.0.0.1:${portOf(server)}`) return refuse(response, 421, 'wrong host');
      const hello = /^\/\?hello=([\w-]{1,64})$/.exec(request.url ?? '')?.[1];
      if (hello !== undefined && request.method === 'GET') {
        stay();
        return response.end(proof(secret, hello));
      }
      const claim = readSigned(secret, request.method ?? '', request.url ?? '', Date.now());
      if (typeof claim === 'string') return refuse(response, 403, claim);
      if (claim.method === 'GET') await send(blobs, claim, request, response);
      else await take(blobs, claim, request, response, go);
      stay();
    } catch (thrown) {
      const { code, details } = toKnown(thrown);
      if (code !== 'UPLOAD_REFUSED') say(`${request.method}: ${code} ${String((thrown as Error).message)}`);
      if (response.headersSent) response.destroy();
      else
        refuse(response, STATUS[String(details.reason)] ?? (code === 'INPUT_INVALID' ? 403 : 500), reasonOf(details));
    } finally {
      open--;
    }
  };
  const server = createServer((request, response) => void answer(request, response, () => undefined));
  // Who asks first whether to send is told before he has sent it all.
  server.on('checkContinue', (request, response) => void answer(request, response, () => response.writeContinue()));
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = HEADERS_MS_MAX;
  server.requestTimeout = REQUEST_MS_MAX;
  await listen(server, port).catch(() => listen(server, 0));
  return {
    port: portOf(server),
    idle_ms: () => (open > 0 ? 0 : performance.now() - asked),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function send(blobs: Blobs, claim: Claim, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const facts = await blobs.stat(claim.key);
  if (facts === undefined) return refuse(response, 404, 'gone');
  const part = partOf(request.headers.range, facts);
  const own = { ...PRIVATE, 'Accept-Ranges': 'bytes' };
  if (part === 'outside') {
    response.writeHead(416, { ...own, 'Content-Range': `bytes */${facts.bytes}` }).end();
    return;
  }
  const length = part === undefined ? facts.bytes : part.last - part.first + 1;
  response.writeHead(part === undefined ? 200 : 206, {
    ...own,
    'Content-Type': contentType(claim.key),
    'Content-Length': length,
    'Content-Disposition': `inline; filename="${downloadName(claim.key)}"`,
    'Last-Modified': new Date(facts.modified_ms).toUTCString(),
    ...(part && { 'Content-Range': `bytes ${part.first}-${part.last}/${facts.bytes}` }),
  });
  if (request.method === 'HEAD' || length === 0) response.end();
  else await pipeline(blobs.read(claim.key, part), response).catch(hungUp);
}

async function take(
  blobs: Blobs,
  { key, limits }: Claim,
  request: IncomingMessage,
  response: ServerResponse,
  go: () => void,
): Promise<void> {
  if (limits === undefined) return refuse(response, 403, 'unsigned');
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > limits.bytes_max) return refuse(response, 413, 'too_large');
  if (!limits.replace && (await blobs.has(key))) return refuse(response, 409, 'exists');
  go();
  await blobs.putStream(key, request as AsyncIterable<Uint8Array>, limits);
  response.writeHead(201, PRIVATE).end();
}

/** One part of the bytes; several, or a form that is not known, are answered with the whole, as RFC 9110 allows. */
function partOf(range: string | undefined, { bytes }: BlobFacts): Part | 'outside' | undefined {
  const found = /^bytes=(\d*)-(\d*)$/.exec(range ?? '');
  if (found === null || (found[1] === '' && found[2] === '')) return undefined;
  const [from, to] = [found[1] ?? '', found[2] ?? ''];
  const first = from === '' ? Math.max(0, bytes - Number(to)) : Number(from);
  const last = from === '' || to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined;
  return first > last ? 'outside' : { first, last };
}

const STATUS: Record<string, number> = { too_large: 413, exists: 409, other_bytes: 422 };

function reasonOf({ reason }: Record<string, unknown>): string {
  return typeof reason === 'string' && reason in STATUS ? reason : 'refused';
}

/** A word for a program; what was still to come is not waited for. */
function refuse(response: ServerResponse, status: number, why: string): void {
  const headers = { ...PRIVATE, 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' };
  response.writeHead(status, headers).end(`${why}\n`);
}

function hungUp(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.code !== 'ECONNRESET') throw error;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed);
      done();
    });
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0;
}
