import type { z } from 'zod';
import type { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import type { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import type { getDiagnostics } from '#mcps/screenalytics/tools/get-diagnostics.ts';
import type { getEpisode } from '#mcps/screenalytics/tools/get-episode.ts';
import type { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import type { listModels } from '#mcps/screenalytics/tools/list-models.ts';
import type { setConfig } from '#mcps/screenalytics/tools/set-config.ts';
import { namingText } from './naming.ts';
import { megabytes, moment, peopleTable, percent, proposalsText, seconds } from './render.ts';
import { facts, type Look, table } from './table.ts';

type Output<T extends { output: z.ZodType }> = z.output<T['output']>;

export function screenTimeText(shown: Output<typeof getScreenTime>, look: Look): string {
  const { models, timeline } = shown;
  const spans = timeline.map((row) => [
    row.person,
    moment(row.start_ms),
    moment(row.end_ms),
    row.shot_id,
    row.track_ids.join(' '),
  ]);
  return [
    peopleTable(shown.rows, look),
    ...(timeline.length === 0 ? [] : ['', table(['person', 'from', 'to', 'shot', 'tracks'], spans, look)]),
    '',
    facts([
      ...place(shown),
      ['episode', `${shown.episode} (${seconds(shown.duration_s)})`],
      ['run', `${shown.run_id} of ${shown.finished_at}`],
      ['models', `${models.detector}, ${models.tracker}, ${models.embedder} on ${shown.device}`],
    ]),
  ].join('\n');
}

function place(at: { show: string | null; season: number | null; number: number | null }): [string, string][] {
  if (at.show === null) return [];
  const words = [
    at.show,
    at.season === null ? '' : `season ${at.season}`,
    at.number === null ? '' : `episode ${at.number}`,
  ];
  return [['show', words.filter(Boolean).join(', ')]];
}

export function exportText(written: Output<typeof exportScreenTime>): string {
  return `${written.path}\n${written.format} of ${written.episode}, run ${written.run_id}, ${written.bytes} bytes`;
}

export function episodeText(episode: Output<typeof getEpisode>, look: Look): string {
  const runs = episode.runs.map((run) => [
    run.run_id,
    run.current,
    run.finished_at.slice(0, 16).replace('T', ' '),
    run.analyzed_fps,
    run.detector,
    run.embedder,
    run.device,
  ]);
  const jobs = episode.jobs.map((job) => [
    job.run_id,
    job.state,
    job.started_at.slice(0, 16).replace('T', ' '),
    job.error === null ? '' : `${job.error.code} in ${job.error.stage}: ${job.error.message}`,
  ]);
  const files = episode.manifests.map(({ name, path, made_by }) => [name, path ?? `missing; ${made_by} makes it`]);
  return [
    facts([
      ...place(episode),
      ['episode', episode.episode],
      ['title', episode.title],
      ['aired', episode.air_date],
      ['people', `${episode.identities.named} named, ${episode.identities.unknown} unknown`],
      ['status', episode.status],
      ['source', episode.source_name],
      ['length', episode.duration_s === null ? null : seconds(episode.duration_s)],
      ['picture', `${episode.width ?? '?'}x${episode.height ?? '?'}, ${episode.fps ?? '?'} fps`],
    ]),
    '',
    table(['run', 'current', 'finished', 'fps', 'detector', 'embedder', 'device'], runs, look),
    ...(episode.runs_omitted > 0 ? [`${episode.runs_omitted} older runs omitted`] : []),
    ...(jobs.length === 0 ? [] : ['', table(['job', 'state', 'began', 'error'], jobs, look)]),
    '',
    table(['manifest', 'path'], files, look),
  ].join('\n');
}

export function modelsText({ models }: Output<typeof listModels>, look: Look): string {
  const rows = models.map((model) => [
    model.id,
    model.task,
    model.state,
    model.accepted ? 'yes' : 'licence not accepted',
    megabytes(model.bytes),
    model.licence,
    model.source,
    model.measured ?? '-',
  ]);
  return table(['model', 'task', 'state', 'usable', 'size', 'licence', 'source', 'measured'], rows, look);
}

function brief(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

export function healthText(health: Output<typeof checkHealth>, look: Look): string {
  const rows = health.checks.map(({ name, state, found, mend }) => [state, name, found, mend ?? '']);
  const config = health.config.map(({ key, value, origin }) => [key, brief(value), origin]);
  return [
    table(['state', 'check', 'found', 'what to do'], rows, look),
    ...(config.length === 0 ? [] : ['', table(['key', 'value', 'from'], config, look)]),
    '',
    health.ok ? 'Everything that a run needs is here.' : 'Something that a run needs is missing.',
  ].join('\n');
}

export function defaultsText({ path, version, changed, set }: Output<typeof setConfig>, look: Look): string {
  const changes = changed.map((row) => [row.key, row.before ?? 'not set', row.after ?? 'not set', row.origin]);
  const rows = set.map(({ key, value, origin }) => [key, value, origin]);
  return [
    ...(changes.length === 0 ? [] : [table(['changed', 'before', 'after', 'holds from'], changes, look), '']),
    rows.length === 0 ? 'No defaults of its own.' : table(['default', 'value', 'holds from'], rows, look),
    '',
    facts([
      ['file', path],
      ['changes so far', String(version)],
    ]),
  ].join('\n');
}

const GAPS_SHOWN = 5;

/** Where a track ended because its face was away for too long. */
function gapSplits(splits: readonly { track_id: number; at_ms: number; gap_ms: number }[]): string {
  if (splits.length === 0) return 'none';
  const shown = splits
    .slice(0, GAPS_SHOWN)
    .map((each) => `track ${each.track_id} at ${moment(each.at_ms)} after ${(each.gap_ms / 1000).toFixed(1)} s`);
  return [...shown, ...(splits.length > GAPS_SHOWN ? [`${splits.length - GAPS_SHOWN} more`] : [])].join(', ');
}

export function diagnosticsText(found: Output<typeof getDiagnostics>, look: Look): string {
  const { detections, faces, tracks, cluster_threshold: chosen, what_if } = found;
  const suspects = found.contamination.map((row) => [
    row.track_id,
    row.cluster_id,
    row.other_cluster_id,
    row.own.toFixed(2),
    row.other.toFixed(2),
    row.reason,
  ]);
  const steps = (rows: readonly { threshold: number; count: number }[]) =>
    rows.map(({ threshold, count }) => `${threshold}: ${count}`).join(', ');
  return [
    facts([
      ['episode', `${found.episode}, run ${found.run_id}`],
      ['detections', proposalsText(detections)],
      ['faces', `${faces.kept} kept, ${faces.too_small} too small, ${faces.low_conf} of low score`],
      [
        'tracks',
        `${tracks.tracks_born} born, ${tracks.tracks_lost} lost, ${tracks.tracks_per_minute.toFixed(1)} a minute`,
      ],
      ['gap splits', gapSplits(tracks.gap_splits)],
      ['warm-up cost', seconds(tracks.warmup_lost_ms / 1000)],
      ['short tracks', percent(tracks.short_track_fraction)],
      ['cluster threshold', `${chosen.chosen.toFixed(3)} (${chosen.mode}): ${chosen.reason}`],
      ['expected purity', chosen.expected_purity.toFixed(3)],
      ['clusters', `${found.clusters}, ${found.unclustered_tracks} tracks in none`],
      ['detections if', steps(what_if.detections)],
      ['cuts if', steps(what_if.cuts)],
    ]),
    '',
    table(
      ['threshold', 'clusters', 'expected purity'],
      chosen.candidates.map((each) => [each.threshold.toFixed(3), each.clusters, each.expected_purity.toFixed(3)]),
      look,
    ),
    ...(suspects.length === 0
      ? []
      : ['', table(['track', 'cluster', 'nearest other', 'own', 'other', 'why'], suspects, look)]),
    ...(found.naming === null ? [] : ['', namingText(found.naming, look)]),
  ].join('\n');
}
