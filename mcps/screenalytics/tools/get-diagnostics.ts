import { z } from 'zod';
import { ClusterThreshold, Contamination, DetectionCounts, FaceRejects, TrackMetrics } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { retention } from '#engine/stages/detect.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Compared, compared } from '../compared.ts';
import { againstInput } from '../comparison.ts';
import { referenceInput, revisionInput } from '../deltas.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { Naming, namingOf } from '../naming.ts';
import { openArtifacts } from '../run-artifacts.ts';

const SUSPECTS_MAX = 50;
/** Steps of the what-if tables: above the value that the run had. */
const STEPS = 6;

const Step = z.object({ threshold: z.number(), count: z.int() });

export const getDiagnostics = defineTool({
  name: 'get_diagnostics',
  title: 'Diagnostics of a run',
  description:
    'Why a run came out as it did: detections, tracks, cluster threshold, contamination, what-ifs. `naming` adds why faces have their names or none; `compare` what changed against another run: settings, counts, seconds per person.',
  effect: 'read',
  details: ['cluster_threshold.candidates', 'cluster_threshold.same', 'cluster_threshold.different', 'longest_tracks'],
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND', 'MEDIA_NOT_FOUND', 'NO_FACEBANK'],
  example: { episode: 'rhobh-s05e17', naming: true },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    confidence: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('Also count the detections with at least this score (0-1)'),
    naming: z.boolean().default(false).describe('Also why faces have their names or none; needs a facebank'),
    compare: z.boolean().default(false).describe('Also what changed against another run'),
    run_a: againstInput,
    revision: revisionInput,
    reference: referenceInput,
  }),
  output: z.object({
    ...Context.shape,
    detections: DetectionCounts.extend({ retention: z.number().nullable() }),
    faces: FaceRejects.extend({ kept: z.int() }),
    tracks: TrackMetrics,
    cluster_threshold: ClusterThreshold,
    clusters: z.int(),
    unclustered_tracks: z.int(),
    contamination: Contamination,
    contamination_omitted: z.int(),
    naming: Naming.nullable(),
    comparison: Compared.nullable(),
    /** Counted from what the run kept, so only from its own thresholds upwards. */
    what_if: z.object({ detections: z.array(Step), cuts: z.array(Step) }),
  }),
  run: async (input, { engine }) => {
    mustBeCompared(input);
    const { episode, run } = await requireRun(await engine.db(), input.episode, input.run);
    const get = await openArtifacts(engine, run);
    const [detections, shots, tracks, faces, clusters] = await Promise.all([
      ...([get('detections'), get('shots'), get('tracks')] as const),
      ...([get('faces'), get('clusters')] as const),
    ]);
    const cuts = shots.filter(({ begins }) => begins === 'cut').map(({ score }) => score);
    const scores = detections.rows.map(({ score }) => score);
    return {
      ...contextOf(episode, run),
      detections: { ...detections.counts, retention: retention(detections.counts) },
      faces: { ...faces.rejects, kept: faces.rows.length },
      tracks: tracks.metrics,
      cluster_threshold: { ...clusters.threshold, candidates: changes(clusters.threshold.candidates) },
      clusters: clusters.rows.length,
      unclustered_tracks: clusters.unclustered.length,
      contamination: clusters.contamination.slice(0, SUSPECTS_MAX),
      contamination_omitted: Math.max(0, clusters.contamination.length - SUSPECTS_MAX),
      comparison: input.compare ? await compared(engine, { ...input, run_b: input.run }) : null,
      naming: input.naming ? await namingOf(engine, run) : null,
      what_if: {
        detections: ladder(scores, 1, input.confidence),
        cuts: ladder(cuts, 2),
      },
    };
  },
});

function mustBeCompared({ compare, run_a, revision, reference }: { compare: boolean } & Record<string, unknown>): void {
  const given = Object.entries({ run_a, revision, reference }).filter(([, value]) => value !== undefined);
  const fields = given.map(([field]) => ({ field, problem: 'goes with compare' }));
  if (!compare && fields.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { fields });
}

/** Of neighbouring candidates that give the same number of clusters, the first; all of them are in cluster_threshold.json. */
function changes<T extends { clusters: number }>(candidates: readonly T[]): T[] {
  return candidates.filter((each, at) => each.clusters !== candidates[at - 1]?.clusters);
}

/** How many values are left at rising thresholds, from the lowest value up to `top`, and at `extra`. */
function ladder(values: readonly number[], top: number, extra?: number): z.output<typeof Step>[] {
  const lowest = values.reduce((low, value) => Math.min(low, value), top);
  const from = Math.floor(lowest * 20) / 20;
  const steps = Array.from({ length: STEPS }, (_, n) => from + ((top - from) * n) / STEPS);
  const thresholds = [
    ...new Set([...steps, ...(extra === undefined ? [] : [extra])].map((t) => Math.round(t * 100) / 100)),
  ];
  return thresholds
    .sort((a, b) => a - b)
    .map((threshold) => ({ threshold, count: values.filter((value) => value >= threshold).length }));
}
