import { z } from 'zod';
import { ProfileName, type Rule } from '#config/schema.ts';
import { ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import { canonical, digest } from '#engine/core/stage.ts';
import type { Engine, EngineReader } from '#engine/engine.ts';
import type { Readable } from '#engine/store/db.ts';
import { worldOf } from '#engine/store/proposals.ts';
import { resolveEpisode } from '#engine/store/resolve-episode.ts';
import type { Caller } from './caller.ts';
import { type Call, decide, isAbout, type RuleSet, type Verdict } from './policy.ts';
import type { Effect, Tool, Would } from './tool.ts';

type AnyTool = Tool<z.ZodObject, z.ZodObject, Effect>;
type Input = Record<string, unknown>;

/** The profile that the caller is held to, as the audit names it: its own and the installation's, where these differ. */
export function profileOf(caller: Pick<Caller, 'engine' | 'profile'>): string {
  return profilesOf(caller).join('+');
}

/** That of the installation, and the caller's own. */
export function profilesOf({ engine, profile = [] }: Pick<Caller, 'engine' | 'profile'>): ProfileName[] {
  const own = z.array(ProfileName).parse([profile].flat());
  return [...new Set([engine.config.services.profile, ...own])];
}

/** Every set of rules that has a say: a caller's profile and policies can only make that of the installation stricter. */
function setsOf(caller: Caller): RuleSet[] {
  const { engine, policies = [] } = caller;
  const { policy } = engine.config;
  return [
    ...profilesOf(caller).map((name) => ({ name, rules: policy[name].rules })),
    ...policies.map((set) => ({ ...set, only_tightens: true })),
  ];
}

export interface Judged extends Omit<Verdict, 'counts'> {
  /** Takes back what was counted: of a call that failed. */
  failed(): void;
}

/**
 * What the policy says of this call, and counts it in the same breath, so that of calls at one moment none is overlooked. Evidence and
 * places are looked up only where a rule asks for them.
 */
export async function judge(tool: AnyTool, input: Input, caller: Caller): Promise<Judged> {
  const sets = setsOf(caller);
  const preview = isPreview(tool, input);
  const call: Call = {
    tool: tool.name,
    aspects: aspectsOf(input),
    effect: preview ? 'read' : tool.effect,
    preview: preview && tool.effect !== 'read',
    surface: caller.surface,
    rows: rowsOf(input),
    spent: caller.run_limits ?? new Map(),
  };
  const limits = sets.flatMap(({ rules }) => rules.flatMap((rule) => (isAbout(rule, call) ? (rule.limits ?? []) : [])));
  const place = limits.some(isOfPlace) ? await placeOf(tool, input, caller.engine) : {};
  const facts = limits.some(isOfCertainty) ? await tool.facts?.(input, caller.engine) : undefined;
  const { score, margin } = facts ?? {};
  const { counts, ...verdict } = decide(sets, { ...call, ...place, score, margin });
  count(caller, counts, call.rows);
  return { ...verdict, failed: () => count(caller, counts, -call.rows) };
}

function count({ run_limits }: Caller, keys: readonly string[], rows: number): void {
  for (const key of keys) run_limits?.set(key, (run_limits.get(key) ?? 0) + rows);
}

function aspectsOf(input: Input): string[] {
  const on = Object.entries(input).flatMap(([name, value]) => (value === true ? [name] : []));
  return typeof input.action === 'string' ? [input.action, ...on] : on;
}

/** How many things a call changes, as limits count them: the longest of the lists that name such things. */
function rowsOf({ targets, people, episodes, paths, faces, remove }: Input): number {
  const lists = [targets, people, episodes, paths, faces, remove];
  return Math.max(1, ...lists.map((list) => (Array.isArray(list) ? list.length : 1)));
}

function isPreview(tool: AnyTool, input: Input): boolean {
  return tool.isPreview?.(input) === true;
}

type Limits = NonNullable<Rule['limits']>;

function isOfPlace({ shows, seasons, episodes }: Limits): boolean {
  return [shows, seasons, episodes].some((list) => list !== undefined);
}

function isOfCertainty({ score_min, margin_min }: Limits): boolean {
  return score_min !== undefined || margin_min !== undefined;
}

/** Which show, season and episode a call is about: words that fit an episode are that episode. */
async function placeOf(tool: AnyTool, input: Input, engine: EngineReader): Promise<Partial<Call>> {
  const named = await episodeOf(tool, input, engine);
  if (named !== undefined) {
    const { ep_id, show, season } = await resolveEpisode(await engine.db(), named);
    return { episode: ep_id, show, season };
  }
  return {
    ...(typeof input.show === 'string' && { show: input.show }),
    ...(typeof input.season === 'number' && { season: input.season }),
  };
}

async function episodeOf(tool: AnyTool, input: Input, engine: EngineReader): Promise<string | undefined> {
  if (typeof input.episode === 'string') return input.episode;
  return (await tool.facts?.(input, engine))?.episode;
}

export interface Asked extends Would {
  /** Hash of what the call rests on. */
  readonly state: string;
}

/**
 * What a person is asked, and on what that rests: the tool's own words, and for what can be corrected by others meanwhile (tools that
 * take `expect`) the run and the last change of the episode.
 */
export async function askedOf(tool: AnyTool, input: Input, engine: Engine): Promise<Asked> {
  const would: Would = (await tool.would?.(input, engine)) ?? { change: `${tool.title}: ${canonical(input)}` };
  const db = await engine.db();
  let world: unknown = null;
  if (typeof input.episode === 'string' || 'expect' in tool.input.shape) {
    const named = typeof input.episode === 'string' ? await known(db, input.episode) : undefined;
    world = await worldOf(db, named?.ep_id);
  }
  if (tool.effect === 'destroy' && would.phrase === undefined)
    return { ...would, phrase: 'DELETE ALL', state: digest([would.change, world]) };
  return { ...would, state: digest([would.change, would.phrase ?? null, world]) };
}

/** Files may lie there of an episode that the catalog does not know; its tool judges that. */
async function known(db: Readable, episode: string) {
  return resolveEpisode(db, episode).catch((error: unknown) => {
    if (toKnown(error).code === 'EPISODE_NOT_FOUND') return undefined;
    throw error;
  });
}

/** Denied, in words that say by whom. */
export function denied(tool: AnyTool, caller: Caller, reason: string): ScreenalyticsError {
  return new ScreenalyticsError('POLICY_DENIED', { tool: tool.name, profile: profileOf(caller), reason });
}
