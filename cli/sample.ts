import { z } from 'zod';
import { snapshot } from '#engine/core/progress.ts';
import { type ScreenTimeScore, scoreScreenTime } from '#engine/eval/screen-time.ts';
import { loadComposition } from '#engine/sample/composition.ts';
import { prepareSample } from '#engine/sample/prepare.ts';
import { readInput, runTool } from '#mcps/kit/run-tool.ts';
import { overrideInputs } from '#mcps/screenalytics/overrides.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { runStage } from '#mcps/screenalytics/tools/run-stage.ts';
import type { Command, Session } from './commands.ts';
import { percent, runText, seconds } from './render.ts';
import { facts, type Look, table } from './table.ts';

const input = z.object({
  name: z.enum(['episode', 'test']).default('episode').describe('Which composition: about a minute, or a short one'),
  fresh: z.boolean().default(false).describe('Make everything again, also what is cached'),
  ...overrideInputs,
});

/** The whole product on a video whose truth is known: composed from real photos, run like any other file, compared at the end. */
export const sampleCommand: Command = {
  words: ['run', 'sample'],
  about: 'Makes a sample episode from real photos, runs it, and compares screen time with the truth.',
  input,
  everyday: true,
  run: async (raw, session) => {
    const { name, ...options } = readInput('run_sample', input, raw);
    const { engine, signal } = session;
    const progress = composing(name, session);
    const sample = await prepareSample(engine.config.home, { name, signal, progress });
    const caller = { surface: 'cli' as const, ...session };
    const request = { source: sample.video, episode: `sample-${name}`, ...options };
    const run = await runTool(runStage, request, caller);
    const { timeline } = await runTool(getScreenTime, { episode: run.episode, timeline: true }, caller);
    const labels = [...new Set(timeline.map((row) => row.person))];
    const predicted = labels.map((label) => ({ label, spans: timeline.filter((row) => row.person === label) }));
    const score = scoreScreenTime(predicted, sample.truth.people);
    return {
      output: { ...run, sample: { video: sample.video, truth: sample.truthPath, ...score } },
      ok: true,
      text: (look) => [runText(run, look), '', sampleText(score, sample, look)].join('\n'),
    };
  },
};

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
    episode: `sample-${name}`,
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
