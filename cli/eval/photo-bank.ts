import type { Loaded } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Facebank } from '#engine/core/identities.ts';
import { openEngine } from '#engine/engine.ts';
import type { Cast } from '#engine/eval/seed-plans.ts';
import { addSeeds, seedModels } from '#engine/facebank/add-seeds.ts';
import { wholeBank } from '#engine/facebank/look-alikes.ts';
import { note } from '../script.ts';

/** Photos of a cast through the facebank's own gates, people by the truth's neutral names. A home that has them already keeps them. */
export async function photoBank(config: Loaded, { folder, person }: Cast, signal: AbortSignal): Promise<Facebank> {
  const engine = openEngine(config);
  try {
    const request = { paths: [folder], person: undefined, season: undefined, picks: [] };
    const by = { actor: 'eval', surface: 'cli' } as const;
    const { results } = await addSeeds(engine, by, request, { signal, progress: () => {} });
    for (const { file, code, detail } of results)
      if (code !== 'added' && code !== 'duplicate') note(`photo ${file}: ${code}, ${detail}`);
    const bank = await wholeBank(engine, await seedModels(engine));
    if (bank === null) throw new ScreenalyticsError('INPUT_INVALID', { folder, problem: 'no photo became a seed' });
    const named = bank.people.map((each) => ({ ...each, name: person.get(each.name) ?? each.name }));
    return { ...bank, people: named };
  } finally {
    await engine.close();
  }
}
