import { type Options, SingleBar } from 'cli-progress';
import { clock } from '#engine/core/progress.ts';
import type { ToolProgress } from '#mcps/kit/tool.ts';

/** Shows how far a command is. `close` leaves the terminal as it was. */
export interface Reporter {
  show(now: ToolProgress): void;
  close(): void;
}

/** One JSON object per line, for programs (JOB-09). */
export function jsonLines(write: (line: string) => void): Reporter {
  return { show: (now) => write(`${JSON.stringify(now)}\n`), close: () => undefined };
}

/** A bar with the time left, for people. */
export function terminalBar(stream: NodeJS.WriteStream): Reporter {
  const options: Options = {
    stream,
    format: '{bar} {percentage}% | {left} | {line}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    etaBuffer: 1,
    fps: 10,
  };
  let bar: SingleBar | undefined;
  return {
    show(now) {
      const { done, total, left, line } = describe(now);
      if (bar === undefined) {
        bar = new SingleBar(options);
        bar.start(total, done, { left, line });
      }
      bar.setTotal(total);
      bar.update(done, { left, line });
    },
    close() {
      bar?.stop();
      bar = undefined;
    },
  };
}

function describe(now: ToolProgress): { done: number; total: number; left: string; line: string } {
  if ('bytes_done' in now) {
    const total = Math.max(now.bytes_total, now.bytes_done, 1);
    return { done: now.bytes_done, total, left: megabytes(now.bytes_done, now.bytes_total), line: `fetch ${now.item}` };
  }
  const left = now.eta_sec === null ? 'time left unknown' : `${clock(now.eta_sec)} left`;
  return { done: now.frames_done, total: Math.max(now.frames_total, 1), left, line: now.line };
}

function megabytes(done: number, total: number): string {
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  return total > 0 ? `${mb(done)} / ${mb(total)} MB` : `${mb(done)} MB`;
}
