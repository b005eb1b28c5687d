import { type EpisodePlace, layout } from '../blobs/layout.ts';
import type { Artifacts } from '../core/artifacts.ts';
import type { Decisions } from '../core/identities.ts';
import type { RunSummary } from '../core/summary.ts';
import { cutsPerMinute, unusualMinutes } from '../math/cut-rate.ts';
import { retention } from '../stages/detect.ts';
import type { Made } from './publish.ts';
import type { Grid } from './settings.ts';

export interface SummaryFacts
  extends Pick<
    RunSummary,
    | 'run_id'
    | 'device'
    | 'detector'
    | 'embedder'
    | 'tracker'
    | 'passed_over'
    | 'stages'
    | 'exported'
    | 'took_s'
    | 'manifests'
    | 'home'
    | 'certainty'
  > {
  readonly place: EpisodePlace;
  readonly made: Made;
  readonly grid: Pick<Grid, 'fps'>;
  /** Names of the cast whom nothing can recognise (PRO-04). */
  readonly without_seeds: readonly string[];
  /** Of people, as they were given to the run. */
  readonly decisions?: Decisions;
}

/** What a run says of itself; what a stopped run has not made counts as nothing. */
export function summarise(facts: SummaryFacts): RunSummary {
  const { place, made, grid, without_seeds, decisions, ...rest } = facts;
  const { media, shots, detections, tracks, faces, embeddings, clusters, identities, screen_time } = made;
  const { frames, crops, thumbs, manifests, reports } = layout(place);
  const metrics = tracks?.metrics ?? NO_TRACKS;
  const id_switches = embeddings?.tracks.reduce((sum, track) => sum + track.suspected_switches_ms.length, 0) ?? 0;
  return {
    phase: 'done',
    episode: place.ep_id,
    duration_s: (shots?.at(-1)?.end_ms ?? media?.duration_ms ?? 0) / 1000,
    fps_detected: Math.round((media?.fps ?? 0) * 1000) / 1000,
    analyzed_fps: Math.round(grid.fps * 1000) / 1000,
    counts: {
      scene_cuts: Math.max(0, (shots?.length ?? 1) - 1),
      detections_raw: detections?.counts.raw ?? 0,
      detections_kept: detections?.counts.kept ?? 0,
      detections_low_conf: detections?.counts.low_conf ?? 0,
      detections_overlap: detections?.counts.overlap ?? 0,
      detections_too_small: detections?.counts.too_small ?? 0,
      tracks: tracks?.rows.length ?? 0,
      faces: faces?.rows.length ?? 0,
      people: (identities ?? clusters)?.rows.length ?? 0,
    },
    retention: detections === undefined ? null : retention(detections.counts),
    cuts: cutRate(shots ?? []),
    track_metrics: { ...metrics, id_switches },
    screen_time: screen_time?.rows ?? [],
    changes: [],
    identity: identityCounts(identities, decisions),
    warnings: without_seeds.map(
      (name) => `${name} has no photo in the facebank, so no face can be recognised as theirs.`,
    ),
    prefixes: { frames, crops, thumbs, manifests, reports },
    report: screen_time === undefined ? '' : `${reports}report.html`,
    ...rest,
  };
}

function identityCounts(
  identities: Artifacts['identities'] | undefined,
  decisions: Decisions | undefined,
): RunSummary['identity'] {
  const lost = new Set(identities?.unmatched.map(({ evidence_id }) => evidence_id));
  const applied = decisions?.rows.filter(({ evidence }) => evidence.some((each) => !lost.has(each.evidence_id)));
  const named = identities?.rows.filter(({ person_id }) => person_id !== null).length ?? 0;
  const asked = identities?.pieces.filter(({ band }) => band === 'ask').map(({ track_id }) => track_id);
  return {
    named,
    unknown: (identities?.rows.length ?? 0) - named,
    asked: new Set(asked).size,
    applied: applied?.length ?? 0,
    unmatched: identities?.unmatched.length ?? 0,
    conflicts: identities?.conflicts.length ?? 0,
  };
}

function cutRate(shots: Artifacts['shots']): RunSummary['cuts'] {
  const cuts_ms = shots.slice(1).map(({ start_ms }) => start_ms);
  const duration_ms = shots.at(-1)?.end_ms ?? 0;
  return { per_minute: cutsPerMinute(cuts_ms, duration_ms), unusual_minutes: unusualMinutes(cuts_ms, duration_ms) };
}

const NO_TRACKS: Omit<RunSummary['track_metrics'], 'id_switches'> = {
  tracks_born: 0,
  tracks_lost: 0,
  longest_tracks: [],
  long_tracks: [],
  short_track_fraction: 0,
  tracks_per_minute: 0,
  dropped_short: 0,
  gap_splits: [],
  warmup_lost_ms: 0,
};
