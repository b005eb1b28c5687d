import { z } from 'zod';

/** One snapshot of a running job: the same object in progress.json, on the command line and (later) over MCP. */
export const Progress = z.object({
  /** What is being done: a stage's name, `sweep` while one decode feeds several stages, or how it ended: `done`, `failed`, `canceled`. */
  phase: z.string(),
  episode: z.string(),
  frames_done: z.int(),
  frames_total: z.int(),
  elapsed_sec: z.number(),
  /** Media seconds that the frames stand for. */
  total_sec: z.number(),
  eta_sec: z.number().nullable(),
  fps_detected: z.number(),
  analyzed_fps: z.number(),
  device: z.string(),
  detector: z.string(),
  tracker: z.string(),
  /** `mm:ss / MM:SS • phase • detector • tracker • device • fps` */
  line: z.string(),
});
export type Progress = z.output<typeof Progress>;

type Facts = Omit<Progress, 'eta_sec' | 'line' | 'total_sec'>;

/** Where this phase of this process began: frames taken from an earlier one's checkpoint, and the time that was spent before. */
export interface Start {
  readonly frames: number;
  readonly sec: number;
}

/**
 * JOB-13: elapsed is wall clock, total is frames_total / analysed fps (detected fps where none is set), and the time left is
 * what the remaining frames take at the rate seen since `start`: what was done before says nothing about it.
 */
export function snapshot(facts: Facts, start: Start = { frames: 0, sec: 0 }): Progress {
  const fps = facts.analyzed_fps > 0 ? facts.analyzed_fps : facts.fps_detected;
  const total_sec = fps > 0 ? facts.frames_total / fps : 0;
  const spent = facts.elapsed_sec - start.sec;
  const rate = spent > 0 ? Math.max(0, facts.frames_done - start.frames) / spent : 0;
  const left = Math.max(0, facts.frames_total - facts.frames_done);
  const eta_sec = left === 0 ? 0 : rate > 0 ? left / rate : null;
  const line = [
    `${clock(fps > 0 ? facts.frames_done / fps : 0)} / ${clock(total_sec)}`,
    facts.phase,
    facts.detector,
    facts.tracker,
    facts.device,
    `${rate.toFixed(1)} fps`,
  ].join(' • ');
  return { ...facts, total_sec: round(total_sec), eta_sec: eta_sec === null ? null : round(eta_sec), line };
}

/** `mm:ss`, with hours in front where there are any. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
