import { z } from 'zod';
import { defineTool } from '#mcps/kit/tool.ts';
import { requireFields, saveInputs } from '../catalog-input.ts';
import { Saved } from '../catalog-output.ts';
import { saveCast, saveFeatured, savePerson } from '../save-people.ts';
import { saveEpisode, saveLegacy, saveSeason, saveShow } from '../save-places.ts';

export const saveCatalog = defineTool({
  name: 'save_catalog',
  title: 'Save in the catalog',
  description:
    'Creates or changes a show, season, episode, the cast of a season, or a featured picture; creates a person (edit_people changes one). Saving the same twice reuses it. legacy moves episodes without a season, listed first.',
  effect: 'write',
  errors: [
    'SHOW_NOT_FOUND',
    'SEASON_NOT_FOUND',
    'EPISODE_NOT_FOUND',
    'PERSON_NOT_FOUND',
    'SEED_NOT_FOUND',
    'CHANGE_CONFLICT',
  ],
  example: { kind: 'cast', show: 'rhobh', season: 5, people: ['Ada Bell', 'Ben Cole'] },
  input: z.object(saveInputs),
  output: Saved,
  run: async (input, { engine, by }) => {
    requireFields(input);
    const db = await engine.db();
    switch (input.kind) {
      case 'show':
        return saveShow(db, by.actor, input);
      case 'season':
        return saveSeason(db, by.actor, input);
      case 'episode':
        return saveEpisode(db, by.actor, input);
      case 'legacy':
        return saveLegacy(db, by.actor, input);
      case 'person':
        return savePerson(engine, by, input);
      case 'cast':
        return saveCast(engine, by, input);
      case 'featured':
        return saveFeatured(engine, by, input);
    }
  },
});
