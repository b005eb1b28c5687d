import { type Progress, type Start, snapshot } from '#engine/core/progress.ts';
import type { Blobs } from '../blobs/blobs.ts';

type Facts = Pick<Progress, 'episode' | 'fps_detected' | 'analyzed_fps' | 'device' | 'detector' | 'tracker'>;

/** Reports at most once a second or every 25 frames, whichever comes first (JOB-08), and keeps progress.json in step. */
export interface Reporter {
  phase(phase: string, done: number, total: number, resumed_from?: number): void;
  /** The last word: always written. Only `done` says that all frames are. */
  end(phase: 'done' | 'failed' | 'canceled'): Promise<void>;
  /** The phase that was told last, or `start`. */
  now(): string;
}

export function createReporter(
  facts: Facts,
  to: { blobs: Blobs; key: string; progress(now: Progress): void },
): Reporter {
  const started = performance.now();
  let last = { phase: '', done: 0, total: 0, at: Number.NEGATIVE_INFINITY, elapsed_sec: 0 };
  let start: Start = { frames: 0, sec: 0 };
  let frames_max = 0;
  let writing: Promise<void> = Promise.resolve();

  function tell(phase: string, done: number, total: number, resumed_from: number): void {
    const elapsed_sec = Math.round((performance.now() - started) / 10) / 100;
    // A phase's own rate: it began when the one before had its last word.
    if (phase !== last.phase) start = { frames: resumed_from, sec: last.elapsed_sec };
    frames_max = Math.max(frames_max, total);
    const now = snapshot({ ...facts, phase, frames_done: done, frames_total: total, elapsed_sec }, start);
    to.progress(now);
    const text = `${JSON.stringify(now)}\n`;
    // A full disk is met by what has to be written; progress must not be what fails a run.
    writing = writing.then(() => to.blobs.put(to.key, text, false)).catch(() => {});
    last = { phase, done, total, at: performance.now(), elapsed_sec };
  }

  return {
    phase(phase, done, total, resumed_from = 0) {
      const due =
        phase !== last.phase || done === total || done - last.done >= 25 || performance.now() - last.at >= 1000;
      if (due) tell(phase, done, total, resumed_from);
    },
    async end(phase) {
      // All frames of the longest phase, the sweep: what is done is done. A run that broke off stays where it was.
      if (phase === 'done') tell(phase, frames_max, frames_max, frames_max);
      else tell(phase, last.done, last.total, last.done);
      await writing;
    },
    now: () => last.phase || 'start',
  };
}
