import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Identities } from '#engine/core/identities.ts';
import { Progress } from '#engine/core/progress.ts';
import { RunPlan, RunSummary } from '#engine/core/summary.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import type { NamesScore } from '../../cli/sample.ts';
import { commandLine } from '../support/command-line.ts';
import { program } from '../support/program.ts';
import { testSample } from '../support/videos.ts';

// One home from the first test to the last: a run that is stopped, finished, shown, planned and exported.
const folder = mkdtempSync(join(tmpdir(), 'screenalytics-cli-sample-'));
const home = join(folder, 'home');
const { start } = commandLine({ cwd: folder, home });
/** Whatever only looks is asked within this process: a start takes longer than its answer. */
const cli = (...argv: string[]) => program(argv, { home });
beforeAll(async () => {
  // What it composes at first is looked at by tests/unit/sample-video.test.ts; here it is there already.
  const { video, truthPath } = await testSample();
  mkdirSync(join(home, 'sample'), { recursive: true });
  for (const file of [video, truthPath]) copyFileSync(file, join(home, 'sample', basename(file)));
});
afterAll(async () => {
  await stopOwner(home);
  rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
});

// A minute of work for a machine that does nothing else.
vi.setConfig({ testTimeout: 300_000 });

const RUN = ['run', 'sample', '--name', 'test', '--fps', '4', '--json'];
const objects = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
/** Two seconds are promised of a quiet machine; this one does other things, too. */
const STOP_MS_MAX = 60_000;

test('a signal stops a run soon, says so, and keeps what is finished', async () => {
  const { child, ended } = start(RUN);
  let asked = 0;
  child.stdout?.on('data', (text: string) => {
    if (asked > 0 || !/"phase":"sweep","frames_done":[1-9]/.test(text.replaceAll(/\s/g, ''))) return;
    asked = performance.now();
    child.kill('SIGTERM');
  });
  const { code, stdout, stderr } = await ended;
  expect(asked, 'the sweep told its progress').toBeGreaterThan(0);
  expect(performance.now() - asked).toBeLessThan(STOP_MS_MAX);
  expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  expect(objects(stdout).at(-1)).toMatchObject({ error: { code: 'CANCELED' } });
});

interface SampleAnswer {
  people: { person: string; true_ms: number }[];
  seeds: { seed_id: string | null }[];
  names: NamesScore;
  queue: { items: unknown[] };
}

let run: RunSummary;

test('ING-19, JOB-09, JOB-10, JOB-11, JOB-18: the same command finishes the run: progress line by line, then the summary beside the truth', async () => {
  const { code, stdout, stderr } = await start(RUN).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = objects(stdout);
  for (const line of lines.slice(0, -1)) expect(Progress.parse(line)).toEqual(line);
  const last = lines.at(-1) as RunSummary & { sample: SampleAnswer };
  run = RunSummary.parse(last);
  expect(run).toMatchObject({ phase: 'done', episode: 'sample-s01e02', analyzed_fps: 4, home });
  expect(last.sample).toMatchObject({ error_mean: expect.any(Number), unmatched_ms: expect.any(Number) });
  const truth = JSON.parse(readFileSync(join(home, 'sample/test.truth.json'), 'utf8'));
  expect(last.sample.people.map((row) => row.person)).toEqual(
    truth.people.map((row: { person: string }) => row.person),
  );
  const { names, seeds, queue } = last.sample;
  expect(seeds.filter(({ seed_id }) => seed_id !== null).length).toBeGreaterThan(1);
  expect(names.all.confusions).toEqual([]);
  const again = names.elsewhere.by_person.filter((row) => row.seeded && row.accuracy > 0.9);
  expect(
    again.map((row) => row.person),
    'found again in another photo',
  ).not.toEqual([]);
  expect(run.identity).toMatchObject({ named: expect.any(Number), unknown: expect.any(Number) });
  expect(queue.items.length).toBeGreaterThan(0);
});

test('show gives the same rows, and a table for people', async () => {
  const json = await cli('show', 'sample-s01e02', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    episode: 'sample-s01e02',
    run_id: run.run_id,
    rows: run.screen_time,
  });
  const { code, stdout } = await cli('show');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^person +seen +95% interval +sure +share +appearances +first +last +tracks\n/);
  expect(stdout.split('\n').filter((line) => /^(Unknown-|Person )/.test(line))).toHaveLength(run.screen_time.length);
});

test('ING-20: a plan says that everything is there, and with other settings what would run', async () => {
  const plan = async (...more: string[]) =>
    RunPlan.parse(JSON.parse((await cli('plan', 'sample-s01e02', '--json', ...more)).stdout));
  expect((await plan('--fps', '4')).stages.filter((stage) => !stage.cached)).toEqual([]);
  const other = await plan('--fps', '2');
  expect(other.stages.filter((stage) => stage.cached).map((stage) => stage.name)).toEqual(['probe', 'cut']);
  expect(other.estimated_s).toBeGreaterThan(0);
});

test('an export is written once, and again only when asked', async () => {
  const path = join(folder, 'people.csv');
  const first = await cli('export', 'sample-s01e02', '--path', path);
  expect(first.code).toBe(0);
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(1 + run.screen_time.length);
  expect(lines[1]?.split(',')[0]).toBe(run.screen_time[0]?.person);
  expect(await cli('export', 'sample-s01e02', '--path', path)).toMatchObject({ code: 2, stdout: '' });
  expect((await cli('export', 'sample-s01e02', '--path', path, '--overwrite')).code).toBe(0);
});

test('the report can be exported as one file', async () => {
  const { code, stdout } = await cli('export', 'sample-s01e02', '--format', 'html', '--json');
  expect(code).toBe(0);
  expect(readFileSync(JSON.parse(stdout).path, 'utf8')).toContain('Person C');
});

test('TGT-07, PRO-01, PRO-05, PRO-07, PRO-10, PRO-12: diagnostics and the episode’s files', async () => {
  const found = JSON.parse((await cli('diagnostics', 'sample-s01e02', '--confidence', '0.7', '--json')).stdout);
  const { counts } = run;
  expect(found.detections).toMatchObject({ kept: counts.detections_kept, raw: counts.detections_raw });
  const { clusters, clusters_omitted } = JSON.parse((await cli('clusters', 'sample-s01e02', '--json')).stdout);
  expect(found.clusters).toBe(clusters.length + clusters_omitted);
  expect(found.clusters, 'several clusters may bear one name').toBeGreaterThanOrEqual(counts.people);
  const kept = found.what_if.detections.map((step: { count: number }) => step.count);
  expect(kept).toEqual([...kept].sort((a, b) => b - a));
  expect(kept[0]).toBe(counts.detections_kept);
  const episode = JSON.parse((await cli('episode', 'sample-s01e02', '--json')).stdout);
  expect(episode.manifests.filter((file: { path: string | null }) => file.path === null)).toEqual([]);

  // The four files that say why, by the schema of the artifact and against one another.
  const file = (name: string) => readFileSync(join(home, run.prefixes.manifests, name), 'utf8');
  const { shape } = Identities;
  const confusion = shape.confusion.unwrap().parse(JSON.parse(file('confusion_matrix.json')));
  expect(confusion.matrix.map((row, i) => row[i])).toEqual(confusion.people.map(() => 1));
  expect(confusion.matrix.map((row, i) => row.map((_, k) => confusion.matrix[k]?.[i]))).toEqual(confusion.matrix);
  const bank = confusion.people.map(({ name }) => name);
  expect(bank).toContain('Person C');
  const key = expect.stringMatching(/^[0-9a-f]{32}$/);
  expect(JSON.parse(file('run.json')).facebank).toEqual({
    key,
    people: bank.length,
    seeds: expect.any(Number),
    without_seeds: [],
  });
  const audit = shape.audit.parse(
    file('id_assign_audit.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  for (const { outcome, label, candidates, threshold } of audit.filter(({ what }) => what === 'cluster')) {
    const [best] = candidates;
    expect(outcome === 'accept').toBe((best?.probability ?? 0) >= threshold && bank.includes(label ?? ''));
  }
  expect(audit.map(({ outcome }) => outcome)).toEqual(expect.arrayContaining(['accept']));
  shape.splits.parse(JSON.parse(file('anchored_split_audit.json')));
  const { chosen, candidates, reason } = JSON.parse(file('cluster_threshold.json'));
  expect(candidates.map(({ threshold }: { threshold: number }) => threshold)).toContain(chosen);
  expect(reason).toMatch(/expected purity/);
});
