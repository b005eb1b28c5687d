import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { openEngine } from '#engine/engine.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import { dying } from './dying.ts';
import { testConfig } from './run.ts';

/** A process of its own that adds a cast, and dies when `pictures` are there, or `rows`: `node add-cast-process.ts HOME FOLDER MOMENT`. */
const [home = '', folder = '', moment = ''] = process.argv.slice(2);
const engine = openEngine(testConfig(home));
const bank = join(home, 'facebank');
const MOMENTS: Record<string, () => Promise<boolean> | boolean> = {
  pictures: () => existsSync(bank) && readdirSync(bank, { recursive: true, encoding: 'utf8' }).some(isPicture),
  rows: async () => {
    const db = await engine.db();
    return (await db.read((q) => q.query('select from sa.seed limit 1'))).length > 0;
  },
};
const when = MOMENTS[moment];
if (when === undefined) throw new Error(`no such moment: ${moment}`);
const signal = new AbortController().signal;
await runTool(addSeeds, { paths: [folder] }, { engine: dying(engine, when), surface: 'cli', signal });
await engine.close();

function isPicture(name: string): boolean {
  return name.endsWith('.jpg');
}
