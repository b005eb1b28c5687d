import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { addSeeds as add, removeSeeds, seedModels } from '#engine/facebank/add-seeds.ts';
import { exportBank, SEEDS_FILE } from '#engine/facebank/exchange.ts';
import { isAddress } from '#engine/net/with-fetched.ts';
import { requirePerson } from '#engine/store/people.ts';
import { defineTool, waitInput } from '#mcps/kit/tool.ts';
import { OF_MODELS } from '#mcps/kit/tool-errors.ts';
import { allowedPath } from '../export-path.ts';
import { addedAnswer, addedOutput, gatesOf, seasonInputs, seasonOf, watchOf } from '../facebank.ts';

const LIST_MAX = 500;

export const addSeeds = defineTool({
  name: 'add_seeds',
  title: 'Add photos to the facebank',
  description:
    'Adds photos to the facebank: of one person, or a folder with a sub-folder per person. Each passes the same gates; look-alikes are reported. Or `remove` takes seeds out, or `export_to` writes the bank.',
  effect: 'write',
  errors: [
    ...OF_MODELS,
    'MEDIA_NOT_FOUND',
    'URL_REFUSED',
    'URL_FAILED',
    'PERSON_NOT_FOUND',
    'SHOW_NOT_FOUND',
    'SEASON_NOT_FOUND',
    'SEED_NOT_FOUND',
    'NO_FACEBANK',
    'CHANGE_CONFLICT',
  ],
  example: { paths: ['photos/ada-1.jpg', 'photos/ada-2.jpg'], person: 'Ada Bell' },
  input: z.object({
    paths: z
      .array(z.string().min(1))
      .max(LIST_MAX)
      .optional()
      .describe('Pictures (jpg, png, webp), https addresses, or folders; without `person` one sub-folder per person'),
    person: z.string().trim().min(1).max(200).optional().describe('Whose pictures they are; created if new'),
    pick: z
      .array(z.string())
      .max(LIST_MAX)
      .optional()
      .describe('Which face of a picture with several, from the left: photo.jpg#2'),
    ...seasonInputs,
    remove: z.array(z.string().min(1)).max(LIST_MAX).optional().describe('Seed ids to take out instead'),
    export_to: z.string().min(1).optional().describe('Folder to write the bank to instead, as facebank/<person>/'),
    ...waitInput,
  }),
  long: {
    waits: () => true,
    anywhere: ({ paths, export_to, ...input }) => ({
      ...input,
      ...(paths && { paths: paths.map((path) => (isAddress(path) ? path : resolve(path))) }),
      ...(export_to !== undefined && { export_to: resolve(export_to) }),
    }),
    result: ({ added, rejected, affected }) => ({ added, rejected, affected }),
  },
  output: z.object({
    ...addedOutput,
    /** Seeds that were taken out. */
    removed: z.array(z.string()),
    exported: z.object({ folder: z.string(), people: z.int(), files: z.int() }).nullable(),
  }),
  run: async (input, { engine, by, signal, progress }) => {
    const { paths = [], person, remove = [], export_to } = input;
    mustBeOne([paths.length > 0, remove.length > 0, export_to !== undefined]);
    const season = await seasonOf(engine, input);
    if (export_to !== undefined) {
      await allowedPath(join(export_to, SEEDS_FILE), 'json', engine.config.home);
      const person_id = person === undefined ? undefined : (await requirePerson(await engine.db(), person)).person_id;
      const models = await seedModels(engine);
      const exported = await exportBank(engine, { folder: export_to, season, person_id }, models);
      return { ...nothing(gatesOf(engine)), exported };
    }
    if (remove.length > 0) {
      const { change_id, affected } = await removeSeeds(engine, by, remove);
      return { ...nothing(gatesOf(engine)), change_id, affected: [...affected], removed: remove };
    }
    const request = { paths, person, picks: input.pick ?? [], season };
    const made = await add(engine, by, request, watchOf(signal, progress));
    return { ...(await addedAnswer(engine, made)), removed: [], exported: null };
  },
});

function mustBeOne(given: readonly boolean[]): void {
  if (given.filter(Boolean).length === 1) return;
  const problem = 'give either pictures or folders (paths), or `remove`, or `export_to`';
  throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'paths', problem }] });
}

function nothing(gates: ReturnType<typeof gatesOf>) {
  const none = {
    results: [],
    created: [],
    cast: [],
    warnings: [],
    confused_with: [],
    people: [],
    affected: [],
    removed: [],
  };
  return {
    status: 'done' as const,
    change_id: null,
    added: 0,
    rejected: 0,
    ...none,
    gates,
    models: null,
    exported: null,
  };
}
