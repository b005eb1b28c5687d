import { cpSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fillIn } from '#agents/evals/paths.ts';
import { type Prepared, readStarts, type Scenario } from '#agents/evals/scenario.ts';
import { loadConfig } from '#config/load.ts';
import type { ProfileName } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { stopWorker } from '#engine/queue/worker-process.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { servers } from '../mcp.ts';
import type { Material } from './material.ts';

type Tree = { [key: string]: unknown };

export interface Place {
  /** Homes are made below it. */
  readonly folder: string;
  readonly material: Material;
  /** Above the operator's own configuration: sections with keys. */
  readonly over?: Readonly<Record<string, Tree>>;
  /** Puts into an empty home what is to be there before a start is made in it. */
  lay?(home: string, start: Start): void;
}

export interface Homes {
  /** A home that stands as this start, for one scenario. */
  take(start: Start, signal: AbortSignal): Promise<string>;
  /** After it; `untouched`: it stands so still, and is good for another one. */
  giveBack(home: string, start: Start, untouched: boolean): Promise<void>;
  /** Takes away what is left. */
  close(): Promise<void>;
}

type Start = Scenario['start'];

/** Each start is made once, by calls at the door, and copied while no database is open in it. */
export function openHomes(place: Place): Homes {
  const made = new Map<Start, Promise<string>>();
  const free: { readonly home: string; readonly start: Start }[] = [];
  let copies = 0;
  return {
    async take(start, signal) {
      const known = free.findIndex((each) => each.start === start);
      const [again] = known < 0 ? [] : free.splice(known, 1);
      if (again !== undefined) return again.home;
      const first = made.get(start) ?? make(place, start, signal);
      made.set(start, first);
      const home = join(place.folder, `home-${++copies}`);
      cpSync(await first, home, { recursive: true }); // takes a twentieth of what `cp` of promises takes
      return home;
    },
    async giveBack(home, start, untouched) {
      if (untouched) free.push({ home, start });
      else await removeHome(home);
    },
    async close() {
      for (const { home } of free.splice(0)) await removeHome(home);
    },
  };
}

async function make(place: Place, start: Start, signal: AbortSignal): Promise<string> {
  const home = join(place.folder, `start-${start}`);
  await mkdir(home, { recursive: true });
  place.lay?.(home, start);
  const calls = (await readStarts())[start];
  if (calls.length === 0) return home;
  const engine = openEngine(configOf(place, home, { profile: 'operator' }));
  try {
    await askAll(engine, calls, { start: place.material, prepare: {} }, signal);
  } finally {
    await engine.close();
    await stopWorker(home);
    await stopOwner(home);
  }
  return home;
}

async function removeHome(home: string): Promise<void> {
  await stopWorker(home);
  await stopOwner(home);
  await rm(home, { recursive: true, force: true });
}

interface Wanted {
  readonly profile: ProfileName;
  /** Of a recording; absent: as configured. */
  readonly base_url?: string;
}

/** The operator's own configuration in that home, but never their database. */
export function configOf({ over = {} }: Place, home: string, { profile, base_url }: Wanted) {
  return loadConfig(process.env, {
    ...over,
    ...{ home, database_url: null, redis_url: null },
    services: { log: 'silent', ...over.services, profile },
    ...(base_url !== undefined && { agents: { endpoint: { base_url, api: 'responses' } } }),
  });
}

export type Roots = Readonly<{ start: Material; prepare: Record<string, unknown> }>;

/** Calls as the operator, one after another; what has an id is put into `roots.prepare`. */
export async function askAll(engine: Engine, calls: readonly Prepared[], roots: Roots, signal: AbortSignal) {
  for (const { id, call, with: input } of calls) {
    const answer = await ask(engine, call, fillIn(input, roots), signal);
    if (id !== undefined) roots.prepare[id] = answer;
  }
}

/** One call at the door as the operator, who agrees to what is asked. */
export function ask(engine: Engine, name: string, input: unknown, signal: AbortSignal): Promise<unknown> {
  const tool = toolNamed(name);
  if (tool === undefined) throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'call', problem: name }] });
  return runTool(tool, input, { engine, signal, surface: 'cli', confirm: async () => 'yes' });
}

/** Of any of our servers. */
export function toolNamed(name: string): AnyTool | undefined {
  const tools: readonly AnyTool[] = Object.values(servers).flatMap((each): readonly AnyTool[] => each.tools);
  return tools.find((each) => each.name === name);
}
