import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toKnown } from '#engine/core/errors.ts';
import { fetchFile } from '#engine/net/fetch-file.ts';
import { withFetched } from '#engine/net/with-fetched.ts';
import { temporaryHome } from '../support/home.ts';
import { type Answer, localServer } from '../support/local-server.ts';
import { testConfig } from '../support/run.ts';

const BYTES = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 5)) & 255));
const LIMITS = { hosts: ['127.0.0.1'], bytes_max: 1_000_000, allow_private_hosts: true };
const { signal } = new AbortController();

async function serve(answer: Answer) {
  const { origin, asked } = await localServer(answer);
  return { url: `${origin}/shows/demo-s01e02.mp4?key=abc`, asked };
}

async function fetched(url: string, over: Partial<typeof LIMITS> = {}, progress: () => void = () => undefined) {
  const path = join(temporaryHome({ empty: true }), 'video');
  const limits = { ...LIMITS, ...over };
  const error = await fetchFile({ url, path, limits, signal, progress, backoff_ms: 1 }).catch(toKnown);
  return { error, bytes: existsSync(path) ? readFileSync(path) : undefined };
}

/** A connection breaks when a part has come: who is sooner would decide what is there. */
function breaker() {
  const come = Promise.withResolvers<void>();
  const breakOff = async (response: ServerResponse) => {
    await come.promise;
    response.destroy();
  };
  return { breakOff, come: () => come.resolve() };
}

test('a file comes whole, also when the connection breaks amid it: it goes on where it was, if it is the same file', async () => {
  const { breakOff, come } = breaker();
  const { url, asked } = await serve((request, response, nth) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const same = request.headers['if-range'] === '"v1"';
    const start = same ? from : 0;
    response.writeHead(start > 0 ? 206 : 200, {
      ...{ etag: '"v1"', 'content-length': BYTES.length - start },
      ...(start > 0 && { 'content-range': `bytes ${start}-${BYTES.length - 1}/${BYTES.length}` }),
    });
    if (nth > 1) return response.end(BYTES.subarray(start));
    response.write(BYTES.subarray(0, 120_000), () => void breakOff(response));
  });
  const { error, bytes } = await fetched(url, {}, come);
  expect(error).toBeUndefined();
  expect(bytes?.equals(BYTES)).toBe(true);
  expect(asked).toHaveLength(2);
  expect(asked[1]).toMatchObject({ range: expect.stringMatching(/^bytes=[1-9]\d+-$/), 'if-range': '"v1"' });
});

test('without an ETag it begins anew: what was there may be of another file', async () => {
  const { breakOff, come } = breaker();
  const { url, asked } = await serve((_, response, nth) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    if (nth > 1) return response.end(BYTES);
    response.write(Buffer.alloc(50_000), () => void breakOff(response));
  });
  expect((await fetched(url, {}, come)).bytes?.equals(BYTES)).toBe(true);
  expect(asked.map(({ range }) => range)).toEqual([undefined, undefined]);
});

test.each([
  ['a host that is not named', { hosts: ['media.example.org'] }, undefined],
  ['no host at all', { hosts: [] }, undefined],
  ['plain http and a private address', { allow_private_hosts: false }, undefined],
  ['a private address behind https', { allow_private_hosts: false }, 'https://127.0.0.1:1/a.mp4'],
  ['a private address in other words', { allow_private_hosts: false, hosts: ['*'] }, 'https://[::ffff:10.0.0.1]/a.mp4'],
  ['a name of this machine', { allow_private_hosts: false, hosts: ['*'] }, 'https://localhost:1/a.mp4'],
  ['the address of cloud metadata', { allow_private_hosts: false, hosts: ['*'] }, 'https://169.254.169.254/latest'],
  ['a password in it', {}, 'http://me:secret@127.0.0.1:1/a.mp4'],
  ['another scheme', {}, 'ftp://127.0.0.1/a.mp4'],
])('%s is refused before anything is asked', async (_, over, given) => {
  const { url, asked } = await serve((_request, response) => response.end(BYTES));
  const { error, bytes } = await fetched(given ?? url, over);
  expect(error).toMatchObject({ code: 'URL_REFUSED' });
  expect(bytes).toBeUndefined();
  expect(asked).toEqual([]);
});

test.each([
  ['another host', 'http://10.0.0.1:1/'],
  ['a name that only begins alike', 'http://127.0.0.1.example.org:1/'],
  ['what is no address', 'http://not127.0.0.1:1/'],
  ['a file of this machine', 'file:///etc/passwd'],
])('a redirect to %s is refused like the address itself', async (_, location) => {
  const { url, asked } = await serve((_request, response) => response.writeHead(302, { location }).end());
  expect((await fetched(url)).error).toMatchObject({ code: 'URL_REFUSED' });
  expect(asked).toHaveLength(1);
});

test('a redirect that never ends, a file that is too large, said or not, and one that is not there', async () => {
  const loop = await serve((_, response) => response.writeHead(301, { location: '/again' }).end());
  expect((await fetched(loop.url)).error).toMatchObject({ code: 'URL_REFUSED' });
  expect(loop.asked.length).toBeLessThan(10);
  for (const headers of [{ 'content-length': BYTES.length }, {}]) {
    const large = await serve((_, response) => response.writeHead(200, headers).end(BYTES));
    const { error, bytes } = await fetched(large.url, { bytes_max: 100_000 });
    expect(error).toMatchObject({ code: 'URL_REFUSED', details: { reason: expect.stringContaining('100000') } });
    expect(bytes).toBeUndefined();
  }
  const gone = await serve((_, response) => response.writeHead(404).end());
  expect((await fetched(gone.url)).error).toMatchObject({ code: 'URL_REFUSED' });
  expect(gone.asked).toHaveLength(1);
});

test('a server that fails is asked again a few times; the error shows no key of the address', async () => {
  const { url, asked } = await serve((_, response) => response.writeHead(503).end());
  const { error } = await fetched(url);
  expect(error).toMatchObject({ code: 'URL_FAILED', details: { reason: 'the server answered 503' } });
  expect(asked).toHaveLength(4);
  expect(JSON.stringify(error)).not.toContain('abc');
});

test('files lie in a folder of their own under the name of their address, and are gone afterwards, also after an error', async () => {
  const home = temporaryHome({ empty: true });
  const engine = { config: testConfig(home, { services: { fetch: LIMITS } }).config };
  const { url } = await serve((_, response) => response.end(BYTES));
  const left = join(home, 'work', 'fetched', 'f-left');
  await mkdir(left, { recursive: true });
  utimesSync(left, 0, 0); // of a process that was killed long ago
  const seen = await withFetched(engine, ['/here.mp4', url], { signal }, async (pathOf) => {
    expect(pathOf('/here.mp4')).toBe('/here.mp4');
    expect(readFileSync(pathOf(url)).equals(BYTES)).toBe(true);
    return pathOf(url);
  });
  expect(seen.endsWith('/demo-s01e02.mp4')).toBe(true);
  const failing = withFetched(engine, [url], { signal }, () => Promise.reject(new Error('no video')));
  await expect(failing).rejects.toThrow('no video');
  expect(readdirSync(join(home, 'work', 'fetched'))).toEqual([]);
});
