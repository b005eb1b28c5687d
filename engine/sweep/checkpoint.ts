import { mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DetectionCounts, DetectionRow, FaceRow } from '#engine/core/artifacts.ts';
import type { EndedTrack } from '#engine/math/extend-tracks.ts';
import type { CutConsumerState } from '../stages/cut.ts';
import type { HarvestState } from '../stages/harvest.ts';
import type { TrackConsumerState } from '../stages/track.ts';

/** What a sweep has made so far: it only ever grows, so a checkpoint appends what is new. */
export interface Rows {
  readonly frames: [cell: number, at_ms: number][];
  readonly detections: DetectionRow[];
  readonly ended: EndedTrack[];
  readonly faces: FaceRow[];
}

/** Where a sweep stands, between two frames. */
export interface Position {
  readonly next_cell: number;
  /** Time stamp of the last small frame that was used, ticks. */
  readonly after_pts: number;
  /** End of the last small frame or sampled frame, ms. */
  readonly end_ms: number;
  readonly last_at_ms: number;
  readonly counts: DetectionCounts;
  readonly cut: CutConsumerState;
  readonly track: TrackConsumerState;
  readonly harvest: HarvestState;
  readonly exported: { readonly files: number; readonly bytes: number };
}

interface Saved {
  readonly position: Position;
  readonly lengths: Record<keyof Rows, number>;
}

const NAMES = ['frames', 'detections', 'ended', 'faces'] as const satisfies readonly (keyof Rows)[];

/**
 * A journal in a folder: one file of JSON lines per kind of row, and one small file that says how far each is valid. The small
 * file is replaced whole, so a process that is killed at any moment leaves a journal that can be gone on from.
 */
export interface Journal {
  /** What an earlier process left, cut back to its last checkpoint; undefined when there is nothing. */
  resume(): Promise<{ rows: Rows; position: Position } | undefined>;
  save(rows: Rows, position: Position): Promise<void>;
  remove(): Promise<void>;
}

export function openJournal(folder: string): Journal {
  const file = (name: string) => join(folder, `${name}.jsonl`);
  const mark = join(folder, 'checkpoint.json');
  const written = { frames: 0, detections: 0, ended: 0, faces: 0 };
  const lengths = { frames: 0, detections: 0, ended: 0, faces: 0 };

  async function readRows<N extends keyof Rows>(name: N, length: number): Promise<Rows[N]> {
    const { size } = await stat(file(name));
    if (size < length) throw new SyntaxError(`${name} is shorter than its checkpoint says`);
    await truncate(file(name), length);
    const text = await readFile(file(name), 'utf8');
    const rows = text.split('\n');
    if (rows.pop() !== '') throw new SyntaxError(`${name} does not end with a whole row`);
    lengths[name] = length;
    written[name] = rows.length;
    return rows.map((line) => JSON.parse(line) as never) as unknown as Rows[N];
  }

  async function readBack(): Promise<{ rows: Rows; position: Position }> {
    const saved = JSON.parse(await readFile(mark, 'utf8')) as Saved;
    const rows: Rows = {
      frames: await readRows('frames', saved.lengths.frames),
      detections: await readRows('detections', saved.lengths.detections),
      ended: await readRows('ended', saved.lengths.ended),
      faces: await readRows('faces', saved.lengths.faces),
    };
    return { rows, position: saved.position };
  }

  async function append(name: keyof Rows, rows: readonly unknown[]): Promise<void> {
    const fresh = rows.slice(written[name]).map((row) => `${JSON.stringify(row)}\n`);
    const bytes = Buffer.from(fresh.join(''));
    const handle = await open(file(name), 'a');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    written[name] = rows.length;
    lengths[name] += bytes.length;
  }

  return {
    async resume() {
      await mkdir(folder, { recursive: true });
      try {
        return await readBack();
      } catch (error) {
        const is_gone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        if (!is_gone && !(error instanceof SyntaxError)) throw error;
      }
      // Nothing there, or damaged: begin with nothing.
      await rm(mark, { force: true });
      for (const name of NAMES) {
        await writeFile(file(name), '');
        lengths[name] = 0;
        written[name] = 0;
      }
      return undefined;
    },
    async save(rows, position) {
      for (const name of NAMES) await append(name, rows[name]);
      const saved: Saved = { position, lengths: { ...lengths } };
      await writeFile(`${mark}.tmp`, JSON.stringify(saved), { flush: true });
      await rename(`${mark}.tmp`, mark);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
