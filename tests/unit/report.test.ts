import sharp from 'sharp';
import { expect, test } from 'vitest';
import { drawBars, timelineChart } from '#engine/report/charts.ts';
import { contactSheet } from '#engine/report/contact-sheet.ts';
import { buildReport, type ReportInput } from '#engine/report/report.ts';
import { colourOf } from '#engine/report/style.ts';
import { clock, count, length } from '#engine/report/words.ts';

const NASTY = '"><script>alert(1)</script>&amp; Ü';

async function jpeg(red: number): Promise<Uint8Array> {
  const background = { r: red, g: 80, b: 90 };
  return sharp({ create: { width: 160, height: 160, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

async function input(people = 3, name = (i: number) => `Unknown-${i + 1}`): Promise<ReportInput> {
  const ids = Array.from({ length: people }, (_, i) => i);
  const screen_time = ids.map((i) => ({
    ...{ person: name(i), person_id: null, visual_s: 70.5 / (i + 1) },
    ...{ visual_low_s: 70 / (i + 1), visual_high_s: 71 / (i + 1), confidence: 0.99 },
    share: 0.5 / (i + 1),
    first_seen_ms: 1000,
    last_seen_ms: 90_000,
    appearances: 2,
    tracks: 2,
  }));
  return {
    summary: {
      phase: 'done',
      episode: 'show-s01e02',
      run_id: 'run-1234',
      took_s: 12.345,
      duration_s: 100,
      fps_detected: 25,
      analyzed_fps: 8,
      device: 'cpu',
      detector: 'd',
      embedder: 'e',
      tracker: 'bytetrack',
      stages: [{ name: 'probe', key: 'key-of-probe', cached: false, took_s: 5.4321 }],
      counts: {
        scene_cuts: 3,
        detections_raw: 1200,
        detections_kept: 1100,
        detections_low_conf: 60,
        detections_overlap: 30,
        detections_too_small: 10,
        tracks: 6,
        faces: 18,
        people,
      },
      retention: 1100 / 1200,
      certainty: null,
      track_metrics: {
        tracks_born: 7,
        tracks_lost: 6,
        longest_tracks: [{ track_id: 4, frames: 80, duration_ms: 10_000 }],
        long_tracks: people > 0 ? [4] : [],
        short_track_fraction: 0.25,
        tracks_per_minute: 3.6,
        dropped_short: 1,
        gap_splits: [],
        warmup_lost_ms: 0,
        id_switches: 0,
      },
      screen_time,
      identity: { named: 0, unknown: people, asked: 0, applied: 0, unmatched: 0, conflicts: 0 },
      changes: [],
      warnings: [],
      prefixes: { frames: '', crops: '', thumbs: '', manifests: '', reports: '' },
      manifests: [],
      exported: { files: 0, bytes: 0 },
      passed_over: [],
      cuts: { per_minute: 3, unusual_minutes: [] },
      report: '',
      home: '/somebody/home',
    },
    media: {
      container: 'mp4',
      duration_ms: 100_000,
      start_s: 0,
      time_base: [1, 12_800],
      fps: 25,
      vfr: false,
      width: 1280,
      height: 720,
      rotation: 0,
      pixel_aspect: 1,
      video_codec: 'h264',
      audio_tracks: [],
    },
    shots: [0, 1, 2, 3].map((i) => ({
      shot_id: i,
      start_ms: i * 25_000,
      end_ms: (i + 1) * 25_000,
      begins: 'cut',
      score: 1,
    })),
    timeline: ids.flatMap((i) => [
      { person: name(i), person_id: null, shot_id: 0, start_ms: 1000, end_ms: 9000, track_ids: [i] },
      { person: name(i), person_id: null, shot_id: 3, start_ms: 80_000, end_ms: 90_000, track_ids: [people + i] },
    ]),
    people: ids.map((i) => ({ label: name(i), tracks: 2, cohesion: 0.8, purity_estimate: 0.99 })),
    suspects: ids.slice(1, 2).map((i) => {
      return { track_id: i, own: name(i), other: name(0), reason: 'nearer_to_other' as const };
    }),
    threshold: {
      model_id: 'e',
      chosen: 0.37,
      mode: 'auto',
      reason: 'Because of the data.',
      expected_purity: 0.983,
      merge_cap: 6,
      constraints: 3,
      same: { n: 10, mean: 0.6, sd: 0.1 },
      different: { n: 3, mean: 0.1, sd: 0.1 },
      candidates: [],
    },
    faces: await Promise.all(
      ids.flatMap((i) =>
        Array.from({ length: 15 }, async (_, n) => ({
          label: name(i),
          face_id: `${i}-${n}`,
          at_ms: n * 1000,
          flags: n === 0 ? ['blurred'] : [],
          jpeg: await jpeg(n * 10),
        })),
      ),
    ),
    models: [{ role: 'detector', title: 'A detector', licence: 'Apache-2.0' }],
  };
}

const countOf = (text: string, piece: string) => text.split(piece).length - 1;

test('the page holds everything and asks nobody: no script, no address but the names of SVG', async () => {
  const page = await buildReport(await input());
  for (const word of [
    'Unknown-1',
    'Unknown-3',
    '1 min 11 s',
    'A detector',
    'Apache-2.0',
    'run-1234',
    'looks more like',
    'unusually long',
  ])
    expect(page, word).toContain(word);
  expect(new Set(page.match(/\w+:\/\/[^"'<\s]+/g))).toEqual(
    new Set(['http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink']),
  );
  expect(page).not.toMatch(/<script|<link|@import|url\(|\bon\w+="/i);
  expect(countOf(page, '<svg')).toBe(2);
  expect(countOf(page, 'role="img" aria-label="')).toBe(2);
  expect(page).not.toContain('/somebody');
});

test('a limited number of pictures per person, each with words for who cannot see it', async () => {
  const page = await buildReport(await input());
  expect(countOf(page, '<img ')).toBe(3 * 12);
  expect(countOf(page, 'alt="Unknown-')).toBe(3 * 12);
  expect(page).toContain('alt="Unknown-2 at 0:00.0 (blurred)"');
  expect(countOf(await buildReport(await input(31)), '<img ')).toBe(31 * 5);
});

test('the same input gives the same bytes, whatever was drawn before; times taken are not in it', async () => {
  const given = await input();
  const [first, second] = [await buildReport(given), await buildReport(given)];
  expect(second).toBe(first);
  const slower = {
    ...given.summary,
    took_s: 99,
    stages: given.summary.stages.map((s) => ({ ...s, took_s: 77, cached: true })),
  };
  expect(await buildReport({ ...given, summary: slower })).toBe(first);
});

test('text from outside is text, everywhere', async () => {
  const given = await input(2, (i) => `${NASTY}${i}`);
  const page = await buildReport({ ...given, summary: { ...given.summary, episode: NASTY } });
  expect(page).not.toContain('<script');
  expect(page).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp; Ü');
});

test('an episode in which nobody is seen still has a page', async () => {
  const page = await buildReport(await input(0));
  expect(page).toContain('No face was found');
  expect(page).not.toContain('Worth a look');
  expect(countOf(page, '<img ')).toBe(0);
});

test('two people of one name have two rows in both charts', async () => {
  const page = await buildReport(await input(2, () => 'Alex'));
  expect(countOf(page, '>Alex</text>')).toBe(4);
});

test('the timeline is the drawing that vega makes of all its bars, to the last byte', async () => {
  for (const [people, duration_ms] of [
    [1, 1234],
    [7, 61_003],
    [40, 4_000_777],
    [2, 0],
  ] as const) {
    const names = Array.from({ length: people }, (_, i) => `Somebody ${i} & <Co>`);
    const at = (i: number) => Math.round((duration_ms * ((i * 7919) % 97)) / 97);
    const timeline = Array.from({ length: 60 }, (_, i) => ({
      ...{ person: names[i % people] ?? '', person_id: null, shot_id: 0, track_ids: [i] },
      ...{ start_ms: at(i), end_ms: Math.min(duration_ms, at(i) + (i % 5) * 333) },
    }));
    const shots = Array.from({ length: 9 }, (_, i) => ({
      ...{ shot_id: i, begins: 'cut' as const, score: 1 },
      ...{ start_ms: Math.round((duration_ms * i) / 9), end_ms: Math.round((duration_ms * (i + 1)) / 9) },
    }));
    const rows = names.map((person) => ({
      ...{ person, person_id: null, visual_s: 1, visual_low_s: 1, visual_high_s: 1, confidence: 1, share: 0 },
      ...{ first_seen_ms: 0, last_seen_ms: 0, appearances: 1, tracks: 1 },
    }));
    const bars = [
      ...shots.map((shot, i) => ({ ...shot, row: 'shots', colour: `var(--shot-${'ab'[i % 2]})` })),
      ...timeline.map((row, i) => ({ ...row, row: String(i % people), colour: colourOf(i % people) })),
    ].map(({ row, colour, start_ms, end_ms }) => ({ row, from: start_ms / 1000, to: end_ms / 1000, colour }));
    const whole = await drawBars(names, duration_ms / 1000, bars);
    expect(await timelineChart(rows, timeline, shots, duration_ms)).toBe(whole);
  }
});

test('contact sheet: as many columns as asked, each picture in its place', async () => {
  const sheet = sharp(await contactSheet([await jpeg(10), await jpeg(120), await jpeg(240)], { columns: 2, cell: 64 }));
  const { data, info } = await sheet.raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([2 + 2 * 66, 2 + 2 * 66]);
  const red = (x: number, y: number) => data[(y * info.width + x) * 3] as number;
  expect([red(34, 34), red(100, 34), red(34, 100)].map((v) => Math.round(v / 10))).toEqual([1, 12, 24]);
  expect(red(100, 100)).toBeLessThan(40);
  const none = await sharp(await contactSheet([], { columns: 6, cell: 64 })).metadata();
  expect([none.format, none.width]).toEqual(['jpeg', 68]);
});

test('moments, lengths and counts in words', () => {
  expect([clock(0), clock(75.34), clock(59.96), clock(3725)]).toEqual(['0:00.0', '1:15.3', '1:00.0', '1:02:05']);
  expect([length(8.25), length(132), length(3725)]).toEqual(['8.3 s', '2 min 12 s', '1 h 2 min']);
  expect([count(1, 'track'), count(12345, 'track'), count(2, 'person', 'people')]).toEqual([
    '1 track',
    '12,345 tracks',
    '2 people',
  ]);
});
