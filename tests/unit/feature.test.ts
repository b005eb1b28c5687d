import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { loadFeaturePolicy } from '#config/features.ts';
import { projectRoot } from '#config/load.ts';
import { documentsOutOfPlace } from '../../cli/feature/documents.ts';
import { listFeatures, newFeature, requireFeature, type Workshop } from '../../cli/feature/features.ts';
import { gatesOf } from '../../cli/feature/gates.ts';
import { featureCommands } from '../../cli/feature.ts';
import vitestConfig from '../../vitest.config.ts';
import { canMakeTerminals, TerminalSession } from '../support/pty.ts';

const policy = loadFeaturePolicy(projectRoot);

/** A project of its own with one commit, whose gates are `gates`. */
function project(gates: Workshop['policy']['gates'] = []) {
  const root = mkdtempSync(join(tmpdir(), 'sa-feature-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: 'pipe' });
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  const commit = () => {
    git('add', '-A');
    git('-c', 'user.name=Test', '-c', 'user.email=test@example.org', 'commit', '-qm', 'x');
    return git('rev-parse', 'HEAD').trim();
  };
  git('init', '-q');
  write('docs/a.md', 'a');
  write('README.md', 'a');
  const first = commit();
  const shop: Workshop = { root, policy: { ...policy, gates }, today: '2030-01-01' };
  return { root, shop, write, commit, first };
}

// PRM-04
test('a feature has its parts, an owner and thirty days, and no day more', () => {
  const { root, shop, write } = project();
  expect(listFeatures(shop)).toEqual([]);
  expect(newFeature(shop, 'sound', 'Ada: "the first"')).toBe('FEATURES/sound');
  for (const part of ['src', 'tests', 'docs/README.md', 'TODO.md'])
    expect(existsSync(join(root, 'FEATURES/sound', part)), part).toBe(true);
  expect(() => newFeature(shop, 'sound', 'Ben')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  const about = { name: 'sound', owner: 'Ada: "the first"', created: '2030-01-01', until: '2030-01-31' };
  expect(listFeatures({ ...shop, today: '2030-01-31' })).toMatchObject([{ ...about, expired: false, problems: [] }]);
  const late = listFeatures({ ...shop, today: '2030-02-01' });
  expect(late).toMatchObject([{ ...about, expired: true, problems: [/dropped by 2030-01-31: Ada/] }]);
  write('FEATURES/sound/TODO.md', 'whose?');
  expect(requireFeature(shop, 'sound').problems).toEqual([expect.stringMatching(/TODO\.md/)]);
  expect(() => requireFeature(shop, 'other')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

// POL-01, POL-02
test('documents of the product and a feature that is still there do not change together', () => {
  const { root, shop, write, commit, first } = project();
  write('docs/a.md', 'b');
  expect(documentsOutOfPlace(shop)).toEqual([]); // the product's own work
  newFeature(shop, 'sound', 'Ada');
  write('docs/errors.md', 'made from the code');
  expect(documentsOutOfPlace(shop)).toEqual([expect.stringMatching(/^docs\/a\.md .* FEATURES\/sound\/docs\/$/)]);
  const second = commit();
  expect(documentsOutOfPlace(shop)).toEqual([]);
  expect(documentsOutOfPlace(shop, first)).toHaveLength(1);
  write('mcps/storage/README.md', 'new');
  expect(documentsOutOfPlace(shop, second)).toEqual([]); // that feature was not touched since
  write('FEATURES/sound/docs/README.md', 'b');
  expect(documentsOutOfPlace(shop, second)).toEqual([expect.stringMatching(/^mcps\/storage\/README\.md /)]);
  rmSync(join(root, 'FEATURES/sound'), { recursive: true });
  expect(documentsOutOfPlace(shop, first)).toEqual([]);
  mkdirSync(join(root, 'FEATURES/other'), { recursive: true });
  for (const since of ['no-such-branch', '--output=x'])
    expect(() => documentsOutOfPlace(shop, since)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

test('PRM-06: the walls keep the product, and other features, from what is not promoted yet', () => {
  const { root, write } = project();
  write('tsconfig.json', '{}');
  write('FEATURES/sound/src/a.ts', 'export const a = 1;');
  write('FEATURES/sound/tests/a.ts', "import { a } from '../src/a.ts';\nexport const b = a;");
  write('FEATURES/other/src/b.ts', "import { a } from '../../sound/src/a.ts';\nexport const b = a;");
  write('engine/c.ts', "import { a } from '../FEATURES/sound/src/a.ts';\nexport const c = a;");
  const depcruise = join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const config = join(projectRoot, '.dependency-cruiser.cjs');
  const argv = [depcruise, '--config', config, '--output-type', 'json', 'engine', 'FEATURES'];
  const { stdout } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8' });
  const { summary } = Cruised.parse(JSON.parse(stdout));
  expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort()).toEqual([
    'features-are-strangers: FEATURES/other/src/b.ts -> FEATURES/sound/src/a.ts',
    'no-feature-in-the-product: engine/c.ts -> FEATURES/sound/src/a.ts',
  ]);
});
const Violation = z.object({ rule: z.object({ name: z.string() }), from: z.string(), to: z.string() });
const Cruised = z.object({ summary: z.object({ violations: z.array(Violation) }) });

test('PRM-07: new, promote and status are commands, and status by its older name, too', () => {
  const words = featureCommands.map((command) => command.words.join(' '));
  expect(words).toEqual(['feature new', 'feature promote', 'feature status', 'feature lint-status']);
  expect(featureCommands[3]?.run).toBe(featureCommands[2]?.run);
});

test('its tests are among those that are run, else its gate could not be passed', () => {
  const { success, data } = Runs.safeParse(vitestConfig);
  expect(success).toBe(true);
  const globs = data?.test.projects.flatMap(({ test: { include } }) => include) ?? [];
  expect(globs.some((glob) => matchesGlob(`${policy.folder}/sound/tests/deep/a.test.ts`, glob))).toBe(true);
});
const Include = z.object({ test: z.object({ include: z.array(z.string()) }) });
const Runs = z.object({ test: z.object({ projects: z.array(Include) }) });

// PRM-03, PRM-05, PRM-08
test('every gate is looked at; what passes all a person moves at a terminal, whole and with its rows', async ({
  skip,
}) => {
  const command = `"${process.execPath}" -e "process.exit(require('fs').existsSync('{folder}/src/a.ts') ? 0 : 1)"`;
  const { root, shop, write } = project([{ name: 'tests', command }]);
  newFeature(shop, 'sound', 'Ada');
  const states = () =>
    Object.fromEntries(gatesOf(shop, requireFeature(shop, 'sound')).map(({ name, state }) => [name, state]));
  const all = { 'folders and time': 'passed', files: 'passed', 'to do': 'passed', tests: 'passed' };
  const passed = { ...all, 'docs of settings': 'passed', acceptance: 'passed', review: 'open' };
  expect(states()).toEqual({ ...passed, files: 'failed', 'to do': 'failed', tests: 'failed', acceptance: 'failed' });
  write('FEATURES/sound/src/a.ts', '');
  write('FEATURES/sound/src/sound.yaml', 'loudness: { floor_db: -40 }');
  write('FEATURES/sound/tests/a.test.ts', '// SND-01: it hears');
  write('FEATURES/sound/acceptance.yaml', 'SND-01: tests/a.test.ts\nSND-02: tests/a.test.ts');
  const todo = join(root, 'FEATURES/sound/TODO.md');
  writeFileSync(todo, readFileSync(todo, 'utf8').replaceAll('- [ ]', '- [x]'));
  expect(states()).toEqual({ ...passed, 'docs of settings': 'failed', acceptance: 'failed' });
  write('FEATURES/sound/docs/README.md', '`loudness` has `floor_db`');
  write('FEATURES/sound/acceptance.yaml', 'SND-01: tests/a.test.ts');
  expect(states()).toEqual(passed);

  write('docs/acceptance.yaml', '# old\nOLD-01: tests/old.test.ts\n');
  const script = join(import.meta.dirname, '../support/promote-process.ts');
  const words = (to: string) => [process.execPath, script, root, 'sound', to];
  // As what an agent starts: without a terminal of its own.
  const [node = '', ...rest] = words('engine/sound');
  const child = spawn(node, rest, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  expect((await text(child.stdout)).trim()).toBe('APPROVAL_NEEDS_TERMINAL');
  expect(existsSync(join(root, 'FEATURES/sound/src/a.ts'))).toBe(true);
  if (!canMakeTerminals()) return skip('no terminals here');
  const at = async (to: string) => {
    const session = new TerminalSession(words(to), {});
    session.type((await session.until(/Type (\d{6}) to agree/))[1] ?? '');
    return (await session.ended).text;
  };
  write('engine/there/a.ts', '');
  for (const to of ['../engine/x', 'engine/there', '']) {
    const { text } = await new TerminalSession(words(to), {}).ended; // nobody is asked first
    expect(text, to).toContain('INPUT_INVALID');
  }
  expect(await at('engine/sound')).toContain('FEATURES/sound/src -> engine/sound');
  expect(existsSync(join(root, 'FEATURES/sound'))).toBe(false);
  for (const file of ['engine/sound/a.ts', 'tests/sound/a.test.ts', 'docs/sound/README.md'])
    expect(existsSync(join(root, file)), file).toBe(true);
  const matrix = readFileSync(join(root, 'docs/acceptance.yaml'), 'utf8');
  expect(matrix).toBe('# old\nOLD-01: tests/old.test.ts\nSND-01: tests/sound/a.test.ts\n');
});
