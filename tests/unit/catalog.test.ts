import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { type FileEntry, type JointEntry, Models as ModelsSchema } from '#config/models.ts';
import type { Config } from '#config/schema.ts';
import { type ModelCatalog, openCatalog, type ResolvedFile } from '#engine/models/catalog.ts';
import { isPrivateAddress } from '#engine/net/hosts.ts';
import { type Answer, localServer } from '../support/local-server.ts';
import { sharedFolder, skipWithoutShared } from '../support/shared.ts';

type Models = Config['models'];

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 255));
const real = loadConfig({}).config.models;

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'catalog-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function catalogue(source: FileEntry['source'], rest: Partial<Models> = {}, entry: Partial<FileEntry> = {}): Models {
  const tiny: FileEntry = {
    task: 'detect',
    family: 'retinaface',
    title: 'Tiny',
    file: 'tiny.onnx',
    sha256: sha256(BYTES),
    bytes: BYTES.length,
    licence: 'MIT',
    commercial: true,
    source,
    input: { width: 8, height: 8 },
    ...entry,
  };
  return { mirror: null, accepted_licences: [], allow_private_hosts: false, models: { tiny }, ...rest };
}

function fileEntry(id: string): FileEntry {
  const entry = real.models[id];
  if (entry === undefined || entry.family === 'joint') throw new Error(`${id} is not one file`);
  return entry;
}

async function resolveFile(catalog: ModelCatalog, id: string): Promise<ResolvedFile> {
  const model = await catalog.resolve(id);
  if ('parts' in model) throw new Error(`${id} is not one file`);
  return model;
}

const byMirror = { kind: 'mirror', note: 'a test' } as const;
const quick = { backoff_ms: 1 };

/** A server on this machine; gives the headers of every request that it got. */
async function serve(answer: Answer) {
  const { origin, asked } = await localServer(answer);
  const url = `${origin}/tiny.onnx`;
  return { asked, models: catalogue({ kind: 'url', url }, { allow_private_hosts: true }), url };
}

function sendRest(request: IncomingMessage, response: ServerResponse): void {
  const [, from = '0'] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from);
  if (start === 0) response.writeHead(200, { 'content-length': BYTES.length });
  else response.writeHead(206, { 'content-range': `bytes ${start}-${BYTES.length - 1}/${BYTES.length}` });
  response.end(BYTES.subarray(start));
}

function sendHalf(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': BYTES.length });
  response.write(BYTES.subarray(0, 100_000), () => setTimeout(() => response.socket?.destroy(), 50));
}

test('the embedded default is made from packages, and is then ready without another look', async () => {
  const folder = join(scratch(), 'models');
  const catalog = openCatalog(real, folder, {});
  const before = await catalog.list();
  expect(before.filter((each) => each.state !== 'missing')).toEqual([]);
  expect(before.find((each) => each.id === 'faceres')?.source).toContain('@vladmandic/human 3.3.6');

  const made = await catalog.prepare();
  expect(made.map(({ id, state, accepted }) => [id, state, accepted])).toEqual([
    ['mediapipe_face_full', 'ready', true],
    ['faceres', 'ready', true],
  ]);
  const detector = await resolveFile(catalog, 'mediapipe_face_full');
  expect(sha256(readFileSync(detector.path))).toBe(detector.sha256);
  expect(readdirSync(folder).sort()).toEqual(['.verified.json', 'faceres.onnx', 'mediapipe_face_full_open.onnx']);
});

test('a model of a package is made when it is first asked for', async () => {
  const { path, sha256: found } = await resolveFile(openCatalog(real, scratch(), {}), 'mediapipe_face_full');
  expect(sha256(readFileSync(path))).toBe(found);
});

test('a package with other bytes is refused', async () => {
  const source = { ...fileEntry('mediapipe_face_full').source } as Extract<FileEntry['source'], { kind: 'package' }>;
  const files = source.files.map((file) => ({ ...file, sha256: '0'.repeat(64) }));
  const catalog = openCatalog(catalogue({ ...source, files }), scratch(), {});
  await expect(catalog.prepare()).rejects.toMatchObject({ code: 'MODEL_CORRUPT', details: { id: 'tiny' } });
  const absent = openCatalog(catalogue({ ...source, package: 'no-such-package' }), scratch(), {});
  await expect(absent.prepare()).rejects.toMatchObject({ code: 'MODEL_MISSING' });
});

test('the mirror folder comes first, and its bytes are checked', async () => {
  const [mirror, folder] = [scratch(), scratch()];
  const warnings: object[] = [];
  const log = { info: () => undefined, warn: (facts: object) => void warnings.push(facts) };
  const catalog = openCatalog(catalogue(byMirror, { mirror }), folder, {});
  await expect(catalog.prepare(['tiny'], { log })).rejects.toMatchObject({
    code: 'MODEL_MISSING',
    details: { file: 'tiny.onnx' },
  });
  writeFileSync(join(mirror, 'tiny.onnx'), BYTES.subarray(1));
  await expect(catalog.prepare(['tiny'], { log })).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  expect(warnings).toMatchObject([{ id: 'tiny', mirror }]);
  expect(existsSync(join(folder, 'tiny.onnx'))).toBe(false);

  writeFileSync(join(mirror, 'tiny.onnx'), BYTES);
  expect((await resolveFile(catalog, 'tiny')).path).toBe(join(folder, 'tiny.onnx'));
  expect(readFileSync(join(folder, 'tiny.onnx')).equals(BYTES)).toBe(true);
});

test('a damaged file is seen, refused, and repaired', async () => {
  const [mirror, folder] = [scratch(), scratch()];
  writeFileSync(join(mirror, 'tiny.onnx'), BYTES);
  const catalog = openCatalog(catalogue(byMirror, { mirror }), folder, {});
  const state = async (of: Promise<{ state: string }[]>) => (await of).map((each) => each.state);
  await catalog.prepare(['tiny']);
  const path = join(folder, 'tiny.onnx');
  const then = new Date(1_700_000_000_000);
  utimesSync(path, then, then);
  expect(await state(catalog.list())).toEqual(['ready']);

  // The same size and time: only reading every byte can tell.
  writeFileSync(path, Buffer.from(BYTES).fill(0, 500, 600));
  utimesSync(path, then, then);
  expect(await state(catalog.list())).toEqual(['ready']);
  expect(await state(catalog.verify())).toEqual(['corrupt']);
  expect(await state(catalog.list())).toEqual(['corrupt']);
  await expect(catalog.resolve('tiny')).rejects.toMatchObject({ code: 'MODEL_CORRUPT', details: { path } });

  expect(await state(catalog.prepare(['tiny']))).toEqual(['ready']);
  expect((await catalog.resolve('tiny')).sha256).toBe(sha256(BYTES));
});

test('non-commercial weights need their licence to be accepted, before anything is fetched', async () => {
  const { models, asked } = await serve(sendRest);
  const tiny = { ...models.models.tiny, commercial: false, licence: 'research' } as FileEntry;
  const limited = { ...models, models: { tiny } };
  const catalog = openCatalog(limited, scratch(), {});
  const refusal = { code: 'MODEL_LICENCE', details: { id: 'tiny', licence: 'research' } };
  await expect(catalog.prepare(['tiny'])).rejects.toMatchObject(refusal);
  await expect(catalog.resolve('tiny')).rejects.toMatchObject(refusal);
  expect((await catalog.list())[0]).toMatchObject({ accepted: false, commercial: false });
  expect(asked).toEqual([]);

  const accepted = openCatalog({ ...limited, accepted_licences: ['tiny'] }, scratch(), {});
  await expect(accepted.resolve('tiny')).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  expect((await accepted.prepare(['tiny']))[0]).toMatchObject({ accepted: true, state: 'ready' });
});

/** Two files, of which one is not free, and both as one. */
function twoAsOne(rest: Partial<Models> = {}, entry: Partial<JointEntry> = {}): Models {
  const free = { ...catalogue(byMirror).models.tiny, task: 'embed', family: 'arcface', dim: 2 } as FileEntry;
  const own = { file: 'other.onnx', sha256: sha256(OTHER), bytes: OTHER.length, licence: 'research', dim: 3 };
  const limited: FileEntry = { ...free, ...own, commercial: false, override_env: 'ARCFACE_MODEL' };
  const words = { task: 'embed', family: 'joint', title: 'Both', licence: 'research', commercial: false } as const;
  const both: JointEntry = { ...words, of: ['free', 'limited'], dim: 5, ...entry };
  return { mirror: null, accepted_licences: [], allow_private_hosts: false, models: { free, limited, both }, ...rest };
}
const OTHER = BYTES.subarray(7);

test('a joint model is its parts: made, licensed, checked and hashed by their own entries', async () => {
  const [mirror, folder] = [scratch(), scratch()];
  const refused = openCatalog(twoAsOne({ mirror }), folder, {});
  writeFileSync(join(mirror, 'tiny.onnx'), BYTES);
  const licence = { code: 'MODEL_LICENCE', details: { id: 'limited', licence: 'research' } };
  await expect(refused.prepare(['both'])).rejects.toMatchObject(licence);
  await expect(refused.resolve('both')).rejects.toMatchObject(licence);

  const catalog = openCatalog(twoAsOne({ mirror, accepted_licences: ['limited'] }), folder, {});
  const stateOf = async () => (await catalog.verify(['both']))[0];
  const whole = { accepted: true, bytes: BYTES.length + OTHER.length, source: 'free and limited' };
  expect(await stateOf()).toMatchObject({ ...whole, state: 'missing' });
  const missing = { code: 'MODEL_MISSING', details: { id: 'limited' } };
  await expect(catalog.prepare(['both'])).rejects.toMatchObject(missing);
  await expect(catalog.resolve('both')).rejects.toMatchObject(missing);
  writeFileSync(join(mirror, 'other.onnx'), OTHER);
  expect((await catalog.prepare(['both']))[0]).toMatchObject({ ...whole, state: 'ready' });

  const model = await catalog.resolve('both');
  expect(model).toMatchObject({ parts: [{ id: 'free', sha256: sha256(BYTES) }, { id: 'limited' }] });
  expect(model.sha256).toBe((await stateOf())?.sha256);
  const mine = join(scratch(), 'mine.onnx');
  writeFileSync(mine, 'my own weights');
  const replaced = openCatalog(twoAsOne({ accepted_licences: ['limited'] }), folder, { ARCFACE_MODEL: mine });
  const others = [
    model,
    ...(await Promise.all(['free', 'limited'].map(catalog.resolve))),
    await replaced.resolve('both'),
  ];
  expect(new Set(others.map((each) => each.sha256)).size).toBe(4);

  writeFileSync(join(folder, 'other.onnx'), BYTES);
  expect(await stateOf()).toMatchObject({ state: 'corrupt' });
  await expect(catalog.resolve('both')).rejects.toMatchObject({ code: 'MODEL_CORRUPT', details: { id: 'limited' } });
});

test.each<[Partial<JointEntry>, string | undefined]>([
  [{}, undefined],
  [{ dim: 4 }, 'dim: its parts have 5 numbers together'],
  [{ commercial: true }, 'commercial: not all of its parts are'],
  [{ of: ['free', 'free'] }, 'each once'],
  [{ of: ['free', 'toString'] }, 'toString'],
  [{ of: ['free', 'both'] }, 'of one file'],
])('a joint model with %o', (entry, wrong) => {
  const { success, error } = ModelsSchema.safeParse(twoAsOne({}, entry));
  expect(success).toBe(wrong === undefined);
  if (wrong !== undefined)
    expect(error?.issues).toMatchObject([{ path: ['models', 'both'], message: expect.stringContaining(wrong) }]);
});

test('names that are not in the catalogue', async () => {
  const catalog = openCatalog(real, scratch(), {});
  await expect(catalog.resolve('toString')).rejects.toMatchObject({
    code: 'MODEL_UNKNOWN',
    details: { id: 'toString' },
  });
  await expect(catalog.prepare(['nobody'])).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
});

test('DET-17: the environment can name another file; its own sha256 is what counts', async () => {
  const [folder, elsewhere] = [scratch(), join(scratch(), 'mine.onnx')];
  const models = catalogue(byMirror, {}, { override_env: 'RETINAFACE_MODEL' });
  const catalog = openCatalog(models, folder, { RETINAFACE_MODEL: elsewhere });
  await expect(catalog.resolve('tiny')).rejects.toMatchObject({
    code: 'MODEL_MISSING',
    details: { RETINAFACE_MODEL: elsewhere },
  });
  writeFileSync(elsewhere, 'my own weights');
  expect(await catalog.resolve('tiny')).toMatchObject({
    path: elsewhere,
    sha256: sha256(Buffer.from('my own weights')),
  });
});

test('a download that breaks off continues where it stopped', async () => {
  const { models, asked } = await serve((request, response, nth) =>
    nth === 1 ? sendHalf(response) : sendRest(request, response),
  );
  const folder = scratch();
  const seen: number[] = [];
  const [status] = await openCatalog(models, folder, {}).prepare(['tiny'], {
    ...quick,
    progress: (_, done) => seen.push(done),
  });
  expect(status?.state).toBe('ready');
  expect(asked.map(({ range }) => range)).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.at(-1)).toBe(BYTES.length);
  expect(readdirSync(folder).sort()).toEqual(['.verified.json', 'tiny.onnx']);
});

test('a download that was stopped continues in the next run; a server without ranges starts it anew', async () => {
  const { models, asked } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.end(BYTES);
  });
  const folder = scratch();
  writeFileSync(join(folder, 'tiny.onnx.part'), BYTES.subarray(0, 5000));
  expect((await openCatalog(models, folder, {}).prepare(['tiny'], quick))[0]?.state).toBe('ready');
  expect(asked.map(({ range }) => range)).toEqual(['bytes=5000-']);
});

test('a stop is obeyed at once and keeps what has come', async () => {
  const { models } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.subarray(0, 100_000));
  });
  const folder = scratch();
  const stop = new AbortController();
  const running = openCatalog(models, folder, {}).prepare(['tiny'], {
    signal: stop.signal,
    progress: (_, done) => done >= 100_000 && stop.abort(),
  });
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  expect(readFileSync(join(folder, 'tiny.onnx.part')).equals(BYTES.subarray(0, 100_000))).toBe(true);
  expect(existsSync(join(folder, 'tiny.onnx.lock'))).toBe(false);
});

test('other bytes are never published, and the server is asked four times', async () => {
  const { models, asked } = await serve((_, response) => response.end(Buffer.from(BYTES).fill(1, 0, 10)));
  const folder = scratch();
  const failure = openCatalog(models, folder, {}).prepare(['tiny'], quick);
  await expect(failure).rejects.toMatchObject({
    code: 'MODEL_DOWNLOAD',
    details: { reason: expect.stringContaining('sha256') },
  });
  expect(asked).toHaveLength(4);
  expect(readdirSync(folder)).toEqual([]);
});

test.each<[string, (response: ServerResponse) => void, string, number]>([
  ['a file that is too large', (response) => response.end(Buffer.concat([BYTES, BYTES])), 'larger', 1],
  ['a file that is not there', (response) => response.writeHead(404).end(), '404', 1],
  ['a server in trouble', (response) => response.writeHead(503).end(), '503', 4],
  [
    'a redirect to a file',
    (response) => response.writeHead(302, { location: 'file:///etc/hostname' }).end(),
    'https',
    1,
  ],
  ['redirects in a circle', (response) => response.writeHead(302, { location: '/tiny.onnx' }).end(), 'redirects', 6],
])('%s ends with its reason', async (_, answer, reason, requests) => {
  const { models, asked } = await serve((_request, response) => answer(response));
  const failure = openCatalog(models, scratch(), {}).prepare(['tiny'], quick);
  await expect(failure).rejects.toMatchObject({
    code: 'MODEL_DOWNLOAD',
    details: { reason: expect.stringContaining(reason) },
  });
  expect(asked).toHaveLength(requests);
});

test('a redirect is followed', async () => {
  const { models } = await serve((request, response) =>
    request.url === '/tiny.onnx' ? response.writeHead(302, { location: '/there' }).end() : sendRest(request, response),
  );
  expect((await openCatalog(models, scratch(), {}).prepare(['tiny'], quick))[0]?.state).toBe('ready');
});

test('two callers at once download once', async () => {
  const { models, asked } = await serve((request, response) => setTimeout(() => sendRest(request, response), 300));
  const folder = scratch();
  const both = [openCatalog(models, folder, {}), openCatalog(models, folder, {})];
  const states = await Promise.all(both.map((catalog) => catalog.prepare(['tiny'], quick)));
  expect(states.flat().map((each) => each.state)).toEqual(['ready', 'ready']);
  expect(asked.map(({ range }) => range)).toEqual([undefined]);
});

test('the lock of a dead process is broken', async () => {
  const { models } = await serve(sendRest);
  const folder = scratch();
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, 'tiny.onnx.lock');
  writeFileSync(lock, '');
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(lock, longAgo, longAgo);
  expect((await openCatalog(models, folder, {}).prepare(['tiny'], quick))[0]?.state).toBe('ready');
});

test.each([
  ['http://127.0.0.1:9/tiny.onnx', 'https'],
  ['https://127.0.0.1:9/tiny.onnx', 'private'],
  ['https://[::1]:9/tiny.onnx', 'private'],
  ['https://169.254.169.254/latest/meta-data', 'private'],
  ['https://2130706433:9/tiny.onnx', 'private'],
  // A name is judged by what it resolves to.
  ['https://localhost:9/tiny.onnx', 'private'],
  ['https://user:secret@example.org/tiny.onnx', 'password'],
])('%s is not fetched by default', async (url, reason) => {
  const catalog = openCatalog(catalogue({ kind: 'url', url }), scratch(), {});
  await expect(catalog.prepare(['tiny'], quick)).rejects.toMatchObject({
    code: 'MODEL_DOWNLOAD',
    details: { reason: expect.stringContaining(reason) },
  });
});

test.each([
  ['10.1.2.3', true],
  ['172.31.255.255', true],
  ['172.32.0.1', false],
  ['100.64.0.1', true],
  ['8.8.8.8', false],
  ['::ffff:192.168.1.1', true],
  ['::ffff:8.8.8.8', false],
  ['fd00::1', true],
  ['fe80::1', true],
  ['2606:4700::1111', false],
  ['not an address', true],
])('%s is private: %s', (address, expected) => {
  expect(isPrivateAddress(address)).toBe(expected);
});

const shared = sharedFolder();
test.skipIf(skipWithoutShared('the catalogue against the real weights'))(
  'the real weights are those of the catalogue',
  async () => {
    const local = [
      'scrfd_500m',
      'scrfd_2_5g',
      'yunet',
      'retinaface_mobile025',
      'yoloface_lite',
      'arcface_mobilefacenet',
    ];
    const mirror = join(shared ?? '', 'models');
    const catalog = openCatalog({ ...real, mirror, accepted_licences: local }, scratch(), {});
    const states = await catalog.prepare(local);
    expect(states.map((each) => each.state)).toEqual(local.map(() => 'ready'));
    for (const id of local) {
      const { path, entry } = await resolveFile(catalog, id);
      expect(readFileSync(path).length).toBe(entry.bytes);
    }
  },
);
