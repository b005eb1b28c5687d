import { expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigProblem, loadConfig, overrideConfig } from '#config/load.ts';
import { overrideInputs, toConfigTree } from '#mcps/screenalytics/overrides.ts';

const loaded = loadConfig({});
const input = z.strictObject(overrideInputs);

test('every override names a key that the configuration has', () => {
  for (const [name, schema] of Object.entries(overrideInputs)) {
    const key = String(schema.meta()?.['x-config']);
    expect(loaded.origin.has(key), `${name} -> ${key}`).toBe(true);
    expect(schema.description, name).toBeTruthy();
  }
});

test('what is given replaces its key and nothing else, and says that a flag did it', () => {
  const given = input.parse({ fps: 0, stride: 3, save_frames: true, cluster_threshold: 0.4, device: 'cpu' });
  const { config, origin } = overrideConfig(loaded, toConfigTree(given));
  expect(config).toEqual({
    ...loaded.config,
    sampling: { ...loaded.config.sampling, fps: 0, stride: 3 },
    storage: { ...loaded.config.storage, save_frames: true },
    clustering: { ...loaded.config.clustering, threshold: 0.4 },
    services: { ...loaded.config.services, device: 'cpu' },
  });
  const flagged = [...origin].filter(([, from]) => from === 'flag').map(([key]) => key);
  expect(flagged.sort()).toEqual([
    'clustering.threshold',
    'sampling.fps',
    'sampling.stride',
    'services.device',
    'storage.save_frames',
  ]);
});

test('nothing given changes nothing', () => {
  expect(toConfigTree(input.parse({}))).toEqual({});
  expect(overrideConfig(loaded, {}).config).toEqual(loaded.config);
});

test('limits are those of the configuration', () => {
  expect(input.safeParse({ scene_threshold: 2.1 }).success).toBe(false);
  expect(input.safeParse({ stride: 0 }).success).toBe(false);
  expect(input.safeParse({ device: 'tpu' }).success).toBe(false);
  expect(input.safeParse({ workers: 'auto', scene_warmup_dets: 30 }).success).toBe(true);
});

test('a tree that does not fit is refused with its path, and the loaded configuration stays frozen', () => {
  expect(() => overrideConfig(loaded, { sampling: { fsp: 3 } })).toThrow(ConfigProblem);
  expect(() => overrideConfig(loaded, { sampling: { fsp: 3 } })).toThrow(/fsp/);
  expect(Object.isFrozen(overrideConfig(loaded, { sampling: { fps: 3 } }).config.sampling)).toBe(true);
});
