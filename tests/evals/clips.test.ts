import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import type { Artifacts } from '#engine/core/artifacts.ts';
import { madeClip, sampleClip, sharedClips, shownIn, type TrueClip } from '#engine/eval/clips.ts';
import { analysedTimes, type Made, scoreClip } from '#engine/eval/score-clip.ts';
import { ffprobe } from '#engine/media/ffmpeg.ts';
import { loadComposition } from '#engine/sample/composition.ts';
import { truthOf } from '#engine/sample/truth.ts';
import { temporaryHome } from '../support/home.ts';
import { sharedFolder, skipWithoutShared } from '../support/shared.ts';

const skip = skipWithoutShared('the real clips and their truth');
const PERIOD_MS = 125;

/** What a faultless pipeline would make: the true scored boxes, a track per person and shot, a cluster per person. */
function oracle(clip: TrueClip): Made {
  const boxes = clip.boxes ?? { frame_ms: 40, frames: [] };
  const nowhere = [0, 0] as [number, number];
  const detections: Artifacts['detections']['rows'] = [];
  const found = new Map<string, { person: string; shot: number; indexes: number[] }>();
  for (const at_ms of analysedTimes(boxes, PERIOD_MS, [])) {
    const shot = clip.cuts_ms.filter((cut) => cut <= at_ms).length;
    for (const { person, box, scored } of boxes.frames[Math.round(at_ms / boxes.frame_ms)] ?? []) {
      if (!scored) continue;
      const track = found.get(`${shot}/${person}`) ?? { person, shot, indexes: [] };
      track.indexes.push(detections.length);
      found.set(`${shot}/${person}`, track);
      detections.push({ at_ms, box: [...box], score: 1, landmarks: [nowhere, nowhere, nowhere, nowhere, nowhere] });
    }
  }
  const tracks = [...found.values()];
  const people = clip.people.map(({ person }) => person);
  return {
    shots: [0, ...clip.cuts_ms].map((start_ms, shot_id, all) => ({
      shot_id,
      start_ms,
      end_ms: all[shot_id + 1] ?? clip.duration_ms,
      begins: shot_id === 0 ? ('start' as const) : ('cut' as const),
      score: 1,
    })),
    detections: { rows: detections } as Artifacts['detections'],
    tracks: {
      period_ms: PERIOD_MS,
      rows: tracks.map(({ shot, indexes }, track_id) => ({
        track_id,
        shot_id: shot,
        start_ms: detections[indexes[0] ?? 0]?.at_ms ?? 0,
        end_ms: clip.duration_ms,
        detections: indexes,
      })),
    } as Artifacts['tracks'],
    clusters: {
      rows: people.map((person, cluster_id) => ({
        cluster_id,
        label: `Unknown-${cluster_id}`,
        track_ids: tracks.flatMap((track, n) => (track.person === person ? [n] : [])),
        best_face_id: '0-0',
        cohesion: 1,
        purity_estimate: 1,
      })),
    } as Artifacts['clusters'],
    screen_time: {
      duration_ms: clip.duration_ms,
      rows: [],
      timeline: clip.people.flatMap(({ visible }, cluster_id) =>
        visible.map((span) => ({
          person: `Unknown-${cluster_id}`,
          person_id: null,
          shot_id: 0,
          ...span,
          track_ids: [0],
        })),
      ),
    },
  };
}

function expectPerfect(clip: TrueClip): void {
  const score = scoreClip(clip, oracle(clip));
  expect(score.cuts.f1).toBe(1);
  expect(score.detection).toMatchObject({ recall: 1, precision: 1 });
  expect(score.tracking).toMatchObject({ idf1: 1, id_switches: 0 });
  expect(score.tracking?.hota).toBeCloseTo(1, 12);
  // Where two true boxes overlap, the centre of one may lie nearer to the other's: whose face it is remains a guess there.
  expect(score.clustering.purity).toBeGreaterThan(0.99);
  expect(score.screen_time).toMatchObject({ error_mean: 0, unmatched_ms: 0, visible: { f1: 1 } });
}

test.skipIf(skip)('every clip with a truth is there, and its people have neutral names', () => {
  const clips = sharedClips(sharedFolder() ?? '', join(projectRoot, 'tests/evals/labels'));
  expect(clips.map((clip) => [clip.name, clip.people.length, clip.cuts_ms.length])).toEqual([
    ['asd_crops', 5, 24],
    ['azv_friends', 6, 3],
    ['azv_hyland2', 7, 12],
    ['composite_hdtf6', 8, 12],
    ['hamilton_short', 8, 3],
    ['mdn_friday', 4, 0],
    ['msdwild_00001', 3, 0],
  ]);
  for (const { person } of clips.flatMap((clip) => clip.people)) expect(person).toMatch(/^(person|other)_\d$/);
});

test.skipIf(skip)('a clip that is joined has every frame of its parts, and is as long as its truth says', async () => {
  const clips = sharedClips(sharedFolder() ?? '', join(projectRoot, 'tests/evals/labels'));
  const [first, ...others] = clips.filter(({ parts }) => parts !== undefined);
  if (first === undefined) throw new Error('no clip is joined');
  expect(others).toEqual([]);
  const { video, duration_ms } = await madeClip(first, temporaryHome());
  const frames = await ffprobe(video, ['-count_packets', '-show_entries', 'stream=codec_type,nb_read_packets']);
  expect(frames).toMatchObject({ streams: [{ codec_type: 'video', nb_read_packets: `${duration_ms / 40}` }] });
});

test.skipIf(skip)('msdwild: three boxes in each of 607 frames; those very boxes score 1', () => {
  const clips = sharedClips(sharedFolder() ?? '', join(projectRoot, 'tests/evals/labels'));
  const clip = clips.find(({ name }) => name.startsWith('msdwild'));
  expect(clip?.boxes?.frames.map((frame) => frame.length)).toEqual(new Array(607).fill(3));
  expect(clip?.boxes?.frames[0]?.[0]).toEqual({
    person: 'person_1',
    box: [725 / 1280, 181 / 720, 795 / 1280, 276 / 720],
    scored: true,
  });
  if (clip !== undefined) expectPerfect(clip);
});

test.each(['episode', 'test'])('the sample %s: its own boxes score 1', (name) => {
  expectPerfect(sampleClip({ video: 'nowhere.mp4', truthPath: 'nowhere.json', truth: truthOf(loadComposition(name)) }));
});

test('a picture shows whom its middle lies on, else whoever covers most of it, else nobody', () => {
  const boxes = {
    frame_ms: 40,
    frames: [
      [
        { person: 'left', box: [0.1, 0.1, 0.3, 0.5], scored: true },
        { person: 'right', box: [0.5, 0.1, 0.7, 0.5], scored: true },
      ],
    ],
  } as const;
  const owned = { boxes, who: () => 'right' };
  const nobodys = { boxes, who: () => null };
  expect(shownIn(owned, 0, [0.1, 0.1, 0.3, 0.5])).toBe('right');
  expect(shownIn(nobodys, 0, [0.28, 0.1, 0.55, 0.5])).toBe('right');
  expect(shownIn(nobodys, 0, [0.25, 0.1, 0.45, 0.5])).toBe('left');
  expect(shownIn(nobodys, 0, [0.8, 0.1, 0.9, 0.5])).toBeNull();
  expect(shownIn({ who: () => null }, 0, [0.1, 0.1, 0.3, 0.5])).toBeNull();
});
