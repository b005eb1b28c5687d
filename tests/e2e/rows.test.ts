import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { Progress } from '#engine/core/progress.ts';
import { RunPlan, RunSummary } from '#engine/core/summary.ts';
import { JobRecord } from '#engine/run/job-record.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { compareRuns } from '#mcps/screenalytics/tools/compare-runs.ts';
import { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import { getDiagnostics } from '#mcps/screenalytics/tools/get-diagnostics.ts';
import { getEpisode } from '#mcps/screenalytics/tools/get-episode.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { listClusters } from '#mcps/screenalytics/tools/list-clusters.ts';
import { listDetections } from '#mcps/screenalytics/tools/list-detections.ts';
import { listFaces } from '#mcps/screenalytics/tools/list-faces.ts';
import { listShots } from '#mcps/screenalytics/tools/list-shots.ts';
import { listTracks } from '#mcps/screenalytics/tools/list-tracks.ts';
import { temporaryHome } from '../support/home.ts';
import { asker, program } from '../support/program.ts';
import { testSample } from '../support/videos.ts';

// Each row of CAPABILITIES that issue 2 makes true, called as a person calls it: one run of the sample, then questions.
// docs/acceptance.yaml says which test speaks of each row.

const home = temporaryHome();
const EP = 'rows-s01e01';
const SETTINGS = ['--fps', '4', '--thumb-size', '96', '--min-face-size', '40'];
/** Another cluster threshold: the second run of the episode, made from what the first has left. */
const STRICT = [...SETTINGS, '--cluster-threshold', '0.9'];
/** Analysed frames: short, so that a short sample has longer tracks. Pixels: large, so that it has small faces beside those that are too small. */
const CONFIG = { tracking: { long_track: 10 }, faces: { small_px: 60 } };
const manifests = join(home, 'artifacts/manifests/rows/s01/e01');
let video: string;
let first: RunSummary;
let second: RunSummary;

const { ask, refused, text } = asker({ home, config: CONFIG });

beforeAll(async () => {
  ({ video } = await testSample());
  const place = ['--show', 'rows', '--season', '1', '--number', '1'];
  first = RunSummary.parse(await ask(['run', 'episode', video, ...place, ...SETTINGS]));
  second = RunSummary.parse(await ask(['run', 'episode', EP, ...STRICT]));
}, 300_000);

test('ING-01, FAC-01, CLU-02, CUT-08, DET-13: each stage alone, by the same command; a run’s own settings stay its own', async () => {
  const argv = ['run', 'episode', EP, '--fps', '1', '--no-scene-detect', '--save-frames'];
  const tracked = RunSummary.parse(await ask([...argv, '--until', 'track']));
  // No face is harvested yet, so what was written is frames alone.
  const plan = RunPlan.parse(await ask(['plan', ...argv.slice(2), '--no-save-crops']));
  expect(tracked.exported.files).toBe(22);
  expect(tracked.exported.bytes / plan.exported_bytes).toBeGreaterThan(0.5);
  expect(tracked.exported.bytes / plan.exported_bytes).toBeLessThan(2);
  rmSync(join(home, tracked.prefixes.frames), { recursive: true }); // frames that were asked for stay until somebody removes them
  expect(tracked.stages.map(({ name }) => name)).toEqual(['probe', 'cut', 'detect', 'track']);
  expect(tracked.screen_time).toEqual([]);
  expect(tracked.counts.scene_cuts).toBe(0);
  expect(JSON.parse(readFileSync(join(manifests, 'shots.json'), 'utf8'))).toHaveLength(1);
  const whole = RunSummary.parse(await ask(['run', 'episode', EP, ...STRICT]));
  expect(whole).toMatchObject({ run_id: second.run_id, counts: second.counts });
  expect(whole.stages.every(({ cached }) => cached)).toBe(true);
});

test('ING-02: every manifest has a path, and one that is missing names its stage', async () => {
  const { manifests: files } = getEpisode.output.parse(await ask(['episode', EP]));
  for (const name of [
    'detections.jsonl',
    'tracks.jsonl',
    'faces.jsonl',
    'faces.npy',
    'identities.json',
    'progress.json',
  ])
    expect(files.find((file) => file.name === name)?.path).toBe(join(manifests, name));
  await ask(['run', 'episode', video, '--episode', 'probed', '--until', 'probe']);
  const probed = getEpisode.output.parse(await ask(['episode', 'probed']));
  expect(probed.manifests).toContainEqual({ name: 'tracks.jsonl', path: null, made_by: 'track' });
});

test('ING-16, DET-09: the video’s own rate is found; fps 0 is every frame, and results state the analysed rate', async () => {
  expect(getEpisode.output.parse(await ask(['episode', EP]))).toMatchObject({ fps: 25, width: 1280, height: 720 });
  expect(RunPlan.parse(await ask(['plan', EP, '--fps', '0'])).analyzed_fps).toBeCloseTo(25, 3);
  expect(first).toMatchObject({ fps_detected: 25, analyzed_fps: 4 });
  expect(JSON.parse(readFileSync(join(manifests, 'media.json'), 'utf8'))).toMatchObject({
    video_codec: 'h264',
    audio_tracks: [{ channels: expect.any(Number) }],
  });
});

test('DET-02, QA-05: a detector that cannot be had is passed over, and that is said to the person and kept with the run', async () => {
  const config = { ...CONFIG, detection: { order: ['scrfd_2_5g', 'mediapipe_face_full'] } };
  const passed_over = [{ id: 'scrfd_2_5g', code: 'MODEL_LICENCE' }];
  expect(RunPlan.parse(await ask(['plan', EP, ...STRICT], { config }))).toMatchObject({ passed_over });
  const argv = ['run', 'episode', EP, ...STRICT];
  const run = RunSummary.parse(await ask(argv, { config }));
  expect(run).toMatchObject({ passed_over, detector: 'mediapipe_face_full' });
  const { stdout } = await program(argv, { home, config });
  expect(stdout).toMatch(/not used +scrfd_2_5g \(MODEL_LICENCE\)/);
  expect(stdout).toMatch(/^review +npx screenalytics review rows-s01e01: .* answer these \d+ and/m);
  expect(stdout).toMatch(/^again +npx screenalytics show rows-s01e01\nexport +npx screenalytics export rows-s01e01 /m);
  const record = JSON.parse(readFileSync(join(manifests, 'run.json'), 'utf8'));
  expect(record.models.detector).toMatchObject({ id: 'mediapipe_face_full', passed_over });
  await ask(argv);
});

test('DET-04, DET-05: kept of what was found, and the reason of every drop', async () => {
  const { detections } = getDiagnostics.output.parse(await ask(['diagnostics', EP]));
  const { raw, kept, low_conf, overlap, too_small, retention } = detections;
  expect(kept).toBeGreaterThan(50);
  expect(overlap).toBeGreaterThan(kept); // every face is seen by several anchors
  expect(low_conf).toBeGreaterThan(0);
  expect(low_conf + overlap + too_small + kept).toBe(raw);
  expect(retention).toBeCloseTo(kept / raw, 12);
  expect(second).toMatchObject({ retention, counts: { detections_low_conf: low_conf, detections_overlap: overlap } });
  const record = JSON.parse(readFileSync(join(manifests, 'run.json'), 'utf8'));
  expect(record.detections).toEqual(detections);
});

test('DET-06, TRK-03, CFG-01, CFG-05: every value with its origin; a run keeps all of its own', async () => {
  const { config } = checkHealth.output.parse(await ask(['doctor', '--config']));
  for (const key of ['detection.confidence_th', 'detection.iou_th', 'detection.min_size', 'tracking.match_thresh'])
    expect(config).toContainEqual({ key, value: expect.stringMatching(/^[\d.]+$/), origin: 'config' });
  const record = JSON.parse(readFileSync(join(manifests, 'run.json'), 'utf8'));
  expect(record).toMatchObject({ run_id: second.run_id, settings_hash: expect.stringMatching(/^[0-9a-f]{16,}$/) });
  expect(record.settings).toMatchObject({ sampling: { fps: 4 }, clustering: { threshold: 0.9 } });
  const tracking = { track_thresh: 0.6, match_thresh: 0.8, track_buffer: 30, min_box_area: 20 };
  expect(record.settings).toMatchObject({ tracking });
});

test('DET-07: faces of a span with landmarks, a page at a time, and what a higher threshold would leave', async () => {
  const argv = ['detections', EP, '--t0', '1', '--t1', '3'];
  const all = listDetections.output.parse(await ask(argv));
  expect(all.detections.length).toBe(all.in_span);
  for (const { at_ms, landmarks, box } of all.detections) {
    expect(at_ms).toBeGreaterThanOrEqual(1000);
    expect(at_ms).toBeLessThan(3000);
    // Eyes, nose and mouth lie about where the face is.
    const [x1, y1, x2, y2] = box;
    const [nose_x = -1, nose_y = -1] = landmarks.slice(4, 6);
    expect(nose_x > x1 && nose_x < x2 && nose_y > y1 && nose_y < y2).toBe(true);
  }
  const scores = all.detections.map(({ score }) => score).sort((a, b) => a - b);
  const middle = scores[Math.floor(scores.length / 2)] ?? 0;
  const some = listDetections.output.parse(await ask([...argv, '--min-conf', String(middle)]));
  expect(some.reaching).toBe(scores.filter((score) => score >= middle).length);
  expect(some.detections).toEqual(all.detections.filter(({ score }) => score >= middle));
  const paged: unknown[] = [];
  for (let cursor: string[] = []; ; ) {
    const page = listDetections.output.parse(await ask([...argv, '--limit', '4', ...cursor]));
    paged.push(...page.detections);
    if (page.next === null) break;
    cursor = ['--cursor', page.next];
  }
  expect(paged).toEqual(all.detections);
  expect(await refused([...argv, '--cursor', 'bm90aGluZw'])).toMatchObject({ exit: 2, code: 'INPUT_INVALID' });
});

test('DET-08, DET-10: a denser look is estimated to cost more; profiles are named', async () => {
  const plan = async (...more: string[]) => RunPlan.parse(await ask(['plan', EP, ...more]));
  const [sparse, dense] = [await plan('--stride', '25'), await plan('--profile', 'recall')];
  expect(sparse.analyzed_fps).toBe(1);
  expect(dense.analyzed_fps).toBe(25); // every frame of this video
  expect(dense.estimated_s).toBeGreaterThan(sparse.estimated_s);
  const [usual, spans] = [await plan(), await plan('--recall-spans', '5-9,12-15')];
  expect(spans.analyzed_fps).toBe(usual.analyzed_fps);
  expect(spans.estimated_s).toBeGreaterThan(usual.estimated_s);
  expect(spans.stages.find(({ name }) => name === 'detect')?.key).not.toBe(
    usual.stages.find(({ name }) => name === 'detect')?.key,
  );
  expect((await plan()).analyzed_fps).toBe(8);
  expect(await refused(['plan', EP, '--profile', 'wild'])).toMatchObject({ code: 'INPUT_INVALID' });
});

test('DET-12, ING-14, SCR-07, CFG-05, CFG-06, TRK-07: what changed between two runs, with cause, and as a file', async () => {
  const { a, b, settings, figures, people } = compareRuns.output.parse(await ask(['compare', EP]));
  expect([a.run_id, b.run_id]).toEqual([first.run_id, second.run_id]);
  expect(settings).toEqual([{ key: 'clustering.threshold', a: '"auto"', b: '0.9' }]);
  const figure = (name: string) => figures.find((row) => row.name === name);
  expect(figure('detections_kept')).toMatchObject({ a: first.counts.detections_kept, difference: 0 });
  expect(figure('tracks_born')).toMatchObject({ b: second.track_metrics.tracks_born, difference: 0 });
  expect(figure('people')?.difference).toBe(second.counts.people - first.counts.people);
  const sum = (run: RunSummary) => run.screen_time.reduce((total, row) => total + row.visual_s, 0);
  expect(people.reduce((total, row) => total + row.a_s, 0)).toBeCloseTo(sum(first), 6);
  expect(people.reduce((total, row) => total + row.b_s, 0)).toBeCloseTo(sum(second), 6);
  // A stricter threshold splits people: what one run has apart, the other has as somebody.
  const split = people.filter((row) => row.person_a === null);
  expect(split.length).toBeGreaterThan(0);
  for (const row of split)
    expect(row.cause).toMatch(/^run a has these faces as Unknown-\d+; changed: clustering\.threshold$/);
  expect(people.filter((row) => row.cause === 'same').every((row) => row.difference_s === 0)).toBe(true);

  const back = compareRuns.output.parse(await ask(['compare', EP, '--run-a', second.run_id, '--run-b', first.run_id]));
  expect(back.people.map((row) => row.difference_s).sort()).toEqual(people.map((row) => 0 - row.difference_s).sort());
  const file = exportScreenTime.output.parse(await ask(['export', EP, '--table', 'delta', '--against', first.run_id]));
  expect(file.path.endsWith(`${EP}-delta_table.csv`)).toBe(true);
  const lines = readFileSync(file.path, 'utf8').trim().split('\n');
  expect(lines[0]).toBe('person_a,person_b,a_s,b_s,difference_s,cause');
  expect(lines).toHaveLength(1 + people.length);
  expect(await refused(['compare', EP, '--run-a', 'r_none'])).toMatchObject({ exit: 3, code: 'RUN_NOT_FOUND' });
});

test('DET-13, DET-14: exporters say what they wrote; without them no picture of a frame or a crop is kept', async () => {
  const crops = readdirSync(join(home, first.prefixes.crops), { recursive: true, withFileTypes: true });
  const files = crops.filter((each) => each.isFile());
  expect(second.exported.files).toBe(files.length);
  expect(second.exported.bytes).toBeGreaterThan(1000 * files.length);
  expect(existsSync(join(home, first.prefixes.frames))).toBe(false);
  const bare = RunSummary.parse(await ask(['run', 'episode', EP, ...STRICT, '--no-save-crops']));
  expect(bare.exported).toEqual({ files: 0, bytes: 0 });
  expect(existsSync(join(home, first.prefixes.crops))).toBe(false);
  await ask(['run', 'episode', EP, ...STRICT]);
});

test('TRK-06, TRK-08, FAC-13, FAC-18: tracks by shot, person, length and flag, with dispersion, flags and length', async () => {
  const tracks = async (argv: readonly string[]) =>
    listTracks.output.parse(await ask(['tracks', EP, '--limit', '200', ...argv])).tracks;
  const all = await tracks([]);
  expect(all).toHaveLength(second.counts.tracks);
  expect(all.map(({ track_id }) => track_id)).toEqual(all.map(({ track_id }) => track_id).sort((a, b) => a - b));
  // A cosine distance, to the rounding of 32-bit vectors.
  for (const track of all) if (track.faces > 0) expect(track.dispersion).toBeGreaterThan(-1e-6);
  const one = all.find(({ cluster }) => cluster !== null);
  expect(await tracks(['--shot', '0'])).toEqual(all.filter(({ shot_id }) => shot_id === 0));
  expect(await tracks(['--cluster', one?.cluster ?? ''])).toEqual(
    all.filter(({ cluster }) => cluster === one?.cluster),
  );
  expect(await tracks(['--duration-min', '2'])).toEqual(all.filter(({ duration_s }) => duration_s >= 2));
  const small = all.filter(({ flags }) => flags.includes('small'));
  expect(small.length).toBeGreaterThan(0);
  expect(await tracks(['--flag', 'small'])).toEqual(small);
  const long = all.filter((track) => track.long).map(({ track_id }) => track_id);
  expect(long.length).toBeGreaterThan(0);
  expect(long.length).toBeLessThan(all.length);
  expect(long).toEqual(second.track_metrics.long_tracks);
});

test('CUT-01, CUT-04, CUT-06, CUT-07: cuts listed and told, and counted at other thresholds', async () => {
  expect(first.counts.scene_cuts).toBeGreaterThanOrEqual(7);
  expect(first.cuts.per_minute).toBeCloseTo(first.counts.scene_cuts / (first.duration_s / 60), 1);
  expect(first.cuts.unusual_minutes).toEqual([]);
  expect(await text('run', 'episode', EP, ...STRICT)).toMatch(/scene cuts +\d+, [\d.]+ a minute/);
  const shots = JSON.parse(readFileSync(join(manifests, 'shots.json'), 'utf8'));
  expect(shots).toHaveLength(first.counts.scene_cuts + 1);
  const listed = listShots.output.parse(await ask(['shots', EP])).shots;
  expect(listed.map(({ tracks, people, ...shot }) => shot)).toEqual(shots);
  expect(listed.reduce((sum, { tracks }) => sum + tracks, 0)).toBe(second.counts.tracks);
  expect(listed.flatMap(({ people }) => people)).toContain('Unknown-1');
  const { what_if } = getDiagnostics.output.parse(await ask(['diagnostics', EP]));
  const counts = what_if.cuts.map(({ count }) => count);
  expect(counts.length).toBeGreaterThan(4);
  expect(counts).toEqual([...counts].sort((a, b) => b - a));
});

test('FAC-06, FAC-07, FAC-11, FAC-12, FAC-14: the crops of a track with weight, pose and picture; rows of faces.npy', async () => {
  const { faces } = listFaces.output.parse(await ask(['faces', EP, '--limit', '200']));
  expect(faces).toHaveLength(second.counts.faces);
  const track_id = faces[0]?.track_id ?? -1;
  const own = listFaces.output.parse(await ask(['faces', EP, '--track', String(track_id)])).faces;
  expect(own).toEqual(faces.filter((face) => face.track_id === track_id));
  expect(own.length).toBeLessThanOrEqual(6);
  for (const { quality, path } of own) {
    expect(quality).toBeGreaterThan(0);
    expect(existsSync(path ?? '')).toBe(true);
  }
  const rows = readFileSync(join(manifests, 'faces.jsonl'), 'utf8').trim().split('\n');
  const header = readFileSync(join(manifests, 'faces.npy')).subarray(0, 128).toString('latin1');
  expect(header).toContain(`'shape': (${rows.length}, 1024)`);
  expect(rows.map((line) => JSON.parse(line).face_id).sort()).toEqual(faces.map(({ face_id }) => face_id).sort());
});

test('FAC-08, CLU-06: square pictures of the size that was asked for', async () => {
  const { clusters } = listClusters.output.parse(await ask(['clusters', EP]));
  for (const { thumb } of clusters) {
    const { width, height } = await sharp(thumb ?? '').metadata();
    expect({ width, height }).toEqual({ width: 96, height: 96 });
  }
});

test('FAC-10: faces that are not used are counted with the reason', async () => {
  const { faces, detections } = getDiagnostics.output.parse(await ask(['diagnostics', EP]));
  expect(faces.kept).toBe(second.counts.faces);
  expect(faces.too_small).toBeGreaterThan(0);
  expect(faces.kept + faces.too_small + faces.low_conf).toBeLessThanOrEqual(detections.kept);
  const sizes = listFaces.output.parse(await ask(['faces', EP, '--limit', '200'])).faces.map(({ size_px }) => size_px);
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(40);
});

test('CLU-01, CLU-03, CLU-05, CLU-12, CLU-13: clusters with samples and purity, like the manifest; who looks alike', async () => {
  const { clusters, look_alikes } = listClusters.output.parse(await ask(['clusters', EP]));
  const { people } = JSON.parse(readFileSync(join(manifests, 'identities.json'), 'utf8'));
  const face = (each: { label: string; track_ids: number[]; best_face_id: string }) => ({
    label: each.label,
    track_ids: [...each.track_ids].sort((a, b) => a - b),
    best_face_id: each.best_face_id,
  });
  const byLabel = (a: { label: string }, b: { label: string }) => (a.label < b.label ? -1 : 1);
  expect(clusters.map(face).sort(byLabel)).toEqual(people.map(face).sort(byLabel));
  expect(clusters.map(({ label }) => label)).toEqual(clusters.map((_, i) => `Unknown-${i + 1}`));
  for (const { samples, purity_estimate, best_face_id } of clusters) {
    expect(samples).toContain(best_face_id);
    expect(purity_estimate).toBeGreaterThan(0);
    expect(purity_estimate).toBeLessThanOrEqual(1);
  }
  const similar = look_alikes.map(({ similarity }) => similarity);
  expect(similar).toEqual([...similar].sort((a, b) => b - a));
  // At 0.9 people are in pieces: the most alike pair is one person, who was never there twice at a time.
  expect(look_alikes[0]).toMatchObject({ together: false });
  expect(similar[0]).toBeGreaterThan(0.5);
  const one = listClusters.output.parse(await ask(['clusters', EP, '--cluster', 'Unknown-1']));
  expect(one.clusters).toEqual(clusters.slice(0, 1));
  for (const pair of one.look_alikes) expect([pair.a, pair.b]).toContain('Unknown-1');
});

test('CLU-04, CLU-07, CLU-08: the threshold with its reason, and how many people others would give', async () => {
  await ask(['run', 'episode', EP, ...SETTINGS]);
  const { cluster_threshold } = getDiagnostics.output.parse(await ask(['diagnostics', EP]));
  expect(cluster_threshold).toMatchObject({ mode: 'auto', reason: expect.stringMatching(/\w+ \w+/) });
  const counts = cluster_threshold.candidates.map(({ clusters }) => clusters);
  expect(new Set(counts).size).toBeGreaterThan(3);
  const file = JSON.parse(readFileSync(join(manifests, 'cluster_threshold.json'), 'utf8'));
  expect(file).toMatchObject({ chosen: cluster_threshold.chosen, expected_purity: cluster_threshold.expected_purity });
  await ask(['run', 'episode', EP, ...STRICT]);
});

test('CAT-24, SCR-01, SCR-03, SCR-04, SCR-08: totals and intervals are the same on the command line, in files and twice over', async () => {
  const { rows, timeline, ...about } = getScreenTime.output.parse(await ask(['show', EP, '--timeline']));
  expect(about).toMatchObject({ episode: EP, show: 'rows', season: 1, number: 1, run_id: second.run_id });
  expect(about.models).toEqual({ detector: second.detector, embedder: second.embedder, tracker: second.tracker });
  expect(rows.map(({ person, visual_s }) => ({ person, visual_s }))).toEqual(
    second.screen_time.map(({ person, visual_s }) => ({ person, visual_s })),
  );
  for (const { person, visual_s } of rows) {
    const own = timeline.filter((row) => row.person === person);
    expect(own.reduce((sum, row) => sum + row.end_ms - row.start_ms, 0)).toBeCloseTo(visual_s * 1000, 3);
    for (const { track_ids } of own) expect(track_ids.length).toBeGreaterThan(0);
  }
  const one = getScreenTime.output.parse(await ask(['show', EP, '--person', 'Unknown-2']));
  expect(one.rows.map(({ person }) => person)).toEqual(['Unknown-2']);
  for (const argv of [[], ['--table', 'timeline'], ['--format', 'json']]) {
    const write = async () => {
      const { path } = exportScreenTime.output.parse(await ask(['export', EP, '--overwrite', ...argv]));
      return readFileSync(path, 'utf8');
    };
    expect(await write()).toBe(await write());
  }
});

test('JOB-07, JOB-08, JOB-12, TRK-10: a finished job is on record, and progress.json says so', async () => {
  const progress = Progress.parse(JSON.parse(readFileSync(join(manifests, 'progress.json'), 'utf8')));
  expect(progress).toMatchObject({ phase: 'done', detector: first.detector, tracker: 'bytetrack', device: 'cpu' });
  const { jobs } = getEpisode.output.parse(await ask(['episode', EP]));
  expect(jobs).toContainEqual(expect.objectContaining({ run_id: first.run_id, state: 'succeeded', error: null }));
  const file = JSON.parse(readFileSync(join(home, 'jobs', EP, `${first.run_id}.json`), 'utf8'));
  expect(JobRecord.parse(file)).toEqual(file);
});
