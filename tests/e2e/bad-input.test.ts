import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Artifacts, Shot } from '#engine/core/artifacts.ts';
import { toKnown } from '#engine/core/errors.ts';
import { probe } from '#engine/media/probe.ts';
import { temporaryHome } from '../support/home.ts';
import { manifest, publishedFiles, runOnce } from '../support/run.ts';
import { ffmpeg, H264, pattern, shortClip, tone, videoFolder } from '../support/videos.ts';

const folder = videoFolder();
const file = (name: string) => join(folder, name);
const home = temporaryHome();

beforeAll(async () => {
  await shortClip();
  ffmpeg(...pattern(), ...tone(), ...H264, '-c:a', 'aac', '-movflags', '+faststart', file('whole.mp4'));
}, 300_000);

const codeOf = (source: string) =>
  runOnce(home, { source }).then(
    () => 'none',
    (error: unknown) => toKnown(error).code,
  );

const BAD: Record<string, [make: (path: string) => void, code: string]> = {
  'text.mp4': [(path) => writeFileSync(path, 'This is a letter, not a film.\n'.repeat(100)), 'MEDIA_NOT_VIDEO'],
  'zero.mp4': [(path) => writeFileSync(path, ''), 'MEDIA_EMPTY'],
  'one-byte.mp4': [(path) => writeFileSync(path, 'x'), 'MEDIA_NOT_VIDEO'],
  'noise.mkv': [(path) => writeFileSync(path, Buffer.alloc(50_000, 0xa5)), 'MEDIA_NOT_VIDEO'],
  'no-index.mp4': [withoutIndex, 'MEDIA_NOT_VIDEO'],
  'head-only.mp4': [(path) => writeFileSync(path, wholeVideo().subarray(0, indexEnd())), 'MEDIA_DECODE_FAILED'],
  'sound.wav': [(path) => ffmpeg(...tone(1), path), 'MEDIA_NOT_VIDEO'],
  'sound.m4a': [(path) => ffmpeg(...tone(1), path), 'MEDIA_NO_VIDEO'],
  'sound.mp4': [(path) => ffmpeg(...tone(1), '-c:a', 'aac', path), 'MEDIA_NO_VIDEO'],
  'cover-only.m4a': [coverOnly, 'MEDIA_NO_VIDEO'],
  'picture.jpg': [(path) => ffmpeg(...pattern({ seconds: 0.04 }), '-frames:v', '1', path), 'MEDIA_NOT_VIDEO'],
  'picture.mp4': [renamedPicture, 'MEDIA_NOT_VIDEO'],
  'playlist.mp4': [playlist, 'MEDIA_NOT_VIDEO'],
  'list.mp4': [(path) => writeFileSync(path, `ffconcat version 1.0\nfile ${file('whole.mp4')}\n`), 'MEDIA_NOT_VIDEO'],
  'folder.mp4': [(path) => mkdirSync(path), 'MEDIA_NOT_VIDEO'],
};

test.each(Object.entries(BAD))(
  '%s is refused with its own code, and nothing is published',
  async (name, [make, code]) => {
    make(file(name));
    expect(await codeOf(file(name))).toBe(code);
    expect(publishedFiles(home)).toEqual({});
  },
);

test('a path where nothing is', async () => {
  expect(await codeOf(file('nowhere.mp4'))).toBe('MEDIA_NOT_FOUND');
});

test('a file that this user may not read', () => {
  const secret = file('secret.mp4');
  writeFileSync(secret, wholeVideo());
  chmodSync(secret, 0o000);
  chmodSync(folder, 0o755);
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  writeFileSync(join(closed, 'inside.mp4'), wholeVideo());
  if (process.getuid?.() !== 0) chmodSync(closed, 0o000);
  // Root may read everything; then the reader is a process that has given that up.
  const script = file('read.mts');
  const nobody = 65534;
  const own = join(home, '..', `sa-nobody-${process.pid}`);
  mkdirSync(own, { recursive: true });
  if (process.getuid?.() === 0) chownSync(own, nobody, nobody);
  const tests = join(import.meta.dirname, '..', 'support', 'run.ts');
  const errors = join(import.meta.dirname, '..', '..', 'engine', 'core', 'errors.ts');
  const media = join(import.meta.dirname, '..', '..', 'engine', 'media', 'probe.ts');
  writeFileSync(
    script,
    `import { runOnce } from ${JSON.stringify(tests)};
    import { probe } from ${JSON.stringify(media)};
    import { toKnown } from ${JSON.stringify(errors)};
    if (process.getuid() === 0) { process.chdir('/'); process.setgid(${nobody}); process.setuid(${nobody}); }
    const codes = [];
    const [own, ...files] = process.argv.slice(2);
    for (const work of files.flatMap((source) => [() => probe(source), () => runOnce(own, { source })]))
      await work().then(() => codes.push('none'), (error) => codes.push(toKnown(error).code));
    console.log(JSON.stringify(codes));`,
  );
  const ran = spawnSync(process.execPath, [script, own, secret, join(closed, 'inside.mp4')], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(ran.stderr).toBe('');
  expect(JSON.parse(ran.stdout)).toEqual(Array.from({ length: 4 }, () => 'MEDIA_UNREADABLE'));
  rmSync(own, { recursive: true, force: true });
  chmodSync(closed, 0o700);
});

test('cut off amid a group of pictures: what is there is analysed, and times end where the pictures end', async () => {
  const bytes = wholeVideo();
  writeFileSync(file('truncated.mp4'), bytes.subarray(0, Math.floor(bytes.length * 0.6)));
  const { summary } = await runOnce(home, { source: file('truncated.mp4') });
  expect(summary.stages.map(({ name }) => name)).toContain('measure');
  const shots = manifest<Shot[]>(home, 'truncated', 'shots.json');
  const end_ms = shots.at(-1)?.end_ms ?? 0;
  expect(end_ms).toBeGreaterThan(1000);
  expect(end_ms).toBeLessThan(3600);
  expect((await probe(file('truncated.mp4'))).duration_ms).toBe(4000);
});

test.each([
  ['no-faces.mp4', [...pattern(), ...H264], 16],
  ['one-frame.mp4', [...pattern({ seconds: 0.04 }), ...H264, '-frames:v', '1'], 1],
  ['black.mp4', ['-f', 'lavfi', '-i', 'color=black:s=320x180:r=25:d=12', ...H264], 48],
  ['uneven.mkv', [...pattern(), '-vf', 'select=not(eq(mod(n\\,5)\\,3))', '-fps_mode', 'vfr', ...H264], 16],
  ['stream.ts', [...pattern(), ...tone(), ...H264, '-output_ts_offset', '5000'], 16],
])(
  '%s: a run to its end, with nobody in it',
  async (name, args, frames) => {
    ffmpeg(...args, file(name));
    const { summary } = await runOnce(home, { source: file(name), episode: name.replace(/\..*/, '') });
    expect(summary.counts).toMatchObject({ people: 0, tracks: 0, faces: 0, scene_cuts: 0 });
    expect(summary.screen_time).toEqual([]);
    const key = summary.stages.find((stage) => stage.name === 'detect')?.key ?? '';
    const artifact = readFileSync(join(home, 'cache', 'detections', `${key}.json`), 'utf8');
    expect((JSON.parse(artifact) as Artifacts['detections']).frames).toHaveLength(frames);
    expect(manifest<Shot[]>(home, summary.episode, 'shots.json')).toHaveLength(1);
  },
  90_000,
);

test('turned, with pixels that are not square, and 4K: the people of the clip are found as upright', async () => {
  const clip = await shortClip();
  // Stored lying on its side, and a display matrix that sets it upright.
  ffmpeg('-t', '2', '-i', clip, '-vf', 'transpose=cclock', ...H264, file('lying.mp4'));
  ffmpeg('-i', file('lying.mp4'), '-c', 'copy', '-metadata:s:v', 'rotate=-90', file('upright.mp4'));
  // Half as many columns, each twice as wide.
  ffmpeg('-t', '2', '-i', clip, '-vf', 'scale=320:360,setsar=2', ...H264, file('wide-pixels.mp4'));
  ffmpeg('-t', '1', '-i', clip, '-vf', 'scale=3840:2160', ...H264, '-preset', 'ultrafast', file('uhd.mp4'));
  ffmpeg('-t', '2', '-i', clip, '-c', 'copy', file('plain.mp4'));
  const plain = await runOnce(home, { source: file('plain.mp4') });
  expect(plain.summary.counts.detections_kept).toBeGreaterThan(8);
  for (const name of ['upright', 'wide-pixels', 'uhd']) {
    const { summary } = await runOnce(home, { source: file(`${name}.mp4`) });
    const share = name === 'uhd' ? 0.5 : 1; // half as long
    const ratio = summary.counts.detections_kept / (plain.summary.counts.detections_kept * share);
    expect(ratio, name).toBeGreaterThan(0.6);
  }
});

function wholeVideo(): Buffer {
  return readFileSync(file('whole.mp4'));
}

/** Where the index (`moov`, at the front) ends and the pictures (`mdat`) begin. */
function indexEnd(): number {
  return wholeVideo().indexOf('mdat') + 4;
}

function withoutIndex(path: string): void {
  ffmpeg('-i', file('whole.mp4'), '-c', 'copy', file('index-last.mp4')); // moov at the end
  const bytes = readFileSync(file('index-last.mp4'));
  writeFileSync(path, bytes.subarray(0, bytes.lastIndexOf('moov') - 4));
}

function coverOnly(path: string): void {
  ffmpeg(...pattern({ size: '64x64', seconds: 0.04 }), '-frames:v', '1', '-c:v', 'mjpeg', file('cover-only.jpg'));
  const maps = ['-map', '0', '-map', '1', '-c:v', 'copy', '-c:a', 'aac', '-disposition:v:0', 'attached_pic'];
  ffmpeg(...tone(1), '-i', file('cover-only.jpg'), ...maps, path);
}

function renamedPicture(path: string): void {
  ffmpeg(...pattern({ seconds: 0.04 }), '-frames:v', '1', file('renamed.png'));
  writeFileSync(path, readFileSync(file('renamed.png')));
}

/** A list that would make a decoder open other files, or addresses. */
function playlist(path: string): void {
  writeFileSync(path, `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n${file('whole.mp4')}\n#EXT-X-ENDLIST\n`);
}
