import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { intersect, subtract, total, unite } from '#engine/core/spans.ts';
import { Labels, personAt, Truth } from '#engine/eval/labels.ts';
import { sharedFolder, skipWithoutShared } from '../support/shared.ts';

const folder = join(projectRoot, 'tests/evals/labels');
const files = readdirSync(folder);
const skip = skipWithoutShared('labels by eye against the truth files');
const read = (file: string) => Labels.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
const toSpan = ([start_s, end_s]: readonly [number, number]) => ({
  start_ms: Math.round(start_s * 1000),
  end_ms: Math.round(end_s * 1000),
});

function truthOf(labels: Labels): Truth {
  if (labels.truth !== undefined) return labels.truth;
  const file = join(sharedFolder() ?? '', 'media/truth', labels.clip.replace(/\.mp4$/, '.truth.json'));
  return Truth.parse(JSON.parse(readFileSync(file, 'utf8')));
}

test.each(files)('%s: neutral names, areas inside the frame, keys in order inside their span', (file) => {
  const labels = read(file);
  for (const name of labels.people) expect(name).toMatch(/^person_\d$/);
  for (const name of labels.others) expect(name).toMatch(/^other_\d$/);
  for (const face of labels.faces) {
    expect([...labels.people, ...labels.others]).toContain(face.person);
    expect(face.end_s).toBeGreaterThan(face.start_s);
    const times = face.path.map((key) => key.t_s);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(face.start_s);
    expect(times.at(-1)).toBeLessThanOrEqual(face.end_s);
    for (const { region } of face.path) {
      const [x1, y1, x2, y2] = region;
      expect(x1 >= 0 && y1 >= 0 && x2 <= 1 && y2 <= 1 && x2 > x1 && y2 > y1).toBe(true);
    }
  }
});

test.skipIf(skip).each(files)('%s: people stand for the keys of the truth in their order', (file) => {
  const labels = read(file);
  const truth = truthOf(labels);
  const keys = Object.keys(truth.visible);
  expect(labels.people).toHaveLength(keys.length);
  for (const [n, key] of keys.entries()) {
    const labelled = unite(
      labels.faces.filter((face) => face.person === labels.people[n]).map((face) => toSpan([face.start_s, face.end_s])),
    );
    const visible = unite((truth.visible[key] ?? []).map(toSpan));
    const dontcare = unite((truth.visible_dontcare[key] ?? []).map(toSpan));
    // Wherever the truth sees a person there is an area for that face, and no area lies where the truth knows of no one.
    expect(total(subtract(visible, labelled)), `${key} is visible without an area`).toBe(0);
    const unknown = subtract(labelled, unite([...visible, ...dontcare]));
    expect(total(unknown) / Math.max(1, total(labelled)), `${key} has areas where the truth has nobody`).toBeLessThan(
      0.3,
    );
    expect(total(intersect(labelled, [toSpan([0, truth.duration_s])]))).toBe(total(labelled));
  }
});

test('a face moves evenly between two keys, and of two areas the nearer wins', () => {
  const still = (person: string, region: [number, number, number, number]) => ({
    person,
    start_s: 0,
    end_s: 2,
    path: [{ t_s: 0, region }],
  });
  const labels = Labels.parse({
    clip: 'x.mp4',
    method: 'made up',
    people: ['person_1', 'person_2'],
    others: [],
    faces: [
      { ...still('person_1', [0, 0, 0.2, 0.2]), path: [key(0, 0), key(1, 0.4)] },
      still('person_2', [0.3, 0, 0.6, 0.2]),
    ],
  });
  expect(personAt(labels, 0, [0.1, 0.1])).toBe('person_1');
  expect(personAt(labels, 500, [0.1, 0.1])).toBeUndefined(); // it has gone on to 0.2 ... 0.4
  expect(personAt(labels, 500, [0.25, 0.1])).toBe('person_1');
  expect(personAt(labels, 500, [0.38, 0.1])).toBe('person_2');
  expect(personAt(labels, 1900, [0.5, 0.1])).toBe('person_1');
  expect(personAt(labels, 2000, [0.5, 0.1])).toBeUndefined();
});

function key(t_s: number, x: number) {
  return { t_s, region: [x, 0, x + 0.2, 0.2] };
}

test.skipIf(skip)('every labelled clip is there', () => {
  for (const { clip, joined = [`clips/${clip}`] } of files.map(read))
    for (const part of joined) expect(existsSync(join(sharedFolder() ?? '', 'media', part)), part).toBe(true);
});
