import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { openLocalBlobs } from '#engine/blobs/local.ts';
import { serveUrls } from '#engine/blobs/serve-urls.ts';
import { type Claim, readSigned, signedPath } from '#engine/blobs/signed.ts';
import { readServer, urlFiles } from '#engine/blobs/url-files.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { face } from '#mcps/storage/server.ts';
import { signUpload } from '#mcps/storage/tools/sign-upload.ts';
import { signUrl } from '#mcps/storage/tools/sign-url.ts';
import { temporaryHome } from '../support/home.ts';
import { serveOffer } from '../support/serve-offer.ts';
import { storageWorld } from '../support/storage-world.ts';

const KEY = 'raw/videos/rhobh/s05/e17/episode.mp4';
const secret = Buffer.alloc(32, 7);
const sha = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const inSeconds = (s: number) => Math.floor(Date.now() / 1000) + s;

/** A server in this process, with one file of a thousand bytes. */
async function served() {
  const home = temporaryHome();
  const blobs = openLocalBlobs(home);
  const body = randomBytes(1000);
  await blobs.put(KEY, body);
  const said: string[] = [];
  const server = await serveUrls(blobs, { secret, port: 0, say: (line) => said.push(line) });
  onTestFinished(() => server.close());
  const base = `http://127.0.0.1:${server.port}`;
  const url = (claim: Partial<Claim>) =>
    base + signedPath(secret, { method: 'GET', key: KEY, expires_s: inSeconds(600), ...claim });
  const put = (limits: Partial<NonNullable<Claim['limits']>> = {}, key = 'raw/videos/clip/episode.mp4') =>
    url({ method: 'PUT', key, limits: { bytes_max: 100, replace: false, ...limits } });
  return { home, body, url, put, base, server, said, at: (key: string) => join(home, key) };
}

test('a signed URL gives the file, its type and a name, and nothing that may be kept or run', async () => {
  const { url, body } = await served();
  const answer = await fetch(url({}));
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'video/mp4',
    'content-length': '1000',
    'content-disposition': 'inline; filename="rhobh-s05e17-episode.mp4"',
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
  });
  const head = await fetch(url({}), { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '1000', '']);
});

test.each([
  ['bytes=0-9', 206, 0, 10],
  ['bytes=990-', 206, 990, 1000],
  ['bytes=-5', 206, 995, 1000],
  ['bytes=-5000', 206, 0, 1000],
  ['bytes=998-5000', 206, 998, 1000],
  ['bytes=999-999', 206, 999, 1000],
  ['bytes=5-2', 200, 0, 1000],
  ['bytes=0-1,5-6', 200, 0, 1000],
  ['lines=0-1', 200, 0, 1000],
  ['bytes=-', 200, 0, 1000],
  ['bytes=1000-', 416, 0, 0],
  ['bytes=-0', 416, 0, 0],
])('a part: %s is %i', async (range, status, from, to) => {
  const { url, body } = await served();
  const answer = await fetch(url({}), { headers: { Range: range } });
  const got = Buffer.from(await answer.arrayBuffer());
  expect(answer.status).toBe(status);
  expect(got.equals(body.subarray(from, to))).toBe(true);
  const told = { 206: `bytes ${from}-${to - 1}/1000`, 416: 'bytes */1000' }[status] ?? null;
  expect(answer.headers.get('content-range')).toBe(told);
});

test('what is not signed, expired, changed, or for another method or file is refused, and says nothing of what is there', async () => {
  const { url, put, base, at } = await served();
  const good = new URL(url({}));
  const changed = (change: (url: URL) => void) => {
    const other = new URL(good);
    change(other);
    return other.href;
  };
  const refused: [string, string, string][] = [
    ['GET', `${base}/${KEY}`, 'unsigned'],
    ['GET', `${base}/`, 'unsigned'],
    ['GET', `${base}/raw/videos/`, 'unsigned'],
    ['GET', url({ expires_s: inSeconds(-1) }), 'expired'],
    ['GET', url({ expires_s: inSeconds(3600) }), 'expired'],
    ['GET', changed((u) => u.searchParams.set('expires', String(inSeconds(100)))), 'unsigned'],
    ['GET', changed((u) => u.searchParams.set('signature', 'A'.repeat(43))), 'unsigned'],
    ['GET', changed((u) => u.searchParams.set('signature', '')), 'unsigned'],
    ['GET', changed((u) => u.searchParams.delete('signature')), 'unsigned'],
    ['GET', changed((u) => u.searchParams.append('expires', String(inSeconds(600)))), 'unsigned'],
    ['GET', changed((u) => u.searchParams.set('also', '1')), 'unsigned'],
    ['GET', changed((u) => u.searchParams.set('method', 'PUT')), 'unsigned'],
    ['GET', good.href.replace('e17', 'e18'), 'unsigned'],
    ['GET', good.href.replace('/episode.mp4', '/x/../episode.mp4%00'), 'unsigned'],
    ['GET', good.href.replace('e17', '%E0%A4%A'), 'unsigned'],
    ['PUT', good.href, 'unsigned'],
    ['DELETE', good.href, 'unsigned'],
    ['POST', good.href, 'unsigned'],
    ['GET', put(), 'unsigned'],
    ['PUT', put().replace('max=100', 'max=1000'), 'unsigned'],
    ['PUT', `${put()}&replace=1`, 'unsigned'],
    ['PUT', put().replace('clip', 'clop'), 'unsigned'],
  ];
  for (const [method, to, why] of refused) {
    const answer = await fetch(to, { method, ...(method === 'PUT' && { body: 'x' }) });
    expect([answer.status, await answer.text()], `${method} ${to}`).toEqual([403, `${why}\n`]);
  }
  expect((await fetch(url({ key: 'raw/videos/gone/episode.mp4' }))).status).toBe(404);
  expect(readdirSync(at('raw/videos'))).toEqual(['rhobh']);
});

test('random changes of one letter of a URL: none is honoured', async () => {
  const next = random(5);
  const claim: Claim = {
    method: 'PUT',
    key: KEY,
    expires_s: 2000,
    limits: { bytes_max: 10, sha256: sha('a'), replace: true },
  };
  const path = signedPath(secret, claim);
  expect(readSigned(secret, 'PUT', path, 1_990_000)).toMatchObject(claim);
  expect(readSigned(Buffer.alloc(32, 8), 'PUT', path, 1_990_000)).toBe('unsigned');
  const letters = [...'abcXYZ019/-_%.&='];
  let tried = 0;
  for (let i = 0; i < 5000; i++) {
    const at = 1 + Math.floor(next() * (path.length - 1));
    const letter = letters[Math.floor(next() * letters.length)] as string;
    const other = path.slice(0, at) + letter + path.slice(at + (next() < 0.5 ? 1 : 0));
    const found = readSigned(secret, 'PUT', other, 1_990_000);
    if (other === path) continue;
    expect(found, other).toBe('unsigned');
    tried++;
  }
  expect(tried).toBeGreaterThan(4500);
});

test('another Host is refused: a page of elsewhere that renamed itself to this address', async () => {
  const { server, url } = await served();
  const status = await new Promise((done, failed) => {
    const { pathname, search } = new URL(url({}));
    const options = {
      port: server.port,
      host: '127.0.0.1',
      path: pathname + search,
      headers: { Host: 'evil.example' },
    };
    request(options, (answer) => done(answer.resume().statusCode))
      .on('error', failed)
      .end();
  });
  expect(status).toBe(421);
});

test('ING-06: an upload is kept whole or not at all: size, sha256, and what is there already', async () => {
  const { put, at } = await served();
  const file = at('raw/videos/clip/episode.mp4');
  const send = async (to: string, body: string) => {
    const answer = await fetch(to, { method: 'PUT', body });
    return [answer.status, (await answer.text()).trim()];
  };
  expect(await send(put(), 'x'.repeat(101))).toEqual([413, 'too_large']);
  expect(await send(put({ sha256: sha('other') }), 'bytes')).toEqual([422, 'other_bytes']);
  expect(existsSync(file)).toBe(false);
  expect(await send(put({ sha256: sha('bytes') }), 'bytes')).toEqual([201, '']);
  expect(readFileSync(file, 'utf8')).toBe('bytes');
  expect(await send(put(), 'again')).toEqual([409, 'exists']);
  expect(await send(put({ replace: true }), 'again')).toEqual([201, '']);
  expect(readFileSync(file, 'utf8')).toBe('again');
  expect(readdirSync(at('raw/videos/clip'))).toEqual(['episode.mp4']);
});

test('bytes that come without a length are counted as they come; a broken upload leaves nothing', async () => {
  const { put, at, server } = await served();
  const stream = (chunks: number, end: boolean) =>
    new Promise<number>((done) => {
      const { pathname, search } = new URL(put());
      const asked = request(
        { port: server.port, host: '127.0.0.1', method: 'PUT', path: pathname + search },
        (answer) => {
          answer.resume();
          done(answer.statusCode ?? 0);
        },
      );
      asked.on('error', () => done(0));
      for (let i = 0; i < chunks; i++) asked.write('x'.repeat(30));
      if (end) asked.end();
      else setTimeout(() => asked.destroy(), 200);
    });
  expect([413, 0]).toContain(await stream(4, true));
  expect(await stream(2, false)).toBe(0);
  await expect.poll(() => readdirSync(at('raw/videos/clip'))).toEqual([]);
  expect(await stream(3, true)).toBe(201);
});

test('a link that leads out of the home is not followed, however it is signed', async () => {
  const { url, put, at, home } = await served();
  const outside = mkdtempSync(join(tmpdir(), 'sa-outside-'));
  writeFileSync(join(outside, 'episode.mp4'), 'secret');
  symlinkSync(outside, at('raw/videos/clip'));
  const read = await fetch(url({ key: 'raw/videos/clip/episode.mp4' }));
  expect([read.status, await read.text()]).toEqual([403, 'refused\n']);
  expect((await fetch(put({ replace: true }), { method: 'PUT', body: 'x' })).status).toBe(403);
  expect(readFileSync(join(outside, 'episode.mp4'), 'utf8')).toBe('secret');
  expect(existsSync(home)).toBe(true);
});

test('ING-10: what an episode has, and a URL of each, at the older address of its assets', async () => {
  const { engine } = storageWorld({ [KEY]: 'footage' });
  const stop = new AbortController();
  const http = await serveOffer(offer(face, engine, stop.signal));
  onTestFinished(() => http.close());
  const assets = `${http.url}/episodes/rhobh-s05e17/assets`;
  expect(await (await fetch(assets)).json()).toMatchObject({ objects: [{ key: KEY }] });
  const headers = { 'content-type': 'application/json' };
  const signed = await fetch(assets, { method: 'POST', headers, body: '{"kind":"videos","ttl_s":60}' });
  const { url, expires_at } = SignedUrl.parse(await signed.json());
  expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(600_000);
  expect(await (await fetch(url)).text()).toBe('footage');
});
const SignedUrl = z.object({ url: z.url(), expires_at: z.iso.datetime() });

test('SEC-01, STO-03: the tools sign; a process of the home answers, one for all, and leaves with the home', async () => {
  const { ask, home, at } = storageWorld({
    [KEY]: 'footage',
    'artifacts/reports/clip/report.html': '<p>',
    'artifacts/reports/clip/b.html': '',
  });
  const [read, again] = await Promise.all([
    ask(signUrl, { key: KEY, ttl_s: 600 }),
    ask(signUrl, { episode: 'rhobh-s05e17', kind: 'videos' }),
  ]);
  expect(read).toMatchObject({ method: 'GET', key: KEY, bytes: 7, content_type: 'video/mp4' });
  expect(Date.parse(read.expires_at) - Date.now()).toBeLessThanOrEqual(600_000);
  expect(Date.parse(again.expires_at) - Date.now()).toBeLessThanOrEqual(900_000);
  expect(new URL(read.url).origin).toBe(new URL(again.url).origin);
  expect(await (await fetch(read.url)).text()).toBe('footage');
  expect(statSync(urlFiles(home).secret).mode & 0o777).toBe(0o600);
  expect(statSync(urlFiles(home).folder).mode & 0o777).toBe(0o700);
  expect(readFileSync(urlFiles(home).log, 'utf8')).not.toMatch(/signature|episode/);

  await expect(ask(signUrl, { episode: 'clip', kind: 'reports' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(await ask(signUrl, { episode: 'clip', kind: 'reports', name: 'b.html' })).toMatchObject({ bytes: 0 });
  await expect(ask(signUrl, { episode: 'clip', kind: 'videos' })).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
  await expect(ask(signUrl, { key: KEY, ttl_s: 901 })).rejects.toMatchObject({ code: 'INPUT_INVALID' });

  const upload = { episode: 'x-s01e02', bytes: 5, sha256: sha('bytes') };
  const write = await ask(signUpload, upload);
  expect(write).toMatchObject({ method: 'PUT', key: 'raw/videos/x/s01/e02/episode.mp4', bytes_max: 5 });
  expect((await fetch(write.url, { method: 'PUT', body: 'bytes' })).status).toBe(201);
  expect(readFileSync(at(write.key), 'utf8')).toBe('bytes');
  await expect(ask(signUpload, upload)).rejects.toMatchObject({ code: 'UPLOAD_REFUSED' });
  await expect(ask(signUpload, { ...upload, container: 'mkv', replace: true })).rejects.toMatchObject({
    code: 'UPLOAD_REFUSED',
  });
  expect(
    (await fetch((await ask(signUpload, { ...upload, replace: true })).url, { method: 'PUT', body: 'bytes' })).status,
  ).toBe(201);

  // A killed server's successor answers on the same port, so that URLs live on.
  const first = readServer(home);
  if (first === undefined) throw new Error('no server');
  process.kill(first.pid, 'SIGKILL');
  await expect.poll(() => isAlive(first.pid)).toBe(false);
  const later = await ask(signUrl, { key: KEY });
  expect(new URL(later.url).port).toBe(String(first.port));
  expect(await (await fetch(read.url)).text()).toBe('footage');

  const { pid } = readServer(home) ?? first;
  expect(pid).not.toBe(first.pid);
  chmodSync(urlFiles(home).folder, 0o700);
  process.kill(pid, 'SIGTERM');
  await expect.poll(() => isAlive(pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    // A zombie is dead: nobody waits for a process that was started to stand alone.
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
