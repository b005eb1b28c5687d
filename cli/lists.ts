import type { z } from 'zod';
import type { compareRuns } from '#mcps/screenalytics/tools/compare-runs.ts';
import type { listClusters } from '#mcps/screenalytics/tools/list-clusters.ts';
import type { listDetections } from '#mcps/screenalytics/tools/list-detections.ts';
import type { listFaces } from '#mcps/screenalytics/tools/list-faces.ts';
import type { listShots } from '#mcps/screenalytics/tools/list-shots.ts';
import type { listTracks } from '#mcps/screenalytics/tools/list-tracks.ts';
import { moment, seconds } from './render.ts';
import { facts, type Look, table } from './table.ts';

type Output<T extends { output: z.ZodType }> = z.output<T['output']>;

export function comparisonText({ a, b, settings, figures, people }: Output<typeof compareRuns>, look: Look): string {
  const figure = (value: number | null) => (value === null ? null : String(Math.round(value * 100) / 100));
  return [
    facts([
      ['run a', `${a.run_id} of ${a.finished_at}`],
      ['run b', `${b.run_id} of ${b.finished_at}`],
    ]),
    '',
    table(
      ['person in a', 'person in b', 'a', 'b', 'difference', 'cause'],
      people.map((row) => [
        row.person_a ?? '-',
        row.person_b ?? '-',
        seconds(row.a_s),
        seconds(row.b_s),
        `${row.difference_s > 0 ? '+' : ''}${row.difference_s.toFixed(2)} s`,
        row.cause,
      ]),
      look,
    ),
    '',
    table(
      ['figure', 'a', 'b', 'difference'],
      figures.map((row) => [row.name, figure(row.a), figure(row.b), figure(row.difference)]),
      look,
    ),
    '',
    settings.length === 0
      ? 'Both runs had the same settings and models.'
      : table(
          ['setting', 'a', 'b'],
          settings.map(({ key, ...row }) => [key, row.a, row.b]),
          look,
        ),
  ].join('\n');
}

export function clustersText(
  { clusters, clusters_omitted, look_alikes }: Output<typeof listClusters>,
  look: Look,
): string {
  if (clusters.length === 0) return 'No clusters.';
  const rows = clusters.map((each) => [
    each.label,
    each.people.join(', '),
    seconds(each.visual_s),
    each.track_ids.length,
    each.samples.length,
    each.shots,
    each.purity_estimate.toFixed(2),
    each.cohesion.toFixed(2),
    each.flags.join(' '),
    each.thumb ?? '',
  ]);
  const pairs = look_alikes.map((pair) => [pair.a, pair.b, pair.similarity.toFixed(2), pair.together]);
  return [
    table(
      ['cluster', 'counts for', 'seen', 'tracks', 'faces', 'shots', 'purity', 'cohesion', 'flags', 'picture'],
      rows,
      look,
    ),
    ...(clusters_omitted > 0 ? [`${clusters_omitted} smaller clusters omitted`] : []),
    ...(pairs.length === 0 ? [] : ['', table(['look alike', 'and', 'similarity', 'seen together'], pairs, look)]),
  ].join('\n');
}

export function shotsText({ shots, next }: Output<typeof listShots>, look: Look): string {
  const rows = shots.map((row) => [
    row.shot_id,
    row.begins,
    moment(row.start_ms),
    seconds((row.end_ms - row.start_ms) / 1000),
    row.score.toFixed(2),
    row.tracks,
    row.people.join(', '),
  ]);
  return [table(['shot', 'begins', 'from', 'length', 'score', 'tracks', 'people'], rows, look), ...more(next)].join(
    '\n',
  );
}

export function tracksText({ tracks, next }: Output<typeof listTracks>, look: Look): string {
  if (tracks.length === 0) return 'No such tracks.';
  const rows = tracks.map((row) => [
    row.track_id,
    row.cluster ?? '-',
    `${row.person ?? '-'}${row.pieces > 1 ? ` (${row.pieces} pieces)` : ''}`,
    row.probability === null ? null : row.probability.toFixed(2),
    `${row.band ?? ''}${row.locked ? ' locked' : ''}`,
    row.shot_id,
    moment(row.start_ms),
    seconds(row.duration_s),
    row.detections,
    row.faces,
    row.quality === null ? null : row.quality.toFixed(2),
    row.dispersion === null ? null : row.dispersion.toFixed(2),
    [...row.flags, ...(row.long ? ['long'] : [])].join(' '),
  ]);
  const columns = [
    'track',
    'cluster',
    'person',
    'probability',
    'band',
    'shot',
    'from',
    'length',
    'detections',
    'faces',
    'quality',
    'dispersion',
    'flags',
  ];
  return [table(columns, rows, look), ...more(next)].join('\n');
}

export function facesText({ faces, next }: Output<typeof listFaces>, look: Look): string {
  if (faces.length === 0) return 'No such faces.';
  const rows = faces.map((row) => [
    row.face_id,
    moment(row.at_ms),
    Math.round(row.size_px),
    row.quality.toFixed(2),
    row.score.toFixed(2),
    Math.round(row.yaw_deg),
    row.sharpness.toFixed(2),
    row.flags.join(' '),
    row.path ?? '',
  ]);
  const columns = ['face', 'at', 'pixels', 'quality', 'score', 'yaw', 'sharpness', 'flags', 'picture'];
  return [table(columns, rows, look), ...more(next)].join('\n');
}

export function detectionsText(
  { detections, in_span, reaching, next }: Output<typeof listDetections>,
  look: Look,
): string {
  const rows = detections.map((row) => [
    row.detection_id,
    moment(row.at_ms),
    row.score.toFixed(3),
    row.track_id ?? '-',
    row.box.map((side) => side.toFixed(3)).join(' '),
  ]);
  return [
    ...(rows.length === 0 ? [] : [table(['detection', 'at', 'score', 'track', 'box (x1 y1 x2 y2)'], rows, look), '']),
    `${reaching} of ${in_span} detections in this span reach the score`,
    ...more(next),
  ].join('\n');
}

function more(next: string | null): string[] {
  return next === null ? [] : ['', `More: --cursor ${next}`];
}
