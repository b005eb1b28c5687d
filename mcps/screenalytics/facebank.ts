import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { ConfusionPair } from '#engine/core/identities.ts';
import { snapshot } from '#engine/core/progress.ts';
import type { EngineReader } from '#engine/engine.ts';
import type { Added, Watch } from '#engine/facebank/add-seeds.ts';
import { SEED_CODES } from '#engine/facebank/gates.ts';
import { type SeedStatus, statusOf } from '#engine/facebank/status.ts';
import { requireSeason, type Season } from '#engine/store/catalog.ts';
import { listPeople, type Person } from '#engine/store/people.ts';
import { activeSeeds } from '#engine/store/seeds.ts';
import type { ToolProgress } from '#mcps/kit/tool.ts';

export const seasonInputs = {
  show: z.string().min(1).optional().describe('Show, with season'),
  season: z.int().min(0).max(999).optional().describe('Season number, with show'),
};

/** The season that was named, or undefined; both parts or neither. */
export async function seasonOf(
  engine: EngineReader,
  { show, season }: { show?: string | undefined; season?: number | undefined },
): Promise<Season | undefined> {
  if (show === undefined && season === undefined) return undefined;
  if (show !== undefined && season !== undefined) return requireSeason(await engine.db(), show, season);
  const field = show === undefined ? 'show' : 'season';
  throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem: 'show and season go together' }] });
}

/** One picture or face, and how it ended. */
const Result = z.object({
  /** As it was given, or a face of an episode. */
  file: z.string(),
  person: z.string(),
  /** Of the new seed, or of the one that it repeats. */
  seed_id: z.string().nullable(),
  code: z.enum(SEED_CODES),
  /** What was measured, and what is asked for. */
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  detail: z.string(),
  /** All faces of the picture, from left to right: `pick` names one as file#n. */
  faces: z.array(
    z.object({ n: z.int(), box_px: z.tuple([z.number(), z.number(), z.number(), z.number()]), score: z.number() }),
  ),
});

export const PersonStatus = z.object({
  person: z.string(),
  person_id: z.string(),
  seeds: z.int(),
  /** Enough seeds of several poses and sizes. */
  ready: z.boolean(),
  poses: z.record(z.string(), z.int()),
  sizes: z.object({ small: z.int(), large: z.int() }),
  /** What keeps the person from being ready. */
  missing: z.array(z.string()),
  advice: z.array(z.string()),
  consent: z.enum(['unknown', 'given', 'withdrawn']),
  /** yyyy-mm-dd */
  retain_until: z.string().nullable(),
  featured_seed: z.string().nullable(),
});
export type PersonStatus = z.output<typeof PersonStatus>;

export const Pair = ConfusionPair;
export const Gates = z.object({
  min_conf: z.number(),
  min_face_px: z.number(),
  blur_min: z.number().nullable(),
  ready_seeds: z.int(),
});
export const Models = z.object({ detector: z.string(), embedder: z.string() });

/** What both tools that add seeds answer. */
export const addedOutput = {
  status: z.literal('done'),
  /** Null when nothing was accepted. */
  change_id: z.string().nullable(),
  added: z.int(),
  rejected: z.int(),
  results: z.array(Result),
  /** People who were not there before. */
  created: z.array(z.string()),
  /** People who are new in the season's cast. */
  cast: z.array(z.string()),
  /** New seeds that look like somebody else's, or unlike their person's others. They are kept: `remove` takes one out. */
  warnings: z.array(
    z.object({
      file: z.string(),
      person: z.string(),
      other: z.string().nullable(),
      probability: z.number().nullable(),
      detail: z.string(),
    }),
  ),
  /** People of this call who are easily taken for somebody, worst first. */
  confused_with: z.array(Pair),
  /** How the people of this call stand now. */
  people: z.array(PersonStatus),
  /** Episodes that were identified anew. */
  affected: z.array(z.string()),
  gates: Gates,
  models: Models.nullable(),
};

export async function addedAnswer(engine: EngineReader, made: Added) {
  const results = made.results.map((result) => ({ ...result, faces: [...result.faces] }));
  const added = results.filter(({ code }) => code === 'added');
  const names = new Set(added.map(({ person }) => person));
  return {
    status: 'done' as const,
    change_id: made.change_id,
    added: added.length,
    rejected: results.length - added.length,
    results,
    created: [...made.created],
    cast: [...made.cast],
    warnings: made.warnings,
    confused_with: made.pairs,
    people: (await peopleStatus(engine)).filter(({ person }) => names.has(person)),
    affected: [...made.affected],
    gates: gatesOf(engine),
    models: { detector: made.models.detector.id, embedder: made.models.embedder.id },
  };
}

export function gatesOf({ config }: EngineReader): z.output<typeof Gates> {
  const { min_conf, min_face_px, blur_min, ready_seeds } = config.facebank;
  return { min_conf, min_face_px, blur_min, ready_seeds };
}

/** Everybody, or those of `ids`, with how their seeds stand; by name. */
export async function peopleStatus(engine: EngineReader, ids?: ReadonlySet<string>): Promise<PersonStatus[]> {
  const db = await engine.db();
  const people = (await listPeople(db)).filter(({ person_id }) => ids?.has(person_id) ?? true);
  const seeds = Map.groupBy(await activeSeeds(db), ({ person_id }) => person_id);
  return people.map((person) =>
    rowOf(person, statusOf(seeds.get(person.person_id) ?? [], person.consent, engine.config.facebank)),
  );
}

function rowOf({ name, person_id, consent, retain_until, featured_seed }: Person, status: SeedStatus): PersonStatus {
  const { seeds, ready, poses, sizes, missing, advice } = status;
  return {
    ...{ person: name, person_id, seeds, ready, poses: { ...poses }, sizes: { ...sizes }, missing, advice },
    ...{ consent, retain_until, featured_seed },
  };
}

/** Pictures judged, as progress of the same form as a run's. */
export function watchOf(signal: AbortSignal, progress: (now: ToolProgress) => void): Watch {
  const started = performance.now();
  const nothing = { fps_detected: 0, analyzed_fps: 0, device: '-', detector: '-', tracker: '-' };
  return {
    signal,
    progress(frames_done, frames_total, file) {
      const elapsed_sec = Math.round((performance.now() - started) / 100) / 10;
      const now = snapshot({ ...nothing, phase: 'seeds', episode: '-', frames_done, frames_total, elapsed_sec });
      progress({ ...now, line: `picture ${Math.min(frames_done + 1, frames_total)} of ${frames_total} • ${file}` });
    },
  };
}
