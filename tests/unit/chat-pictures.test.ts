// biome-ignore-all lint/suspicious/noControlCharactersInRegex: terminals are told by them
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { drawingOf, drawn } from '../../cli/chat/pictures.ts';

test('pictures are drawn where the terminal says that it can, never into a pipe or through tmux', () => {
  const tty = { isTTY: true };
  const at = (env: NodeJS.ProcessEnv, stream = tty) => drawingOf(env, stream);
  expect([at({ TERM_PROGRAM: 'iTerm.app' }), at({ LC_TERMINAL: 'iTerm2' }), at({ TERM_PROGRAM: 'WezTerm' })]).toEqual(
    Array(3).fill('iterm'),
  );
  expect([at({ TERM: 'xterm-kitty' }), at({ KITTY_WINDOW_ID: '1' }), at({ TERM_PROGRAM: 'ghostty' })]).toEqual(
    Array(3).fill('kitty'),
  );
  const none = [at({}), at({ TERM: 'xterm-256color' }), at({ TERM: 'xterm-kitty', TMUX: '/tmp/x' })];
  expect([...none, at({ TERM_PROGRAM: 'iTerm.app' }, { isTTY: false })]).toEqual(Array(4).fill(undefined));
});

test('a sheet of the home is drawn as its very bytes or pixels, once; other files are not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sa-drawn-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [sheet, words] = [join(folder, 'sheet.jpg'), join(folder, 'words.jpg')];
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 60 };
  const raw = { width: 90, height: 60, channels: 3 as const, background: 'black', noise };
  const bytes = await sharp({ create: raw }).jpeg().toBuffer();
  writeFileSync(sheet, bytes);
  writeFileSync(words, 'no picture');
  const paths = [sheet, sheet, words, join(folder, 'gone.jpg'), '/etc/hostname'];

  const [file = '', ...more] = await drawn(paths, folder, 'iterm', 60);
  expect(more).toEqual([]);
  const [, size, width, data = ''] =
    /^\x1b\]1337;File=inline=1;size=(\d+);width=(\d+);preserveAspectRatio=1:(.+)\x07\n$/.exec(file) ?? [];
  expect([Number(size), width, Buffer.from(data, 'base64').equals(bytes)]).toEqual([bytes.length, '60', true]);

  const [pixels = ''] = await drawn(paths, folder, 'kitty', 500);
  const parts = [...pixels.matchAll(/\x1b_G([^;]*);([^\x1b]*)\x1b\\/g)];
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.map(([, keys]) => keys)).toEqual([
    'a=T,f=24,o=z,s=90,v=60,c=100,q=2,m=1',
    ...parts.slice(1, -1).map(() => 'q=2,m=1'),
    'q=2,m=0',
  ]);
  const sent = inflateSync(Buffer.from(parts.map(([, , chunk]) => chunk).join(''), 'base64'));
  expect(sent.equals(await sharp(bytes).removeAlpha().raw().toBuffer())).toBe(true);
  expect(await drawn([sheet], join(folder, 'elsewhere'), 'kitty')).toEqual([]);
  writeFileSync(words, bytes.subarray(0, 40));
  expect(await drawn([words], folder, 'kitty'), 'cut off').toEqual([]);
});
