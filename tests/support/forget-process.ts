import { forgetPerson } from '#engine/erasure/erasures.ts';
import { requireErasable } from '#engine/store/people.ts';
import { forgetEngine } from './forget-world.ts';

/** A process of its own that forgets a person: `node forget-process.ts HOME PERSON`. Prints `ready` before it begins. */
const [home = '', person = ''] = process.argv.slice(2);
const engine = forgetEngine(home);
const whom = await requireErasable(await engine.db(), person);
process.stdout.write('ready\n');
await forgetPerson(engine, { actor: 'operator', surface: 'cli' }, whom, null);
process.stdout.write('done\n');
await engine.close();
