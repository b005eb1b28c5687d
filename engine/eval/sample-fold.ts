import type { Span } from '#engine/core/spans.ts';
import { loadComposition } from '../sample/composition.ts';
import type { SampleTruth } from '../sample/truth.ts';

/** When the photos are on screen that seed the people of the composed sample; what else shows them is scored. */
export function sampleFold({ shots }: Pick<SampleTruth, 'shots'>): Span[] {
  const { scenes, people } = loadComposition('episode');
  const photos = people.photos.filter(({ file }) => scenes.some(({ photo }) => photo === file));
  const seeds = seedPhotos(photos.map(({ file, faces }) => ({ file, people: faces.map(({ person }) => person) })));
  return shots.filter((_, i) => seeds.has(scenes[i]?.photo ?? ''));
}

/** One photo of everybody who is in several of them, the first that leaves another one of each of these people. */
export function seedPhotos(photos: readonly { file: string; people: readonly string[] }[]): Set<string> {
  const filesOf = new Map<string, string[]>();
  for (const { file, people } of photos)
    for (const person of people) filesOf.set(person, [...(filesOf.get(person) ?? []), file]);
  const returning = [...filesOf.values()].filter((files) => files.length > 1);
  const chosen = new Set<string>();
  for (const files of returning) {
    if (files.some((file) => chosen.has(file))) continue;
    const leavesOne = (file: string) =>
      returning.every((others) => others.some((other) => other !== file && !chosen.has(other)));
    const file = files.find(leavesOne);
    if (file !== undefined) chosen.add(file);
  }
  return chosen;
}
