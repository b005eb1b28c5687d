import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigProblem, loadConfig } from '#config/load.ts';
import { temporaryHome } from '../support/home.ts';

/** A home and, beside nothing else, what its own file and the user's file say. */
function layered(own: string, user?: object) {
  const home = temporaryHome({ empty: true });
  const file = join(home, 'config.yaml');
  writeFileSync(file, own);
  const mine = join(home, 'my.yaml');
  if (user !== undefined) writeFileSync(mine, JSON.stringify(user));
  const env = { SCREENALYTICS_HOME: home, ...(user !== undefined && { SCREENALYTICS_CONFIG: mine }) };
  return { home, file, mine, env };
}

test('config < home < own file < environment < flag, and each value says which of them it is from', () => {
  const own = 'sampling: { fps: 1, stride: 2 }\nfaces: { top_k: 3 }\ndatabase_url: postgres://home\n';
  const { home, mine, env } = layered(own, { sampling: { stride: 4 }, faces: { top_k: 5 } });
  const url = { DATABASE_URL: 'postgres://environment' };
  const { config, origin } = loadConfig({ ...env, ...url }, { faces: { top_k: 6 } });
  expect(config).toMatchObject({ home, sampling: { fps: 1, stride: 4, profile: 'baseline' }, faces: { top_k: 6 } });
  expect(config.database_url).toBe(url.DATABASE_URL);
  const from = ['sampling.profile', 'sampling.fps', 'sampling.stride', 'database_url', 'faces.top_k'];
  expect(from.map((key) => origin.get(key))).toEqual(['config', 'home', mine, 'environment', 'flag']);
});

test('the home that the user’s file or a flag names is the one whose file counts', () => {
  const { home, env } = layered('sampling: { fps: 7 }');
  const other = layered('sampling: { fps: 3 }', { home });
  expect(loadConfig({ SCREENALYTICS_CONFIG: other.mine }).config).toMatchObject({ home, sampling: { fps: 7 } });
  expect(loadConfig(env, { home: other.home }).config.sampling.fps).toBe(3);
});

test('a home without a file, or with an empty one, adds nothing', () => {
  const { home, env } = layered('');
  const plain = loadConfig({ SCREENALYTICS_HOME: temporaryHome({ empty: true }) });
  const { config, origin } = loadConfig(env);
  expect(config).toEqual({ ...plain.config, home });
  expect(origin).toEqual(plain.origin);
  expect([...origin.values()]).not.toContain('home');
});

test.each([
  ['YAML that is none', 'sampling: { fps: 1', /config\.yaml/],
  ['a list', '- fps', /sections with keys are wanted/],
  ['a home', 'home: /elsewhere', /home cannot be set in the home itself/],
  ['a misspelt key', 'sampling: { fsp: 1 }', /fsp/],
  ['a value beyond its limits', 'sampling: { fps: -1 }', /sampling\.fps/],
  ['a section that is a number', 'sampling: 3', /sampling/],
])('%s in the home’s file is a problem that names the file', (_, own, problem) => {
  const { file, env } = layered(own);
  const load = () => loadConfig(env);
  expect(load).toThrow(ConfigProblem);
  expect(load).toThrow(problem);
  expect(load).toThrow(file);
});

test('a problem of another layer does not name the home’s file', () => {
  const { env } = layered('sampling: { fps: 1 }', { sampling: { stride: 0 } });
  expect(() => loadConfig(env)).toThrow(/sampling\.stride/);
  expect(() => loadConfig(env)).not.toThrow(/config\.yaml/);
});
