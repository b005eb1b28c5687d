// `npm run walls`: who may import whom (.dependency-cruiser.cjs). With a TypeScript that it cannot use, dependency-cruiser reads
// nothing and passes in silence: so we also count what it read.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES_MIN = 20;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const rooms = ['config', 'engine', 'mcps', 'agents', 'cli', 'tests', 'FEATURES'].filter((room) =>
  existsSync(join(root, room)),
);
const depcruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
const run = spawnSync(process.execPath, [depcruise, '--output-type', 'json', ...rooms], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 256 * 2 ** 20,
});
if (run.error) throw run.error;

const { modules, summary } = parse(run.stdout);
const own = modules.filter(({ source }) => source.endsWith('.ts') && !source.includes('node_modules/'));
for (const { from, to, rule } of summary.violations) {
  const lesson = summary.ruleSetUsed.forbidden.find(({ name }) => name === rule.name)?.comment ?? '';
  console.error(`${rule.name}: ${from} -> ${to}\n  ${lesson}`);
}
if (own.length <= MODULES_MIN)
  console.error(`walls: only ${own.length} modules were read; is \`typescript\` < 7 installed?`);
if (summary.violations.length > 0 || own.length <= MODULES_MIN) process.exit(1);
console.log(`walls: ${own.length} modules, all in their rooms.`);

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    console.error(run.stderr || text);
    process.exit(1);
  }
}
