import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLocalBlobs } from '#engine/blobs/local.ts';
import { temporaryHome } from '../support/home.ts';

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

test('put, get, has, list, delete', async () => {
  const blobs = openLocalBlobs(temporaryHome({ empty: true }));
  await blobs.put('a/b/one.json', '1');
  await blobs.put('a/two.json', new Uint8Array([50]), false);
  await blobs.put('ab/three.json', '3');
  expect(text(await blobs.get('a/b/one.json'))).toBe('1');
  expect(text(await blobs.get('a/two.json'))).toBe('2');
  expect((await blobs.get('a/two.json'))?.buffer.byteLength).toBe(1); // memory of its own
  expect(await blobs.has('a/two.json')).toBe(true);
  expect(await blobs.list('a/')).toEqual(['a/b/one.json', 'a/two.json']);
  await blobs.delete('a/');
  expect(await blobs.list('')).toEqual(['ab/three.json']);
  expect(await blobs.get('a/two.json')).toBeUndefined();
  expect(await blobs.get('ab/three.json/below')).toBeUndefined();
  expect(await blobs.list('nowhere/')).toEqual([]);
});

test.each(['../outside', 'a/../../outside', '/etc/passwd'])('no key reaches outside: %s', async (key) => {
  const blobs = openLocalBlobs(temporaryHome({ empty: true }));
  await expect(blobs.put(key, 'x')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(blobs.delete(key)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(() => blobs.pathOf(key)).toThrowError();
});

test('the home itself is never deleted', async () => {
  await expect(openLocalBlobs(temporaryHome({ empty: true })).delete('')).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
});

test('a put that fails leaves the old bytes and no litter', async () => {
  const home = temporaryHome({ empty: true });
  const blobs = openLocalBlobs(home);
  mkdirSync(join(home, 'taken'));
  await expect(blobs.put('taken', 'x')).rejects.toThrow();
  await blobs.put('kept', 'old');
  await expect(blobs.putFile('kept', join(home, 'absent'))).rejects.toThrow();
  expect(text(await blobs.get('kept'))).toBe('old');
  expect(readdirSync(home).sort()).toEqual(['kept', 'taken']);
});

test('many puts to one key at once: always one of them, whole', async () => {
  const blobs = openLocalBlobs(temporaryHome({ empty: true }));
  const bodies = Array.from({ length: 20 }, (_, i) => String(i).repeat(5000));
  const reading = (async () => {
    for (let i = 0; i < 50; i++) {
      const now = text(await blobs.get('k'));
      if (now !== undefined) expect(bodies).toContain(now);
    }
  })();
  await Promise.all([...bodies.map((body) => blobs.put('k', body, false)), reading]);
  expect(await blobs.list('')).toEqual(['k']);
});

test('what a killed process left half-written is not listed, and goes when tidied', async () => {
  const home = temporaryHome({ empty: true });
  const blobs = openLocalBlobs(home);
  await blobs.put('m/a.json', '1');
  writeFileSync(join(home, 'm', 'a.json.123.abcd.tmp'), 'hal');
  expect(await blobs.list('m/')).toEqual(['m/a.json']);
  await blobs.tidy('m/');
  expect(readdirSync(join(home, 'm'))).toEqual(['a.json']);
});

test('a file is taken over without a copy on the same disk', async () => {
  const home = temporaryHome({ empty: true });
  const blobs = openLocalBlobs(home);
  writeFileSync(join(home, 'given.bin'), 'content');
  await blobs.putFile('x/taken.bin', join(home, 'given.bin'));
  expect(readFileSync(join(home, 'x/taken.bin'), 'utf8')).toBe('content');
  const taken = statSync(join(home, 'x/taken.bin'), { bigint: true });
  expect(taken.ino).toBe(statSync(join(home, 'given.bin'), { bigint: true }).ino);
  // What is there already is left alone; other bytes take its place.
  await blobs.putFile('x/taken.bin', join(home, 'given.bin'));
  expect(statSync(join(home, 'x/taken.bin'), { bigint: true }).ctimeNs).toBe(taken.ctimeNs);
  writeFileSync(join(home, 'other.bin'), 'other');
  await blobs.putFile('x/taken.bin', join(home, 'other.bin'));
  expect(readFileSync(join(home, 'x/taken.bin'), 'utf8')).toBe('other');
});

test('parts of a file are read when they are asked for, and never of another one', async () => {
  const blobs = openLocalBlobs(temporaryHome({ empty: true }));
  await blobs.put('x/parts.bin', 'one two three');
  const parts = await blobs.parts('x/parts.bin', (bytes) => new Uint8Array(bytes + 5));
  expect(parts?.bytes).toEqual(new Uint8Array(13));
  await parts?.load(4, 7);
  expect(text(parts?.bytes)).toBe('\0\0\0\0two\0\0\0\0\0\0');
  parts?.loadNow(0, 3);
  expect(text(parts?.bytes)).toBe('one\0two\0\0\0\0\0\0');
  await blobs.put('x/parts.bin', 'ONE TWO THREE');
  expect(() => parts?.loadNow(0, 13)).toThrow(expect.objectContaining({ code: 'HOME_BUSY' }));
  await expect(parts?.load(0, 13)).rejects.toMatchObject({ code: 'HOME_BUSY' });
  expect(await blobs.parts('x/nothing.bin', (bytes) => new Uint8Array(bytes))).toBeUndefined();
});

test('a link to a video is followed: the footage that is kept is the video, not the name of it', async () => {
  const home = temporaryHome({ empty: true });
  writeFileSync(join(home, 'real.mp4'), 'content');
  symlinkSync('real.mp4', join(home, 'link.mp4'));
  await openLocalBlobs(home).putFile('raw/videos/e/episode.mp4', join(home, 'link.mp4'));
  expect(readFileSync(join(home, 'raw/videos/e/episode.mp4'), 'utf8')).toBe('content');
});
