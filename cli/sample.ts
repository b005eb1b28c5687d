import { z } from 'zod';
import { snapshot } from '#engine/core/progress.ts';
import { sampleClip, type TrueClip } from '#engine/eval/clips.ts';
import { type IdentificationScore, scoreIdentification } from '#engine/eval/identification.ts';
import { identifiedFaces } from '#engine/eval/identified-faces.ts';
import { type ScreenTimeScore, scoreScreenTime } from '#engine/eval/screen-time.ts';
import { seenLabels } from '#engine/eval/seen-labels.ts';
import { type NamedRun, openNamed } from '#engine/review/open-review.ts';
import { CAST_PHOTOS, prepareCast } from '#engine/sample/cast.ts';
import type { Sample } from '#engine/sample/compose.ts';
import { loadComposition } from '#engine/sample/composition.ts';
import { prepareSample } from '#engine/sample/prepare.ts';
import { type Caller, readInput, runTool } from '#mcps/kit/run-tool.ts';
import { overrideInputs } from '#mcps/screenalytics/overrides.ts';
import { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { listLowConfidenceTracks } from '#mcps/screenalytics/tools/list-low-confidence-tracks.ts';
import { runStage } from '#mcps/screenalytics/tools/run-stage.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import type { Command, Session } from './commands.ts';
import { percent, runText, seconds } from './render.ts';
import { reviewText } from './review.ts';
import { facts, type Look, table } from './table.ts';

const SHOW = 'sample';
const NUMBERS = { episode: 1, test: 2 } as const;
const QUESTIONS = 3;

const input = z.object({
  name: z.enum(['episode', 'test']).default('episode').describe('Which composition: about a minute, or a short one'),
  fresh: z.boolean().default(false).describe('Make everything again, also what is cached'),
  ...overrideInputs,
});

/** The whole product on a video whose truth is known: composed from real photos, its cast seeded from two of them, run like any other file, compared at the end. */
export const sampleCommand: Command = {
  words: ['run', 'sample'],
  about:
    'Makes a sample episode and a cast from real photos, runs it, and compares names and screen time with the truth.',
  input,
  everyday: true,
  run: async (raw, session) => {
    const { name, ...options } = readInput('run_sample', input, raw);
    const { engine, signal } = session;
    const sample = await prepareSample(engine.config.home, { name, signal, progress: composing(name, session) });
    const caller = { surface: 'cli' as const, ...session };
    const place = { show: SHOW, season: 1, number: NUMBERS[name] };
    const bank = await castOf(caller, place);
    const run = await runTool(runStage, { source: sample.video, ...place, ...options }, caller);
    const { timeline } = await runTool(getScreenTime, { episode: run.episode, timeline: true }, caller);
    const labels = [...new Set(timeline.map((row) => row.person))];
    const predicted = labels.map((label) => ({ label, spans: timeline.filter((row) => row.person === label) }));
    const named = await openNamed(engine, run.episode);
    const clip = sampleClip(sample);
    const seen = seenLabels(clip, named.run, named.identities.pieces);
    const score = scoreScreenTime(predicted, sample.truth.people, { seen });
    const names = scoreNames(clip, named, { name, sample, cast: bank.cast });
    const queue = await runTool(listLowConfidenceTracks, { episode: run.episode, limit: QUESTIONS }, caller);
    return {
      output: {
        ...run,
        sample: { video: sample.video, truth: sample.truthPath, ...score, seeds: bank.seeds, names, queue },
      },
      ok: true,
      text: (look) =>
        [
          runText(run, look),
          '',
          sampleText(score, sample, look),
          '',
          namesText(names, bank),
          '',
          'Questions that are worth an answer:',
          reviewText(queue, look),
        ].join('\n'),
    };
  },
};

/** The sample's season, and a facebank of people out of two of the six photos: the others' people stay unknown. */
async function castOf(caller: Caller, { show, season, number }: { show: string; season: number; number: number }) {
  await runTool(saveCatalog, { kind: 'show', show, title: 'The sample' }, caller);
  await runTool(saveCatalog, { kind: 'season', show, season }, caller);
  const { folder } = await prepareCast(caller.engine.config.home, loadComposition('episode').people);
  const { results } = await runTool(addSeeds, { paths: [folder], show, season }, caller);
  await runTool(saveCatalog, { kind: 'episode', show, season, number, title: 'Composed from photos' }, caller);
  const seeds = results.map(({ file, person, seed_id, code, detail }) => ({ file, person, seed_id, code, detail }));
  const kept = seeds.filter(({ seed_id }) => seed_id !== null);
  return { folder, seeds, cast: new Set(kept.map(({ person }) => person)) };
}

export interface NamesScore {
  /** All faces of the sample. */
  readonly all: IdentificationScore;
  /** Only those in other photos than the seeds were cut from. */
  readonly elsewhere: IdentificationScore;
}

/** Whether the right names stand on the faces, by the composed truth; an Unknown is right for who has no seed. */
function scoreNames(
  clip: TrueClip,
  { run, identities }: NamedRun,
  { name, sample, cast }: { name: 'episode' | 'test'; sample: Sample; cast: ReadonlySet<string> },
): NamesScore {
  const people = new Map(identities.rows.map((row) => [row.person_id, row.label]));
  const nameOf = (person_id: string | null) => (person_id === null ? null : (people.get(person_id) ?? null));
  const faces = identifiedFaces(clip, run, identities.pieces, { nameOf });
  const { scenes } = loadComposition(name);
  const photoAt = (at_ms: number) =>
    scenes[sample.truth.shots.findIndex(({ start_ms, end_ms }) => at_ms >= start_ms && at_ms < end_ms)]?.photo ?? '';
  const elsewhere = faces.filter(({ at_ms }) => !CAST_PHOTOS.some((photo) => photo === photoAt(at_ms)));
  return { all: scoreIdentification(faces, cast), elsewhere: scoreIdentification(elsewhere, cast) };
}

function namesText(
  { all, elsewhere }: NamesScore,
  { folder, seeds, cast }: Awaited<ReturnType<typeof castOf>>,
): string {
  const known = elsewhere.by_person.filter((row) => row.seeded);
  const misnamed = new Set(all.confusions.map(({ person }) => person));
  const strangers = all.by_person.filter((row) => !row.seeded && !misnamed.has(row.person)).length;
  return facts([
    ['facebank', `${cast.size} people, from ${folder}`],
    ...seeds.flatMap(({ seed_id, person, detail }) =>
      seed_id === null ? [['refused', `${person}: ${detail}`] as const] : [],
    ),
    [
      'right names',
      `${percent(all.accuracy)} of ${seconds(all.face_s)} face-seconds; ${percent(all.precision)} of all names given are right`,
    ],
    [
      'in other photos',
      known.map((row) => `${row.person} ${percent(row.accuracy)}`).join(', ') || 'nobody of the cast',
    ],
    ['left unknown', `${strangers} people without a seed, never given a name`],
  ]);
}

function sampleText(score: ScreenTimeScore, files: { video: string; truthPath: string }, look: Look): string {
  const people = score.people.map((row) => [
    row.person,
    row.label ?? 'nobody',
    seconds(row.true_ms / 1000),
    seconds(row.predicted_ms / 1000),
    row.error === null ? null : percent(row.error),
  ]);
  const left = score.unmatched.map((row) => ['nobody', row.label, seconds(0), seconds(row.predicted_ms / 1000), null]);
  return [
    table(['truth', 'found as', 'true', 'found', 'error'], [...people, ...left], look),
    '',
    facts([
      ['error', `${percent(score.error_mean)} on average, ${percent(score.error_worst)} at worst`],
      ['visible time F1', score.visible.f1.toFixed(3)],
      ['sample', files.video],
      ['its truth', files.truthPath],
    ]),
  ].join('\n');
}

/** Frames composed, as progress of the same form as a run's. */
function composing(name: 'episode' | 'test', session: Session): (done: number, total: number) => void {
  const started = performance.now();
  const facts = {
    phase: 'compose',
    episode: `${SHOW}-s01e0${NUMBERS[name]}`,
    fps_detected: loadComposition(name).fps,
    analyzed_fps: 0,
  };
  const nothing = { device: 'cpu', detector: '-', tracker: '-' };
  return (frames_done, frames_total) => {
    if (frames_done % 25 !== 0 && frames_done !== frames_total) return;
    const elapsed_sec = (performance.now() - started) / 1000;
    session.progress(snapshot({ ...facts, ...nothing, frames_done, frames_total, elapsed_sec }));
  };
}
