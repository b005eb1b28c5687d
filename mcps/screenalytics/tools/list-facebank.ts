import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';
import { seedModels } from '#engine/facebank/add-seeds.ts';
import { confusedPairs, wholeBank } from '#engine/facebank/look-alikes.ts';
import { seedSheet } from '#engine/facebank/sheet.ts';
import { poseOf } from '#engine/facebank/status.ts';
import { type Person, requirePerson } from '#engine/store/people.ts';
import { activeSeeds, castOfSeason, type StoredSeed } from '#engine/store/seeds.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { OF_MODELS } from '#mcps/kit/tool-errors.ts';
import { Gates, gatesOf, Models, Pair, PersonStatus, peopleStatus, seasonInputs, seasonOf } from '../facebank.ts';
import { afterOf, next, pageOf } from '../paging.ts';

const PEOPLE_MAX = 200;
const PAIRS_MAX = 20;
const SEEDS_MAX = 60;

const Seed = z.object({
  /** Its number on the sheet. */
  n: z.int(),
  seed_id: z.string(),
  origin: z.enum(['photo', 'track']),
  /** File name, or episode and face. */
  source: z.string(),
  detector: z.string(),
  score: z.number(),
  size_px: z.number(),
  yaw_deg: z.number(),
  pose: z.string(),
  sharpness: z.number(),
  quality: z.number(),
  added_by: z.string(),
  added_at: z.string(),
});

export const listFacebank = defineTool({
  name: 'list_facebank',
  title: 'Facebank',
  description:
    'Who can be recognised: per person seeds, whether they suffice, which photos to add, consent and retention; and who is easily taken for whom. `person` adds the seeds and a contact sheet, `detailed` poses and sizes.',
  effect: 'read',
  details: ['person_id', 'poses', 'sizes', 'advice', 'featured_seed', 'gates', 'models'],
  errors: [...OF_MODELS, 'PERSON_NOT_FOUND', 'SHOW_NOT_FOUND', 'SEASON_NOT_FOUND'],
  example: { person: 'Ada Bell' },
  input: z.object({
    person: z.string().min(1).optional().describe('Only this person, with the seeds'),
    ...seasonInputs,
    limit: z.int().min(1).max(SEEDS_MAX).default(12).describe(`Seeds a page (1-${SEEDS_MAX})`),
    cursor: z.string().min(1).optional().describe('The `next` of the page before'),
  }),
  output: z.object({
    people: z.array(PersonStatus),
    people_omitted: z.int(),
    seeds: z.array(Seed),
    next,
    /** A picture of the seeds of this page, with their numbers. */
    sheet: z.string().nullable(),
    /** Who is easily taken for whom, worst first. */
    confused: z.array(Pair),
    gates: Gates,
    models: Models,
  }),
  run: async (input, { engine }) => {
    const season = await seasonOf(engine, input);
    const db = await engine.db();
    const cast = season && new Set(await castOfSeason(db, season.show, season.number));
    const person = input.person === undefined ? undefined : await requirePerson(db, input.person);
    const people = await peopleStatus(engine, person === undefined ? cast : new Set([person.person_id]));
    const models = await seedModels(engine);
    const pairs = confusedPairs(engine, await wholeBank(engine, models), models);
    const ids = new Set(people.map(({ person_id }) => person_id));
    return {
      people: people.slice(0, PEOPLE_MAX),
      people_omitted: Math.max(0, people.length - PEOPLE_MAX),
      ...(person === undefined ? { seeds: [], next: null, sheet: null } : await seedsPage(engine, person, input)),
      confused: pairs.filter(({ a, b }) => ids.has(a) || ids.has(b)).slice(0, PAIRS_MAX),
      gates: gatesOf(engine),
      models: { detector: models.detector.id, embedder: models.embedder.id },
    };
  },
});

/** In the order in which they were added, so that numbers stay. */
async function seedsPage(
  engine: EngineReader,
  person: Person,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
) {
  const what = `seeds ${person.person_id}`;
  const after = afterOf(what, cursor);
  const when = (seed: StoredSeed) => [seed.created_at.toISOString(), seed.source_name, seed.seed_id].join(' ');
  const found = await activeSeeds(await engine.db(), [person.person_id]);
  const all = found.sort((a, b) => (when(a) < when(b) ? -1 : 1));
  if (cursor !== undefined && after >= all.length) {
    const fields = [{ field: 'cursor', problem: 'lies beyond the last seed; begin anew without it' }];
    throw new ScreenalyticsError('INPUT_INVALID', { fields });
  }
  const numbered = all.map((seed, i) => ({ seed, n: i + 1 })).filter(({ n }) => n > after);
  const page = pageOf(what, numbered, limit, ({ n }) => n);
  const [first] = page.rows;
  const shown = page.rows.map(({ seed }) => seed);
  const key = await seedSheet(engine, person, shown, first?.n);
  return {
    seeds: page.rows.map(({ seed, n }) => {
      const { seed_id, origin, source_name, detector, score, size_px, yaw_deg, sharpness, quality } = seed;
      const added = { added_by: seed.actor, added_at: seed.created_at.toISOString() };
      const values = { score, size_px, yaw_deg, pose: poseOf(yaw_deg), sharpness, quality };
      return { n, seed_id, origin, source: source_name, detector, ...values, ...added };
    }),
    next: page.next,
    sheet: key === undefined ? null : engine.blobs.pathOf(key),
  };
}
