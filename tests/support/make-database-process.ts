/** `node make-database-process.ts HOME`: the home's embedded database, made, migrated and closed. */
import process from 'node:process';
import { openEngine } from '#engine/engine.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import { testConfig } from './run.ts';

const [home] = process.argv.slice(2);
if (home === undefined) throw new Error('usage: make-database-process.ts HOME');
const engine = openEngine(testConfig(home));
await engine.db();
await engine.close();
await stopOwner(home);
