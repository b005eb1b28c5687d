import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Engine, openEngine } from '#engine/engine.ts';
import { seedModels } from '#engine/facebank/add-seeds.ts';
import { facebankFor } from '#engine/facebank/bank.ts';
import { dot } from '#engine/math/vectors.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import { temporaryHome } from '../support/home.ts';
import { testConfig } from '../support/run.ts';
import { sharedFolder, skipWithoutShared } from '../support/shared.ts';
import { countStarts } from '../support/starts.ts';

const shared = sharedFolder() ?? '';
const cast = join(shared, 'media/facebank/friends');
const weights = join(shared, 'models');
const skip = skipWithoutShared('a bank of real cast photos, in several models') || !existsSync(cast);
const home = temporaryHome();
const opened: Engine[] = [];
afterAll(() => Promise.all(opened.map((engine) => engine.close())));

/** The same home, asked for other models. */
function engineWith(detector: string, embedder: string): Engine {
  const accepted_licences = [detector, embedder, 'arcface_mobilefacenet'];
  const over = { detection: { detector }, recognition: { embedder } };
  const { config, origin } = testConfig(home, over);
  const chosen = detector === 'auto' ? {} : { models: { ...config.models, mirror: weights, accepted_licences } };
  const engine = openEngine({ config: { ...config, ...chosen }, origin });
  opened.push(engine);
  return engine;
}

/** Mean cosine of seeds of one person, and of two. */
async function likeness(engine: Engine) {
  const bank = await facebankFor(engine, 'somewhere', await seedModels(engine));
  const seeds = (bank?.people ?? []).flatMap(({ person_id, seeds: own }) =>
    own.map((seed) => ({ person_id, ...seed })),
  );
  const pairs = seeds.flatMap((a, i) =>
    seeds.slice(i + 1).map((b) => ({ same: a.person_id === b.person_id, s: dot(a.vector, b.vector) })),
  );
  const mean = (same: boolean) => {
    const own = pairs.filter((pair) => pair.same === same);
    return own.reduce((sum, { s }) => sum + s, 0) / own.length;
  };
  return { bank, same: mean(true), different: mean(false) };
}

test.skipIf(skip)(
  'a folder of real cast photos: all are taken, nobody is confused, people are told apart',
  async () => {
    const engine = engineWith('auto', 'auto');
    const caller = { surface: 'cli' as const, engine, signal: new AbortController().signal };
    const done = await runTool(addSeeds, { paths: [cast] }, caller);
    const pictures = readdirSync(cast, { recursive: true, encoding: 'utf8' }).filter((name) => /\.jpg$/.test(name));
    expect(pictures.length).toBeGreaterThan(8);
    expect(done).toMatchObject({ added: pictures.length, rejected: 0, warnings: [], confused_with: [] });
    const { bank, same, different } = await likeness(engine);
    expect(bank?.people).toHaveLength(4);
    expect(same).toBeGreaterThan(different + 0.25);
    const started = await countStarts(async () => expect((await likeness(engine)).same).toBe(same));
    expect(started).toEqual({ programs: [], threads: 0 }); // nothing is opened: vectors are remembered
  },
);

test.skipIf(skip)('another embedder and another detector see the same seeds anew, from what was kept', async () => {
  const engine = engineWith('yunet', 'arcface_mobilefacenet');
  const { bank, same, different } = await likeness(engine);
  expect(bank).toMatchObject({ detector_id: 'yunet', model_id: 'arcface_mobilefacenet' });
  expect(bank?.people.flatMap(({ seeds }) => seeds).map(({ vector }) => vector.length)).toEqual(Array(12).fill(128));
  expect(same).toBeGreaterThan(different + 0.35);
  // What the detector of the seeds would have cut gives other vectors: it was really found anew.
  const kept = await likeness(engineWith('mediapipe_face_full', 'arcface_mobilefacenet'));
  const first = (of: typeof kept) => of.bank?.people[0]?.seeds[0]?.vector as Float32Array;
  const agreement = dot(first(kept), first(await likeness(engine)));
  expect(agreement).toBeGreaterThan(0.7);
  expect(agreement).toBeLessThan(0.9999);
  // Both embedders as one: between what each alone makes of the same pictures.
  const faceres = await likeness(engineWith('yunet', 'faceres'));
  const joint = await likeness(engineWith('yunet', 'faceres_arcface'));
  expect(joint.bank?.people.flatMap(({ seeds }) => seeds).map(({ vector }) => vector.length)).toEqual(
    Array(12).fill(1024 + 128),
  );
  for (const kind of ['same', 'different'] as const)
    expect(joint[kind]).toBeCloseTo((faceres[kind] + (kind === 'same' ? same : different)) / 2, 1);
});
