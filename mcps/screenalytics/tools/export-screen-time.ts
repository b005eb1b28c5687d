import { join } from 'node:path';
import { z } from 'zod';
import { layout, parseEpisode } from '#engine/blobs/layout.ts';
import { noFormula, toCsv } from '#engine/core/csv.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type EventData, ROWS_MAX } from '#engine/core/events.ts';
import type { Engine } from '#engine/engine.ts';
import type { Episode } from '#engine/store/episodes.ts';
import { announce } from '#engine/store/events.ts';
import { type Run, type StoredScreenTime, screenTime, timeline } from '#engine/store/runs.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { againstInput, compareRuns, Delta } from '../comparison.ts';
import { aloneDeltas, referenceInput, revisionInput } from '../deltas.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { allowedPath, exportsFolder, writeExport } from '../export-path.ts';

const Table = z.enum(['totals', 'timeline', 'delta']);
/** What a table adds to the file's name. */
const ADDITION = { totals: '', timeline: '-timeline', delta: '-delta_table' } as const;

export const exportScreenTime = defineTool({
  name: 'export_screen_time',
  title: 'Export screen time',
  description:
    'Writes screen time to a file: csv (totals, timeline, or the delta to another run, an earlier revision or a csv of yours), json (both, with context) or html (the report). A file that is there is kept unless `overwrite` is set.',
  effect: 'write',
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND', 'MEDIA_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17', format: 'csv' },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    format: z.enum(['csv', 'json', 'html']).default('csv').describe('Form of the file'),
    table: Table.default('totals').describe('csv only: a row per person, a row per interval, or both sides per person'),
    against: againstInput,
    revision: revisionInput,
    reference: referenceInput,
    path: z.string().min(1).optional().describe('File to write; in the exports folder of the home if absent'),
    overwrite: z.boolean().default(false).describe('Replace a file that is there'),
  }),
  output: z.object({
    ...Context.shape,
    path: z.string(),
    format: z.string(),
    bytes: z.int(),
  }),
  run: async (input, { engine }) => {
    const { format, table, overwrite } = input;
    const { episode, run } = await requireRun(await engine.db(), input.episode, input.run);
    const { home } = engine.config;
    const name = `${episode.ep_id}${format === 'csv' ? ADDITION[table] : ''}.${format}`;
    const path = await allowedPath(input.path ?? join(exportsFolder(home), name), format, home);
    const bytes =
      format === 'html'
        ? await reportOf(engine, episode, run)
        : format === 'csv' && table === 'delta'
          ? await deltaOf(engine, run, input)
          : await rowsOf(engine, episode, run, format, table);
    await writeExport(path, bytes, overwrite);
    await tell(engine, run, { format, table: format === 'csv' ? table : null, path, bytes: bytes.byteLength });
    return { ...contextOf(episode, run), path, format, bytes: bytes.byteLength };
  },
});

/** With the totals as a sheet takes them, so that who is told far away needs no file. */
async function tell(
  engine: Engine,
  { ep_id, run_id }: Run,
  file: Pick<EventData<'export.created'>, 'format' | 'table' | 'path' | 'bytes'>,
): Promise<void> {
  await announce(engine, 'export.created', async () => {
    const all = await screenTime(await engine.db(), ep_id, run_id);
    const rows = all.length > ROWS_MAX ? null : all.map((row) => ({ episode: ep_id, ...sheetRow(row) }));
    return { episode: ep_id, run_id, ...file, columns: ['episode', ...TOTALS], rows };
  });
}

function sheetRow(row: StoredScreenTime): Record<string, string | number | null> {
  const cell = (value: string | number | null) => (typeof value === 'string' ? noFormula(value) : value);
  return Object.fromEntries(TOTALS.map((column) => [column, cell(row[column])]));
}

async function rowsOf(
  engine: Engine,
  episode: Episode,
  run: Run,
  format: 'csv' | 'json',
  table: z.output<typeof Table>,
) {
  const db = await engine.db();
  const rows = await screenTime(db, episode.ep_id, run.run_id);
  const spans = await timeline(db, episode.ep_id, run.run_id);
  if (format === 'json') {
    const all = { ...contextOf(episode, run), rows, timeline: spans };
    return Buffer.from(`${JSON.stringify(all, null, 2)}\n`);
  }
  return Buffer.from(table === 'totals' ? toCsv(TOTALS, rows) : toCsv(TIMELINE, spans));
}

async function deltaOf(
  engine: Engine,
  { ep_id, run_id }: Run,
  {
    against,
    ...alone
  }: { against?: string | undefined; revision?: number | undefined; reference?: string | undefined },
): Promise<Uint8Array> {
  const { people } =
    (await aloneDeltas(engine, ep_id, { ...alone, run_b: run_id })) ??
    (await compareRuns(await engine.db(), ep_id, against, run_id));
  return Buffer.from(toCsv(Delta.keyof().options, people));
}

const TOTALS = [
  ...(['person', 'person_id', 'visual_s', 'visual_low_s', 'visual_high_s', 'confidence', 'share'] as const),
  ...(['first_seen_ms', 'last_seen_ms', 'appearances', 'tracks', 'speaking_s', 'both_s'] as const),
] as const;
const TIMELINE = ['person', 'person_id', 'shot_id', 'start_ms', 'end_ms', 'track_ids'] as const;

/** The report that the run wrote; reports of other runs lie beside it. */
async function reportOf({ blobs }: Engine, { ep_id }: Episode, { run_id, current }: Run): Promise<Uint8Array> {
  const keys = (await blobs.list(layout(parseEpisode(ep_id)).reports)).filter((key) => key.endsWith('.html'));
  const key = keys.find((each) => each.includes(run_id)) ?? (current ? keys[0] : undefined);
  const bytes = key === undefined ? undefined : await blobs.get(key);
  if (bytes === undefined)
    throw new ScreenalyticsError('RUN_NOT_FOUND', { episode: ep_id, run: run_id, missing: 'report' });
  return bytes;
}
