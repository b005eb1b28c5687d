import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sceneStarts, shots } from './camera.ts';
import { type Composition, photoOf, readPhoto } from './composition.ts';
import { startEncoder } from './encode.ts';
import { film, frameBytes, openSubject, type Subject } from './picture.ts';
import { type SampleTruth, truthOf } from './truth.ts';

export interface ComposeOptions {
  /** Folder for `<name>.mp4` and `<name>.truth.json`; made when missing. */
  readonly out: string;
  readonly signal?: AbortSignal;
  readonly progress?: (frames_done: number, frames_total: number) => void;
}

/** A composed episode and what is true of it. */
export interface Sample {
  readonly video: string;
  readonly truth: SampleTruth;
  readonly truthPath: string;
}

/**
 * Films the composition's photos into a video. Both files appear whole or not at all, the truth last: where the truth is, the
 * video is too.
 */
export async function composeEpisode(composition: Composition, options: ComposeOptions): Promise<Sample> {
  await mkdir(options.out, { recursive: true });
  const { video, truthPath } = samplePaths(options.out, composition.name);
  const partVideo = join(options.out, `.${composition.name}.${process.pid}.part.mp4`);
  const partTruth = `${partVideo}.json`;
  const truth = truthOf(composition);
  try {
    await filmAll(composition, partVideo, options);
    await writeFile(partTruth, `${JSON.stringify(truth)}\n`);
    await rm(truthPath, { force: true }); // an older truth must not stand beside the new video
    await rename(partVideo, video);
    await rename(partTruth, truthPath);
  } finally {
    await Promise.all([rm(partVideo, { force: true }), rm(partTruth, { force: true })]);
  }
  await stat(video);
  return { video, truth, truthPath };
}

export function samplePaths(folder: string, name: string): { video: string; truthPath: string } {
  return { video: join(folder, `${name}.mp4`), truthPath: join(folder, `${name}.truth.json`) };
}

async function filmAll(composition: Composition, out: string, { signal, progress }: ComposeOptions): Promise<void> {
  signal?.throwIfAborted();
  const subjects = await openSubjects(composition);
  const { width, height } = composition;
  const total = sceneStarts(composition).at(-1) ?? 0;
  // Two frames: one is filmed while ffmpeg takes the other.
  let [next, taken] = [new Uint8Array(frameBytes(width, height)), new Uint8Array(frameBytes(width, height))];
  const encoder = startEncoder(composition, out);
  try {
    let writing = Promise.resolve();
    for (const { frame, photo, view, gain } of shots(composition)) {
      signal?.throwIfAborted();
      film(subjects.get(photo) as Subject, view, width, height, gain, next);
      await writing;
      writing = encoder.write(next);
      writing.catch(() => {}); // awaited at the next frame
      [next, taken] = [taken, next];
      progress?.(frame + 1, total);
    }
    await writing;
    await encoder.end();
  } catch (error) {
    encoder.kill();
    throw error;
  }
}

async function openSubjects(composition: Composition): Promise<Map<string, Subject>> {
  const subjects = new Map<string, Subject>();
  for (const file of new Set(composition.scenes.map((scene) => scene.photo))) {
    const jpeg = readPhoto(composition.people, photoOf(composition.people, file));
    subjects.set(file, await openSubject(jpeg, composition));
  }
  return subjects;
}
