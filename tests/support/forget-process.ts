import { forgetPerson } from '#engine/erasure/erasures.ts';
import { requireErasable } from '#engine/store/people.ts';
import { dying } from './dying.ts';
import { forgetEngine, MOMENTS } from './forget-world.ts';

/** A process of its own that forgets a person, and dies at a moment of that: `node forget-process.ts HOME PERSON MOMENT`. */
const [home = '', person = '', moment = ''] = process.argv.slice(2);
const engine = forgetEngine(home);
const whom = await requireErasable(await engine.db(), person);
const when = MOMENTS[moment]?.(home, whom.person_id);
if (when === undefined) throw new Error(`no such moment: ${moment}`);
await forgetPerson(dying(engine, when), { actor: 'operator', surface: 'cli' }, whom, null);
await engine.close();
