import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadConfig, projectRoot } from '#config/load.ts';
import type { Progress } from '#engine/core/progress.ts';
import type { RunSummary } from '#engine/core/summary.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { type RunRequest, runEpisode } from '#engine/run-episode.ts';

type Tree = { [key: string]: unknown };

/** Few frames and one worker: what is proved here does not depend on how many, and tests must end. */
const BRIEF: Tree = {
  sampling: { fps: 4, checkpoint_s: 1 },
  services: { device: 'cpu', workers: 1, log: 'silent' },
};

/** A configuration for a home of a test; `over` replaces values of one section each. */
export function testConfig(home: string, over: Record<string, Tree> = {}) {
  const made = join(projectRoot, '.screenalytics', 'models');
  const sections: Tree = { home, ...(existsSync(made) && { models: { mirror: made } }) };
  for (const name of new Set([...Object.keys(BRIEF), ...Object.keys(over)]))
    sections[name] = { ...(BRIEF[name] as Tree | undefined), ...over[name] };
  return loadConfig({}, sections);
}

export interface OneRun {
  readonly summary: RunSummary;
  readonly progress: readonly Progress[];
}

/** One run from opening the engine to closing it, as a process of its own would do it. */
export async function runOnce(
  home: string,
  request: RunRequest,
  over: Record<string, Tree> = {},
  on: { signal?: AbortSignal; progress?: (now: Progress) => void } = {},
): Promise<OneRun> {
  const engine = openEngine(testConfig(home, over));
  const progress: Progress[] = [];
  try {
    const summary = await runEpisode(engine, request, {
      signal: on.signal ?? new AbortController().signal,
      progress(now) {
        progress.push(now);
        on.progress?.(now);
      },
    });
    return { summary, progress };
  } finally {
    await engine.close();
  }
}

/** An engine for one piece of work, as a process of its own would have it. */
export async function withEngineOf<T>(home: string, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = openEngine(testConfig(home));
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/** Every file below `<home>/artifacts` but progress.json, with the hash of its bytes. */
export function publishedFiles(home: string): Record<string, string> {
  const folder = join(home, 'artifacts');
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && each.name !== 'progress.json')
    .map((each) => join(each.parentPath, each.name))
    .sort();
  const sha = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  return Object.fromEntries(files.map((file) => [relative(folder, file), sha(file)]));
}

/** A JSON manifest of an episode without a season. */
export function manifest<T = Record<string, unknown>>(home: string, episode: string, name: string): T {
  return JSON.parse(readFileSync(join(home, 'artifacts', 'manifests', episode, name), 'utf8')) as T;
}

/** The rows of a JSON-lines manifest. */
export function manifestRows<T = Record<string, unknown>>(home: string, episode: string, name: string): T[] {
  const text = readFileSync(join(home, 'artifacts', 'manifests', episode, name), 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
