import type { Logger } from '#engine/core/log.ts';

/** How often a process says that it is at something. */
const BEAT_MS = 1000;

export interface Pulse {
  /** Aborted when the thing is not this process's any more, too. */
  readonly signal: AbortSignal;
  stop(): Promise<void>;
}

/** Says so (`say`) until it is stopped, or until the answer is false. */
export function startPulse(signal: AbortSignal, log: Logger, say: () => Promise<boolean>): Pulse {
  const lost = new AbortController();
  let saying: Promise<void> | undefined;
  const once = async () => {
    try {
      if (!(await say())) lost.abort();
    } catch (error) {
      log.warn({ err: error }, 'could not say that it is at it');
    }
    saying = undefined;
  };
  const timer = setInterval(() => {
    if (!lost.signal.aborted) saying ??= once();
  }, BEAT_MS);
  return {
    signal: AbortSignal.any([signal, lost.signal]),
    stop: async () => {
      clearInterval(timer);
      await saying;
    },
  };
}
