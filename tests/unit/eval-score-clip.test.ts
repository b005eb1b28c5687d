import { expect, test } from 'vitest';
import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Box } from '#engine/core/image.ts';
import { BARS, causes, missed, passes } from '#engine/eval/bars.ts';
import type { TrueClip } from '#engine/eval/clips.ts';
import { analysedTimes, type Made, scoreClip } from '#engine/eval/score-clip.ts';
import { cells, HEAD, markdown } from '#engine/eval/scores-table.ts';

const LEFT: Box = [0.1, 0.2, 0.3, 0.5];
const RIGHT: Box = [0.6, 0.2, 0.8, 0.5];
const FPS = 10;
const FRAMES = 40; // two shots of two seconds

/** Two people side by side; in the second shot only the left one, and half of it is not scored for the right one. */
function clip(): TrueClip {
  const frames = Array.from({ length: FRAMES }, (_, n) => [
    { person: 'person_1', box: LEFT, scored: true },
    ...(n < 20 ? [{ person: 'person_2', box: RIGHT, scored: true }] : []),
    ...(n >= 30 ? [{ person: 'person_2', box: RIGHT, scored: false }] : []),
  ]);
  const inside = ([x1, , x2]: Box, x: number) => x >= x1 && x <= x2;
  return {
    name: 'made_up',
    video: 'nowhere.mp4',
    duration_ms: 4000,
    cuts_ms: [2000],
    wipes: [],
    people: [
      { person: 'person_1', visible: [{ start_ms: 0, end_ms: 4000 }], dontcare: [] },
      { person: 'person_2', visible: [{ start_ms: 0, end_ms: 2000 }], dontcare: [{ start_ms: 3000, end_ms: 4000 }] },
    ],
    collar_ms: 0,
    boxes: { frame_ms: 1000 / FPS, frames },
    who: (_, box) => {
      const x = (box[0] + box[2]) / 2;
      return inside(LEFT, x) ? 'person_1' : inside(RIGHT, x) ? 'person_2' : null;
    },
  };
}

interface Seen {
  label: string | null;
  box: Box;
  from: number;
  to: number;
}

/** A perfect reading of the clip at 5 looks a second, but for what `change` does to its tracks. */
function made(change: (tracks: Seen[]) => Seen[] = (tracks) => tracks, cut_ms = 2000): Made {
  const tracks = change([
    { label: 'Unknown-1', box: LEFT, from: 0, to: 2000 },
    { label: 'Unknown-2', box: RIGHT, from: 0, to: 2000 },
    { label: 'Unknown-1', box: LEFT, from: 2000, to: 4000 },
  ]);
  const rows: Artifacts['detections']['rows'] = [];
  const nowhere = [0, 0] as [number, number];
  const trackRows = tracks.map((track, track_id) => {
    const detections: number[] = [];
    for (let at_ms = track.from; at_ms < track.to; at_ms += 200) {
      detections.push(rows.length);
      rows.push({ at_ms, box: [...track.box], score: 0.9, landmarks: [nowhere, nowhere, nowhere, nowhere, nowhere] });
    }
    return { track_id, shot_id: track.from < 2000 ? 0 : 1, start_ms: track.from, end_ms: track.to, detections };
  });
  const labels = [...new Set(tracks.flatMap(({ label }) => label ?? []))].sort();
  const clusters = labels.map((label, cluster_id) => ({
    cluster_id,
    label,
    track_ids: tracks.flatMap((track, n) => (track.label === label ? [n] : [])),
    best_face_id: '0-0',
    cohesion: 1,
    purity_estimate: 1,
  }));
  const timeline = tracks.flatMap((track, n) => {
    if (track.label === null) return [];
    return { person: track.label, person_id: null, shot_id: 0, start_ms: track.from, end_ms: track.to, track_ids: [n] };
  });
  return {
    shots: [
      { shot_id: 0, start_ms: 0, end_ms: cut_ms, begins: 'start', score: 0 },
      { shot_id: 1, start_ms: cut_ms, end_ms: 4000, begins: 'cut', score: 1 },
    ],
    detections: { rows } as Artifacts['detections'],
    tracks: { period_ms: 200, rows: trackRows } as Artifacts['tracks'],
    clusters: { rows: clusters } as Artifacts['clusters'],
    screen_time: { duration_ms: 4000, timeline, rows: [] },
  };
}

test('a perfect run scores 1 everywhere and passes every bar', () => {
  const score = scoreClip(clip(), made());
  expect(score.cuts.f1).toBe(1);
  expect(score.detection).toMatchObject({ recall: 1, precision: 1, truth: 30 });
  expect(score.tracking).toMatchObject({ idf1: 1, hota: 1, mota: 1, id_switches: 0 });
  expect(score.clustering).toMatchObject({ purity: 1, coverage: 1, clusters_per_person: 1 });
  expect(score.screen_time).toMatchObject({ error_mean: 0, unmatched_ms: 0, visible: { f1: 1 } });
  expect(missed(score, 'local')).toEqual([]);
  expect(causes(score, 'local')).toEqual([]);
});

test('a person split in two clusters: pure, not whole, and the second cluster is an error', () => {
  const split = made((tracks) => tracks.map((track, n) => (n === 2 ? { ...track, label: 'Unknown-3' } : track)));
  const score = scoreClip(clip(), split);
  expect(score.clustering).toMatchObject({ purity: 1, clusters_per_person: 1.5, coverage: 20 / 30 });
  expect(score.screen_time).toMatchObject({ unmatched_ms: 2000, error_mean: 0.25, error_worst: 0.5 });
  expect(missed(score, 'embedded')).toEqual(['error_mean', 'visible_f1']);
  const [first, second] = causes(score, 'embedded');
  expect(first).toBe('person_1: 2.00 s of 4.00 s');
  expect(second).toMatch(/^Unknown-[13] stands for nobody: 2.00 s$/); // both are as long
});

test('two people in one cluster: not pure, and the one left out is found as nobody', () => {
  const mixed = made((tracks) => tracks.map((track) => ({ ...track, label: 'Unknown-1' })));
  const score = scoreClip(clip(), mixed);
  expect(score.clustering.purity).toBeCloseTo(20 / 30, 12);
  expect(score.screen_time.people.map((row) => [row.person, row.label])).toEqual([
    ['person_1', 'Unknown-1'],
    ['person_2', null],
  ]);
  expect(missed(score, 'embedded')).toContain('purity');
});

test('a face on a box that is not scored costs nothing, one beside all boxes does', () => {
  const box: Box = [0.4, 0.6, 0.5, 0.8];
  const extra = (at: Box) =>
    scoreClip(
      clip(),
      made((tracks) => [...tracks, { label: null, box: at, from: 3000, to: 4000 }]),
    );
  expect(extra(RIGHT).detection).toMatchObject({ precision: 1, predicted: 30 });
  expect(extra(RIGHT).tracking).toMatchObject({ false_alarms: 0, idf1: 1 });
  expect(extra(box).detection).toMatchObject({ precision: 30 / 35, predicted: 35 });
  expect(extra(box).tracking).toMatchObject({ false_alarms: 5 });
});

test('moments at which nothing was found are analysed too', () => {
  const only = made((tracks) => tracks.slice(0, 1));
  expect(scoreClip(clip(), only).detection).toMatchObject({ recall: 10 / 30, truth: 30 });
  const frames = new Array<[]>(12).fill([]);
  // 25 frames a second and 8 looks: cells begin at 0, 125, 250, 375 ms; the first frames in them are 0, 4, 7, 10.
  expect(analysedTimes({ frame_ms: 40, frames }, 125, [])).toEqual([0, 160, 280, 400]);
  expect(analysedTimes({ frame_ms: 40, frames }, 125, [{ at_ms: 160 }, { at_ms: 320 }])).toEqual([
    0, 160, 280, 320, 400,
  ]);
});

test('a cut that is late by more than the tolerance is missed and claimed', () => {
  const score = scoreClip(clip(), made(undefined, 2150));
  expect(score.cuts).toMatchObject({ f1: 0, missed: [2000], false_alarms: [2150] });
  expect(causes(score, 'embedded')).toEqual(['cuts not found at 2.00 s', 'cuts claimed at 2.15 s']);
});

test('only boxes drawn by people have a bar for detection', () => {
  const score = scoreClip(
    clip(),
    made((tracks) => tracks.slice(0, 1)),
  );
  expect(passes(BARS.detection_recall, score, 'embedded')).toBeNull();
  expect(passes(BARS.detection_recall, { ...score, clip: 'msdwild_00001' }, 'embedded')).toBe(false);
});

test('the table has a verdict for each bar, and equal runs give equal text', () => {
  const run = { weights: 'embedded', score: scoreClip(clip(), made()) } as const;
  const row = cells(run);
  expect(row).toHaveLength(HEAD.length);
  expect(row.filter((cell) => cell.endsWith(' pass'))).toHaveLength(5);
  const text = markdown([run, run], { embedded: 'a', local: 'b' });
  expect(text).toBe(markdown([run, run], { embedded: 'a', local: 'b' }));
  expect(text).toContain('| made_up | embedded | 1.000 pass | 1.000 | 1.000 |');
});
