import { appendFileSync, existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openJournal, type Position, type Rows } from '#engine/sweep/checkpoint.ts';
import { temporaryHome } from '../support/home.ts';

const position = (next_cell: number): Position => ({
  ...{ next_cell, after_pts: next_cell * 10, end_ms: next_cell * 100, last_at_ms: next_cell * 100 - 100 },
  counts: { frames: next_cell, raw: 0, kept: 0, low_conf: 0, overlap: 0, too_small: 0 },
  cut: { finder: { next: 0, entries: [], last_cut: 0, dark: null }, found: [] },
  track: {
    tracker: { next_id: 0, cell: null, since_flush: null, tracks: [] },
    ...{ open: [], shot_id: 0, frames_in_shot: 0, dropped_short: 0, warmup_lost: 0 },
  },
  harvest: { tracks: [], rejects: { too_small: 0, low_conf: 0 } },
  exported: { files: 0, bytes: 0 },
});

const rowsOf = (n: number): Rows => ({
  frames: Array.from({ length: n }, (_, i): [number, number] => [i, i * 100]),
  detections: [],
  ended: Array.from({ length: n >> 1 }, (_, i) => ({ track_id: i, shot_id: 0, at_ms: [i], detections: [i] })),
  faces: [],
});

async function savedTwice(): Promise<string> {
  const folder = join(temporaryHome({ empty: true }), 'work', 'x');
  const journal = openJournal(folder);
  expect(await journal.resume()).toBeUndefined();
  await journal.save(rowsOf(3), position(3));
  await journal.save(rowsOf(7), position(7));
  return folder;
}

test('what was saved comes back, and saving goes on from there', async () => {
  const folder = await savedTwice();
  const second = openJournal(folder);
  expect(await second.resume()).toEqual({ rows: rowsOf(7), position: position(7) });
  await second.save(rowsOf(9), position(9));
  expect(await openJournal(folder).resume()).toEqual({ rows: rowsOf(9), position: position(9) });
});

test('rows that were written after the last checkpoint, whole or half, are cut off', async () => {
  const folder = await savedTwice();
  appendFileSync(join(folder, 'frames.jsonl'), '[7,700]\n[8,80');
  writeFileSync(join(folder, 'checkpoint.json.tmp'), '{"posi');
  const journal = openJournal(folder);
  expect((await journal.resume())?.rows).toEqual(rowsOf(7));
  await journal.save(rowsOf(8), position(8));
  expect((await openJournal(folder).resume())?.rows).toEqual(rowsOf(8));
});

test.each([
  ['a checkpoint that is no JSON', (folder: string) => writeFileSync(join(folder, 'checkpoint.json'), '\0\0\0')],
  ['rows that are shorter than the checkpoint says', (folder: string) => truncateSync(join(folder, 'frames.jsonl'), 5)],
  ['rows that are gone', (folder: string) => rmSync(join(folder, 'ended.jsonl'))],
  ['rows of zeros', (folder: string) => writeFileSync(join(folder, 'frames.jsonl'), Buffer.alloc(4096))],
])('%s: begins anew instead of failing for ever', async (_, damage) => {
  const folder = await savedTwice();
  damage(folder);
  const journal = openJournal(folder);
  expect(await journal.resume()).toBeUndefined();
  await journal.save(rowsOf(2), position(2));
  expect(await openJournal(folder).resume()).toEqual({ rows: rowsOf(2), position: position(2) });
});

test('remove leaves nothing', async () => {
  const folder = await savedTwice();
  await openJournal(folder).remove();
  expect(existsSync(folder)).toBe(false);
});
