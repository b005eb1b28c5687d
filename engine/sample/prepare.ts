import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ComposeOptions, composeEpisode, type Sample, samplePaths } from './compose.ts';
import { type Composition, loadComposition } from './composition.ts';
import { SampleTruth } from './truth.ts';

export interface PrepareOptions extends Omit<ComposeOptions, 'out'> {
  /** A scene list of config/sample: the episode of `npm start`, or the shorter one of the tests. */
  readonly name?: 'episode' | 'test';
}

/** The sample in `<home>/sample/`: composed on first use, and again only when its scenes or labels have changed. */
export async function prepareSample(
  home: string,
  { name = 'episode', ...options }: PrepareOptions = {},
): Promise<Sample> {
  const composition = loadComposition(name);
  const out = join(home, 'sample');
  return (await existing(composition, out)) ?? composeEpisode(composition, { ...options, out });
}

async function existing(composition: Composition, out: string): Promise<Sample | undefined> {
  const { video, truthPath } = samplePaths(out, composition.name);
  try {
    const truth = SampleTruth.parse(JSON.parse(await readFile(truthPath, 'utf8')));
    const { size } = await stat(video);
    return truth.composition_sha256 === composition.sha256 && size > 0 ? { video, truth, truthPath } : undefined;
  } catch {
    return undefined; // not there, half there, or of another version: compose it
  }
}
