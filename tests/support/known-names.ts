import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Truth = z.object({ visible: z.record(z.string(), z.unknown()) });
const Named = z.array(z.object({ person: z.string() }));
const Labels = z.object({ frames: Named, photos: Named });

/** Names of the people in the clips and pictures with truth: none of them may be known to the product. */
export function knownNames(shared: string): string[] {
  const media = join(shared, 'media');
  const read = (path: string): unknown => JSON.parse(readFileSync(join(media, path), 'utf8'));
  const truths = readdirSync(join(media, 'truth')).filter((file) => file.endsWith('.truth.json'));
  const labels = Labels.parse(read('faces/labels.json'));
  const keys = [
    ...truths.flatMap((file) => Object.keys(Truth.parse(read(`truth/${file}`)).visible)),
    ...[...labels.frames, ...labels.photos].map(({ person }) => person),
    ...readdirSync(join(media, 'facebank'), { recursive: true, encoding: 'utf8' }),
  ];
  // `Man_x(id2,left)`, `friends/Somebody/1.jpg`, `set_somebody`: what is left of each is a name, if it looks like one.
  const names = keys
    .flatMap((key) => key.split(/[/\\(]/))
    .filter((part) => /^[A-Z]|^[a-z]+_[a-z]+$|^[a-z]{5,}$/.test(part));
  const not_names = /\.|^friends$|^README/;
  return [...new Set(names)].filter((name) => !not_names.test(name) && /^[\w ]+$/.test(name));
}
