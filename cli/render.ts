import { join } from 'node:path';
import type { DetectionCounts } from '#engine/core/artifacts.ts';
import type { RunPlan, RunSummary } from '#engine/core/summary.ts';
import type { StoredScreenTime } from '#engine/store/runs.ts';
import { facts, type Look, table } from './table.ts';

type Shown = Omit<StoredScreenTime, 'speaking_s' | 'both_s'>;

/** The table that all of this is for. */
export function peopleTable(rows: readonly Shown[], look: Look): string {
  if (rows.length === 0) return 'Nobody was seen.';
  return table(
    ['person', 'seen', '95% interval', 'sure', 'share', 'appearances', 'first', 'last', 'tracks'],
    rows.map((row) => [
      row.person,
      seconds(row.visual_s),
      interval(row),
      row.confidence === null ? null : percent(row.confidence),
      percent(row.share),
      row.appearances,
      moment(row.first_seen_ms),
      moment(row.last_seen_ms),
      row.tracks,
    ]),
    look,
  );
}

/** Runs of older programs have none. */
function interval({ visual_low_s, visual_high_s }: Shown): string | null {
  if (visual_low_s === null || visual_high_s === null) return null;
  return `${seconds(visual_low_s)} - ${seconds(visual_high_s)}`;
}

export function runText(run: RunSummary, look: Look): string {
  const { counts, track_metrics: tracks } = run;
  const cached = run.stages.filter((stage) => stage.cached).length;
  return [
    peopleTable(run.screen_time, look),
    ...changesTable(run.changes, look),
    '',
    facts([
      ['episode', `${run.episode} (${seconds(run.duration_s)})`],
      ['run', `${run.run_id}, ${cached} of ${run.stages.length} stages were there already`],
      ['took', `${run.took_s.toFixed(1)} s, ${speed(run.took_s, run.duration_s)}`],
      ['looked at', `${rate(run.analyzed_fps)} of ${rate(run.fps_detected)} frames a second`],
      ['models', `${run.detector}, ${run.tracker}, ${run.embedder} on ${run.device}`],
      ...passedOver(run),
      ['scene cuts', `${counts.scene_cuts}, ${run.cuts.per_minute.toFixed(1)} a minute${unusual(run)}`],
      [
        'detections',
        proposalsText({
          raw: counts.detections_raw,
          kept: counts.detections_kept,
          low_conf: counts.detections_low_conf,
          overlap: counts.detections_overlap,
          too_small: counts.detections_too_small,
        }),
      ],
      ['tracks', `${counts.tracks}; lost ${tracks.tracks_lost}, suspected id switches ${tracks.id_switches}`],
      ['long tracks', tracks.long_tracks.length === 0 ? 'none' : `${tracks.long_tracks.join(', ')} (to be looked at)`],
      ['faces', counts.faces],
      ['people', identityWords(run)],
      ...run.warnings.map((words): [string, string] => ['warning', words]),
    ]),
    '',
    nextSteps(run),
  ].join('\n');
}

/** Beside what the episode's totals were before. */
function changesTable(changes: RunSummary['changes'], look: Look): string[] {
  if (changes.length === 0) return [];
  const rows = changes.map(({ person, before_s, after_s }) => {
    const difference = after_s - before_s;
    return [person, seconds(before_s), seconds(after_s), `${difference > 0 ? '+' : ''}${difference.toFixed(1)} s`];
  });
  return ['', table(['changed', 'before', 'after', 'difference'], rows, look)];
}

/** What the network proposed, what of it was kept, and why the rest went (DET-05). */
export function proposalsText(n: Omit<DetectionCounts, 'frames'>): string {
  const share = n.raw === 0 ? '' : ` (${percent(n.kept / n.raw)})`;
  const drops = `${n.low_conf} of low score, ${n.overlap} overlapping, ${n.too_small} too small`;
  return `${n.kept} of ${n.raw} proposals kept${share}: ${drops}`;
}

function identityWords({ identity, stages }: RunSummary): string {
  if (!stages.some(({ name }) => name === 'identify')) return 'not asked who is who';
  const { named, unknown, asked, applied, unmatched, conflicts } = identity;
  const rest = [
    ...(asked > 0 ? [`${asked} tracks to be asked about`] : []),
    ...(applied > 0 ? [`people's decisions that hold: ${applied}`] : []),
    ...(unmatched > 0 ? [`${unmatched} decisions that nothing matches`] : []),
    ...(conflicts > 0 ? [`${conflicts} tracks on which decisions meet`] : []),
  ];
  return [`${named} named, ${unknown} unknown`, ...rest].join('; ');
}

function nextSteps(run: RunSummary): string {
  const report: [string, string][] = run.report === '' ? [] : [['report', join(run.home, run.report)]];
  return facts([
    ...report,
    ['manifests', join(run.home, run.prefixes.manifests)],
    ...(run.certainty === null || run.certainty.open === 0
      ? []
      : [['review', `npx screenalytics review ${run.episode}: ${run.certainty.line}`] as const]),
    ['again', `npx screenalytics show ${run.episode}`],
    ['export', `npx screenalytics export ${run.episode} --format csv`],
    ['talk', 'npx screenalytics connect codex && codex -p screenalytics'],
    ['', 'npx screenalytics connect claude && claude'],
    ['', 'OPENAI_API_KEY=... npx screenalytics chat'],
  ]);
}

/** A model that would have come first but could not be used is never silent (DET-02). */
function passedOver({ passed_over }: Pick<RunPlan, 'passed_over'>): [string, string][] {
  if (passed_over.length === 0) return [];
  return [['not used', passed_over.map(({ id, code }) => `${id} (${code})`).join(', ')]];
}

function unusual({ cuts }: RunSummary): string {
  const { unusual_minutes } = cuts;
  return unusual_minutes.length === 0 ? '' : ` (unusual in minute ${unusual_minutes.join(', ')})`;
}

export function planText(plan: RunPlan, look: Look): string {
  const due = plan.stages.filter((stage) => !stage.cached).length;
  return [
    table(
      ['stage', 'state'],
      plan.stages.map((stage) => [stage.name, stage.cached ? 'there already' : 'would run']),
      look,
    ),
    '',
    facts([
      ['episode', `${plan.episode} (${seconds(plan.duration_s)})`],
      ['would look at', `${rate(plan.analyzed_fps)} frames a second`],
      ['models', `${plan.detector}, ${plan.tracker}, ${plan.embedder} on ${plan.device}`],
      ...passedOver(plan),
      ['time', due === 0 ? 'nothing to do' : `about ${seconds(plan.estimated_s)} (from ${plan.estimate_from})`],
      ['pictures', plan.exported_bytes === 0 ? 'none are kept' : `about ${megabytes(plan.exported_bytes)}`],
      ...Object.entries(plan.prefixes),
    ]),
  ].join('\n');
}

/** `mm:ss.s` */
export function seconds(value: number): string {
  const tenths = Math.round(value * 10);
  const rest = tenths % 600;
  return `${String(Math.floor(tenths / 600)).padStart(2, '0')}:${String(Math.floor(rest / 10)).padStart(2, '0')}.${rest % 10}`;
}

export function moment(ms: number): string {
  return seconds(ms / 1000);
}

export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(1)}%`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function rate(fps: number): string {
  return String(Math.round(fps * 100) / 100);
}

function speed(took_s: number, duration_s: number): string {
  return duration_s > 0 ? `${(took_s / duration_s).toFixed(2)}x realtime` : 'of no media';
}
