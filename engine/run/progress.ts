import { type Progress, snapshot } from '#engine/core/progress.ts';
import type { Blobs } from '../blobs/blobs.ts';

type Facts = Pick<Progress, 'episode' | 'fps_detected' | 'analyzed_fps' | 'device' | 'detector' | 'tracker'>;

/** Reports at most once a second or every 25 frames, whichever comes first (JOB-08), and keeps progress.json in step. */
export interface Reporter {
  phase(phase: string, done: number, total: number, resumed_from?: number): void;
  /** The last word: always written. */
  end(phase: string): Promise<void>;
}

export function createReporter(
  facts: Facts,
  to: { blobs: Blobs; key: string; progress(now: Progress): void },
): Reporter {
  const started = performance.now();
  let last = { phase: '', done: 0, at: Number.NEGATIVE_INFINITY };
  let writing: Promise<void> = Promise.resolve();
  let latest: Progress | undefined;

  function tell(phase: string, done: number, total: number, frames_resumed: number): void {
    const elapsed_sec = Math.round((performance.now() - started) / 10) / 100;
    latest = snapshot({ ...facts, phase, frames_done: done, frames_total: total, elapsed_sec }, frames_resumed);
    to.progress(latest);
    const text = `${JSON.stringify(latest)}\n`;
    // A full disk is met by what has to be written; progress must not be what fails a run.
    writing = writing.then(() => to.blobs.put(to.key, text, false)).catch(() => {});
    last = { phase, done, at: performance.now() };
  }

  return {
    phase(phase, done, total, resumed_from = 0) {
      const due =
        phase !== last.phase || done === total || done - last.done >= 25 || performance.now() - last.at >= 1000;
      if (due) tell(phase, done, total, resumed_from);
    },
    async end(phase) {
      tell(phase, latest?.frames_done ?? 0, latest?.frames_total ?? 0, 0);
      await writing;
    },
  };
}
