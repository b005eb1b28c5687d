import { z } from 'zod';
import { layout } from '../blobs/layout.ts';
import { Media } from '../core/artifacts.ts';
import type { RunSummary } from '../core/summary.ts';
import type { Engine } from '../engine.ts';
import type { Identified } from './identify-run.ts';
import { identityFiles, publishThumbs } from './identity-files.ts';
import { json } from './json-files.ts';
import type { OpenRun } from './open-run.ts';
import { publishReport } from './report.ts';
import { summarise } from './summarise.ts';

const RunModel = z.object({
  id: z.string(),
  title: z.string(),
  licence: z.string(),
  passed_over: z.array(z.object({ id: z.string(), code: z.string() })),
});

/** What run.json tells of the run whose files lie beside it. */
const RunFile = z.looseObject({
  run_id: z.string(),
  media: Media,
  grid: z.looseObject({ fps: z.number() }),
  provider: z.string(),
  models: z.object({ detector: RunModel, embedder: RunModel }),
  keys: z.record(z.string(), z.string()),
  settings: z.looseObject({ tracking: z.looseObject({ tracker: z.string() }) }),
});
type RunFile = z.output<typeof RunFile>;

/**
 * Writes again what depends on who is who: its manifests, the pictures of identities, run.json and the report, all as a whole run
 * would have written them. Files of an episode are those of its latest run, so an older run's are left alone.
 */
export async function publishIdentities(engine: Engine, run: OpenRun, made: Identified): Promise<void> {
  const { blobs } = engine;
  const { manifests } = layout(run.place);
  const read = await readRunFile(engine, `${manifests}run.json`);
  if (read?.file.run_id !== run.run_id) return;
  const { file } = read;
  const { identities, screen_time } = made;
  const { shots, detections, tracks, faces, embeddings, clusters } = run;
  const machine = { shots, detections, tracks, faces, embeddings, clusters };
  const all = { media: file.media, ...machine, identities, screen_time };
  const files = identityFiles(all);
  for (const [name, content] of files) await blobs.put(`${manifests}${name}`, content, false);
  if (identities.confusion === null) await blobs.delete(`${manifests}confusion_matrix.json`);
  await publishThumbs(blobs, run.place, identities.rows, run.machine_keys.faces);
  const keys = { ...file.keys, identify: made.keys.identities, measure: made.keys.screen_time };
  const summary = summaryOf(engine, run, { ...file, keys }, made);
  const { detector, embedder } = file.models;
  const models = [
    { role: 'detector', ...detector },
    { role: 'embedder', ...embedder },
  ];
  const report = { media: file.media, ...machine, identities, screen_time, summary, models };
  await publishReport(blobs, { ...report, faces_key: run.machine_keys.faces });
  // Last: while it tells of the keys before, the files are known to be behind.
  await blobs.put(`${manifests}run.json`, json({ ...read.raw, keys, facebank: made.bank }));
}

/** `raw`: with every field in its place, to be written again. */
async function readRunFile({ blobs }: Engine, key: string): Promise<{ file: RunFile; raw: object } | undefined> {
  const bytes = await blobs.get(key);
  if (bytes === undefined) return undefined;
  const raw: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const file = RunFile.safeParse(raw).data;
  return file === undefined || typeof raw !== 'object' || raw === null ? undefined : { file, raw };
}

/** As the run itself gave it, as far as the report reads it: no times, for the report has none. */
function summaryOf(engine: Engine, run: OpenRun, file: RunFile, made: Identified): RunSummary {
  const { shots, detections, tracks, faces, embeddings, clusters } = run;
  const { detector, embedder } = file.models;
  return summarise({
    ...{ place: run.place, run_id: run.run_id, grid: file.grid, device: file.provider },
    ...{ detector: detector.id, embedder: embedder.id, tracker: file.settings.tracking.tracker },
    passed_over: [...detector.passed_over, ...embedder.passed_over],
    made: { media: file.media, shots, detections, tracks, faces, embeddings, clusters, ...made },
    stages: Object.entries(file.keys).map(([name, key]) => ({ name, key, cached: true, took_s: 0 })),
    ...{ exported: { files: 0, bytes: 0 }, took_s: 0, manifests: [], home: engine.config.home },
    certainty: null, // no part of the report
    without_seeds: made.bank?.without_seeds ?? [],
  });
}
