import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { Config } from './schema.ts';

const here = dirname(fileURLToPath(import.meta.url));
export const projectRoot = dirname(here);

/** Section of the configuration -> file that holds its defaults. */
const FILES = {
  sampling: 'pipeline/sampling.yaml',
  scene: 'pipeline/scene.yaml',
  detection: 'pipeline/detection.yaml',
  tracking: 'pipeline/tracking.yaml',
  faces: 'pipeline/faces.yaml',
  recognition: 'pipeline/recognition.yaml',
  clustering: 'pipeline/clustering.yaml',
  facebank: 'pipeline/facebank.yaml',
  openset: 'pipeline/openset.yaml',
  confusion: 'pipeline/confusion.yaml',
  review: 'pipeline/review.yaml',
  screen_time: 'pipeline/screen_time_v2.yaml',
  storage: 'storage.yaml',
  lifecycle: 'lifecycle.yaml',
  services: 'services.yaml',
  policy: 'policy.yaml',
  analytics: 'analytics.yaml',
  agents: 'agents.sdk.yaml',
  models: 'models.yaml',
} as const;

/** The installation's own defaults, in its home folder. */
export const HOME_CONFIG = 'config.yaml';

type Tree = { [key: string]: unknown };
type Layer = readonly [name: string, values: Tree];

export class ConfigProblem extends Error {
  override readonly name = 'ConfigProblem';
}

/** Each value of the configuration together with where it came from: `config`, `home`, a file, the environment, or a flag. */
export interface Loaded {
  config: Config;
  origin: Map<string, string>;
}

/**
 * Defaults, then the home's own (`set_config`), then the user's own file (`SCREENALYTICS_CONFIG`), then the environment,
 * then `overrides`. Later wins; the whole is checked once, a misspelt key is an error with its path, and the result is frozen.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, overrides: Tree = {}): Loaded {
  const base = defaults();
  const above: Layer[] = [...userFile(env), ['environment', fromEnv(env)], ['flag', overrides]];
  // Whoever may say where the home is has to be asked before the home's own file can be.
  const { home }: Tree = Object.assign({}, base, ...above.map(([, layer]) => layer));
  const own: Layer[] = typeof home === 'string' ? [['home', readHomeConfig(home)]] : [];
  return load([['config', base], ...own, ...above], own.length === 0 ? '' : join(String(home), HOME_CONFIG));
}

/** What would hold with `tree` as the home's own defaults and nothing above them; refuses what does not fit. */
export function checkHomeConfig(tree: Tree): Loaded {
  return load([
    ['config', defaults()],
    ['home', tree],
  ]);
}

/** The home's own defaults as they stand in its file; empty without one. */
export function readHomeConfig(home: string): Tree {
  const file = join(home, HOME_CONFIG);
  if (!existsSync(file)) return {};
  const tree = readYaml(file);
  if (!isTree(tree)) throw new ConfigProblem(`${file}: sections with keys are wanted`);
  if ('home' in tree) throw new ConfigProblem(`${file}: home cannot be set in the home itself`);
  return tree;
}

function load(layers: readonly Layer[], homeFile = ''): Loaded {
  const origin = new Map<string, string>();
  let merged: Tree = {};
  for (const [name, layer] of layers) {
    for (const path of leaves(layer)) origin.set(path, name);
    merged = merge(merged, layer) as Tree;
  }
  const parsed = Config.safeParse(merged);
  if (parsed.success) return { config: freeze(parsed.data), origin };
  const wrong = parsed.error.issues.flatMap(keysOf);
  const ours = homeFile !== '' && [...origin].some(([path, from]) => from === 'home' && wrong.some(isAbout(path)));
  throw new ConfigProblem(`${z.prettifyError(parsed.error)}${ours ? `\n  in ${homeFile}` : ''}`);
}

function keysOf(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key].join('.'));
  return [path.join('.')];
}

/** Whether a wrong key is the leaf at `path`, or holds it. */
function isAbout(path: string): (wrong: string) => boolean {
  return (wrong) => path === wrong || path.startsWith(`${wrong}.`);
}

/** The same configuration with some values replaced for one run; checked again as a whole. */
export function overrideConfig(
  loaded: Pick<Loaded, 'config'> & { origin: ReadonlyMap<string, string> },
  overrides: Tree,
): Loaded {
  const parsed = Config.safeParse(merge(loaded.config, overrides));
  if (!parsed.success) throw new ConfigProblem(z.prettifyError(parsed.error));
  const origin = new Map([...loaded.origin, ...leaves(overrides).map((path): [string, string] => [path, 'flag'])]);
  return { config: freeze(parsed.data), origin };
}

function defaults(): Tree {
  const sections = Object.entries(FILES).map(([name, file]) => [name, readYaml(join(here, file))]);
  return {
    home: join(projectRoot, '.screenalytics'),
    database_url: null,
    redis_url: null,
    analytics_url: null,
    ...Object.fromEntries(sections),
  };
}

function userFile(env: NodeJS.ProcessEnv): Layer[] {
  const file = env.SCREENALYTICS_CONFIG;
  if (file === undefined || file === '') return [];
  if (!existsSync(file)) throw new ConfigProblem(`SCREENALYTICS_CONFIG names a file that does not exist: ${file}`);
  return [[file, readYaml(file)]];
}

/** Only places and secrets come from the environment; thresholds belong in files. */
function fromEnv(env: NodeJS.ProcessEnv): Tree {
  const home = env.SCREENALYTICS_HOME;
  const url = env.DATABASE_URL || env.DB_URL;
  const analytics = env.DATABASE_ANALYTICS_URL;
  const redis = env.REDIS_URL;
  const mirror = env.SCREENALYTICS_MODELS_MIRROR;
  const profile = env.SCREENALYTICS_PROFILE;
  const endpoint = env.OPENAI_BASE_URL;
  return {
    ...(home && { home: isAbsolute(home) ? home : resolve(home.replace(/^~(?=\/|$)/, homedir())) }),
    ...(url && { database_url: url }),
    ...(analytics && { analytics_url: analytics }),
    ...(redis && { redis_url: redis }),
    ...(mirror && { models: { mirror: resolve(mirror) } }),
    ...(profile && { services: { profile } }),
    ...(endpoint && { agents: { endpoint: { base_url: endpoint } } }),
  };
}

function readYaml(file: string): Tree {
  try {
    return (parse(readFileSync(file, 'utf8')) ?? {}) as Tree;
  } catch (error) {
    throw new ConfigProblem(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(base: unknown, over: unknown): unknown {
  if (!isTree(base) || !isTree(over)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, key in over ? (key in base ? merge(base[key], over[key]) : over[key]) : base[key]]),
  );
}

function leaves(tree: Tree, path = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return isTree(value) ? leaves(value, at) : [at];
  });
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) freeze(each);
    Object.freeze(value);
  }
  return value;
}
