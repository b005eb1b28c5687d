import type { Caller } from '#mcps/kit/caller.ts';
import { decidedRuns } from '#mcps/kit/waiting-runs.ts';
import type { Duty } from '#mcps/kit/work-jobs.ts';
import { endCutOff } from './cut-off.ts';
import { resumeDecided } from './resume.ts';
import type { Offered } from './running.ts';

interface Resumer extends Duty {
  look(): Promise<boolean>;
  /** What it has begun, before the process ends. */
  settled(): Promise<void>;
}

/** Runs that waited for people go on in the worker, beside its jobs, with the configuration as it is then. */
export function resumeDuty(
  engine: Caller['engine'],
  reopen: () => Caller['engine'],
  offered: Offered,
  signal: AbortSignal,
): Resumer {
  const passed = new Set<string>();
  let busy: Promise<void> | undefined;
  const resume = async () => {
    const now = reopen();
    try {
      await resumeDecided({ ...offered, caller: { engine: now, signal } }, passed);
    } finally {
      await now.close();
      busy = undefined;
    }
  };
  return {
    async look() {
      if (busy !== undefined) return true;
      if (signal.aborted) return false;
      await endCutOff(engine);
      if ((await decidedRuns(engine, 1, passed)).length === 0) return false;
      busy = resume().catch((error: unknown) => engine.log.warn({ err: error }, 'playbooks that wait'));
      return true;
    },
    settled: async () => busy,
  };
}
