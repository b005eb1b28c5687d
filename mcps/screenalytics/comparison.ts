import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { comparePeople, type PersonDelta } from '#engine/run/compare.ts';
import type { Readable } from '#engine/store/db.ts';
import { seenFaces } from '#engine/store/run-rows.ts';
import { listRuns, type Run, screenTime } from '#engine/store/runs.ts';
import { requireRun } from './episodes.ts';
import { leaves } from './leaves.ts';

export const againstInput = z
  .string()
  .min(1)
  .optional()
  .describe('Run id to compare with; the newest other run if absent');

export const Change = z.object({ key: z.string(), a: z.string(), b: z.string() });

export const Delta = z.object({
  /** Labels belong to their run; null: nobody of that run has these faces. */
  person_a: z.string().nullable(),
  person_b: z.string().nullable(),
  a_s: z.number(),
  b_s: z.number(),
  difference_s: z.number(),
  /** In words: what became of the person, and what the runs did differently. */
  cause: z.string(),
});
export type Delta = z.output<typeof Delta>;

export interface Comparison {
  readonly a: Run;
  readonly b: Run;
  readonly settings: z.output<typeof Change>[];
  readonly figures: { name: string; a: number | null; b: number | null }[];
  readonly people: Delta[];
}

/** Two runs of one episode: `b` (the current run if absent) against `a` (the newest other one if absent). */
export async function compareRuns(db: Readable, ep_id: string, run_a?: string, run_b?: string): Promise<Comparison> {
  const { run: b } = await requireRun(db, ep_id, run_b);
  const a = (await listRuns(db, ep_id)).find(({ run_id }) =>
    run_a === undefined ? run_id !== b.run_id : run_id === run_a,
  );
  if (a === undefined)
    throw new ScreenalyticsError('RUN_NOT_FOUND', { episode: ep_id, missing: run_a ?? 'a second run to compare with' });
  const settings = changes(facts(a), facts(b));
  const [left, right] = [await seen(db, a), await seen(db, b)];
  const people = comparePeople(left, right).map(({ change, merged_into, ...row }) => ({
    ...row,
    cause: causeOf({ change, merged_into, ...row }, settings),
  }));
  const names = [...new Set([...Object.keys(a.counts), ...Object.keys(b.counts)])];
  const figures = names.map((name) => ({ name, a: a.counts[name] ?? null, b: b.counts[name] ?? null }));
  return { a, b, settings, figures, people };
}

async function seen(db: Readable, run: Run) {
  const { analyzed_fps } = run;
  return { analyzed_fps, faces: await seenFaces(db, run), times: await screenTime(db, run.ep_id, run.run_id) };
}

/** What a run was asked, and what really ran. */
function facts({ settings, detector, embedder, tracker, device, analyzed_fps }: Run): Map<string, string> {
  const ran = { ran: { detector, embedder, tracker, device, analyzed_fps } };
  return new Map(leaves({ ...settings, ...ran }).map(([key, value]) => [key, JSON.stringify(value)]));
}

function changes(a: Map<string, string>, b: Map<string, string>): z.output<typeof Change>[] {
  const keys = [...new Set([...a.keys(), ...b.keys()])].sort();
  return keys.flatMap((key) => {
    const change = { key, a: a.get(key) ?? 'not set', b: b.get(key) ?? 'not set' };
    return change.a === change.b ? [] : [change];
  });
}

function causeOf({ person_a, change, merged_into }: PersonDelta, settings: readonly { key: string }[]): string {
  if (change === 'same') return 'same';
  const other = person_a === null ? 'a' : 'b';
  const what = {
    times_differ: 'seen for another time',
    merged: `run ${other} has these faces as ${merged_into}`,
    not_found: `run ${other} has none of these faces`,
  }[change];
  const keys = settings.map(({ key }) => key);
  const why = keys.length === 0 ? 'same settings; the code or the model files differ' : `changed: ${keys.join(', ')}`;
  return `${what}; ${why}`;
}
