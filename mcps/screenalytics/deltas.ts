import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { loadArtifact } from '#engine/artifact-cache.ts';
import { fromCsv } from '#engine/core/csv.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';
import { stepDeltas, timeDeltas } from '#engine/run/delta.ts';
import { listRevisions, type Revision } from '#engine/store/run-keys.ts';
import { type Run, type StoredScreenTime, screenTime } from '#engine/store/runs.ts';
import type { Delta } from './comparison.ts';
import { requireRun } from './episodes.ts';

export const revisionInput = z
  .int()
  .min(1)
  .optional()
  .describe('Compare with this earlier state of its names (1: as first made); says which changes made the difference');

export const referenceInput = z
  .string()
  .min(1)
  .optional()
  .describe('Compare with a csv file of yours that has the columns person and visual_s');

/** A run against its own past, or against a file; undefined when neither was asked for. */
export async function aloneDeltas(
  engine: EngineReader,
  ep_id: string,
  asked: { revision?: number | undefined; reference?: string | undefined; run_b?: string | undefined },
): Promise<{ run: Run; people: Delta[] } | undefined> {
  const { revision, reference, run_b } = asked;
  if (revision === undefined && reference === undefined) return undefined;
  const { run } = await requireRun(await engine.db(), ep_id, run_b);
  if (revision !== undefined) return { run, people: await sinceRevision(engine, run, revision) };
  return { run, people: await againstReference(engine, run, reference ?? '') };
}

const REVISIONS_MAX = 200;
const REFERENCE_BYTES_MAX = 1_000_000;

/** A run as it was named then against as it is named now: every change between that had a part in it (SCR-07). */
async function sinceRevision(engine: EngineReader, run: Run, revision: number): Promise<Delta[]> {
  const revisions = (await listRevisions(await engine.db(), run)).filter((each) => each.revision >= revision);
  const [first] = revisions;
  if (first?.revision !== revision || revisions.length > REVISIONS_MAX)
    throw new ScreenalyticsError('INPUT_INVALID', {
      revision,
      reason: 'the run has no such revision',
      run: run.run_id,
    });
  const steps = [];
  for (const each of revisions) steps.push({ rows: (await totalsOf(engine, run, each)).rows, cause: causeOf(each) });
  return stepDeltas(steps);
}

async function totalsOf({ blobs }: EngineReader, { ep_id, run_id }: Run, { revision, screen_time_key }: Revision) {
  const found = await loadArtifact(blobs, 'screen_time', screen_time_key);
  if (found !== undefined) return found;
  throw new ScreenalyticsError('RUN_NOT_FOUND', {
    ...{ episode: ep_id, run: run_id },
    missing: `screen_time of revision ${revision}; the cache was cleared since`,
  });
}

function causeOf({ cause, change_id }: Revision): string {
  return change_id === null ? cause : `${cause} (${change_id})`;
}

/** A run against numbers that somebody else has counted: names are compared without regard to case. */
async function againstReference(engine: EngineReader, run: Run, path: string): Promise<Delta[]> {
  const reference = await readReference(path);
  const rows = await screenTime(await engine.db(), run.ep_id, run.run_id);
  return timeDeltas(reference, rows).map((row) => ({ ...row, cause: verdict(row, rows) }));
}

function verdict(row: Omit<Delta, 'cause'>, rows: readonly StoredScreenTime[]): string {
  if (row.person_a === null) return 'not in the reference';
  const own = rows.find(({ person }) => person === row.person_b);
  if (own === undefined) return 'in the reference only';
  if (row.difference_s === 0) return 'same';
  const { visual_low_s, visual_high_s } = own;
  if (visual_low_s === null || visual_high_s === null) return 'seen for another time';
  const inside = row.a_s >= visual_low_s && row.a_s <= visual_high_s;
  return `the reference lies ${inside ? 'inside' : 'outside'} the 95% interval ${visual_low_s} to ${visual_high_s} s`;
}

const Reference = z.array(z.object({ person: z.string().min(1), visual_s: z.coerce.number().nonnegative() }));

async function readReference(path: string): Promise<z.output<typeof Reference>> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new ScreenalyticsError('MEDIA_NOT_FOUND', { reference: path });
  const refuse = (problem: string) =>
    new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'reference', problem }], reference: path });
  if (found.size > REFERENCE_BYTES_MAX) throw refuse('is larger than a megabyte');
  const rows = Reference.safeParse(fromCsv(await readFile(path, 'utf8')));
  if (!rows.success) throw refuse('is no csv file with the columns person and visual_s (seconds)');
  return rows.data;
}
