import { ScreenalyticsError } from '#engine/core/errors.ts';
import { correct } from '#engine/corrections/correct.ts';
import { undoChange } from '#engine/corrections/undo.ts';
import { openEngine } from '#engine/engine.ts';
import { testConfig } from './run.ts';

/**
 * A process of its own that corrects an episode: `node correct-process.ts HOME EPISODE PERSON TRACK...`. Assigns each track, one change
 * after another, and undoes every third. Prints the id of each change that was acknowledged, and `undone` after those that were undone.
 */
const [home = '', ep_id = '', person = '', ...tracks] = process.argv.slice(2);
const by = { actor: person, surface: 'cli' as const };
const engine = openEngine(testConfig(home));
for (const [i, track] of tracks.entries()) {
  const { change_id } = await patiently(() => correct(engine, by, ep_id, { act: 'assign', person, targets: [track] }));
  if (i % 3 === 2) await patiently(() => undoChange(engine, by, change_id));
  process.stdout.write(`${track} ${change_id} ${i % 3 === 2 ? 'undone' : 'done'}\n`);
}
await engine.close();

/** Five attempts are made inside; a crowd may need more. */
async function patiently<T>(work: () => Promise<T>, more = 10): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const crowded = error instanceof ScreenalyticsError && error.code === 'CHANGE_CONFLICT';
    if (!crowded || more === 0) throw error;
    return patiently(work, more - 1);
  }
}
