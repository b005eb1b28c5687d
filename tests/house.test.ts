import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { SECRET } from '#agents/guardrails.ts';
import { loadFeaturePolicy } from '#config/features.ts';
import { loadConfig, projectRoot } from '#config/load.ts';
import { FileEntry, JointEntry } from '#config/models.ts';
import { ERRORS } from '#engine/core/errors.ts';
import * as postgres from '#mcps/postgres/tools/index.ts';
import * as screenalytics from '#mcps/screenalytics/tools/index.ts';
import * as storage from '#mcps/storage/tools/index.ts';
import { findCommand } from '../cli/commands.ts';
import { generatedDocs } from '../cli/docs-text.ts';
import { commands } from '../cli/everything.ts';
import { documentsOutOfPlace } from '../cli/feature/documents.ts';
import { listFeatures } from '../cli/feature/features.ts';
import { knownNames } from './support/known-names.ts';
import { sharedFolder, skipWithoutShared } from './support/shared.ts';
import { nodesOf, parse, ROOMS, readText, type SourceFile, textsOf, topTexts } from './support/source-files.ts';

const LINES_MAX = 350;
const product = parse(textsOf(ROOMS));
const tests = parse(textsOf(['tests']));
const code = [...product, ...tests];

/** `path:line` of every node that is so. */
function places(files: readonly SourceFile[], is: (node: ts.Node) => boolean): string[] {
  return files.flatMap((file) =>
    file.nodes
      .filter(is)
      .map((node) => `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`),
  );
}

function strings(node: ts.Node): string[] {
  return ts.isStringLiteralLike(node) ? [node.text] : [];
}

test('the audit reads the house', () => {
  expect(product.length).toBeGreaterThan(100);
  expect(places(product, (node) => ts.isNewExpression(node)).length).toBeGreaterThan(50);
});

// Tools

const servers = Object.entries({ screenalytics, storage, postgres });

test.each(servers)('%s: one tool a file, named like it, and all of them in the list', (server, { tools }) => {
  const folder = `mcps/${server}/tools`;
  const files = product.filter(({ path }) => dirname(path) === folder && !path.endsWith('/index.ts'));
  const found = files.map(({ path, nodes }) => {
    const made = nodes.filter((n) => ts.isCallExpression(n) && n.expression.getText() === 'defineTool');
    const names = nodes.filter(ts.isPropertyAssignment).filter(({ parent }) => made.includes(spreadInto(parent)));
    const name = names.filter((each) => each.name.getText() === 'name').flatMap((each) => strings(each.initializer));
    return { path, made: made.length, name };
  });
  const wanted = tools.map(({ name }) => ({
    path: `${folder}/${name.replaceAll('_', '-')}.ts`,
    made: 1,
    name: [name],
  }));
  const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
  expect(found.sort(byPath)).toEqual(wanted.sort(byPath));
});

/** What an object literal is an argument of, or a part of by `...{}`. */
function spreadInto({ parent }: ts.Node): ts.Node {
  return ts.isSpreadAssignment(parent) ? spreadInto(parent.parent) : parent;
}

test.each(servers)('%s has at most 25 tools, each with a short description and an effect', (_, { served, tools }) => {
  expect(served.length).toBeLessThanOrEqual(25);
  for (const { name, description, effect } of tools) {
    expect(description.length, name).toBeGreaterThan(0);
    expect(description.length, name).toBeLessThanOrEqual(300);
    expect(['read', 'write', 'destroy'], name).toContain(effect);
  }
});

test('AGT-03: storage is of files: of the tables its tools ask for a person by name, and no more', () => {
  const imported = product
    .filter(({ path }) => path.startsWith('mcps/storage/'))
    .flatMap(({ nodes }) => nodes.filter(ts.isImportDeclaration).flatMap((node) => strings(node.moduleSpecifier)));
  const tables = imported.filter((from) => /^#engine\/(store|corrections|facebank|analytics)\//.test(from));
  expect(tables).toEqual(['#engine/store/people.ts']);
  expect(imported).toContain('#engine/blobs/blobs.ts');
});

// Features: config/features.yaml

test('no feature outlives its time, and none changes documents of the product', ({ skip }) => {
  const shop = {
    root: projectRoot,
    policy: loadFeaturePolicy(projectRoot),
    today: new Date().toISOString().slice(0, 10),
  };
  expect(listFeatures(shop).flatMap(({ folder, problems }) => problems.map((why) => `${folder} ${why}`))).toEqual([]);
  if (!existsSync(join(projectRoot, '.git'))) return skip('no repository, so nobody can tell what changed');
  expect(documentsOutOfPlace(shop, process.env.SCREENALYTICS_SINCE)).toEqual([]);
});

test('every row of the acceptance matrix has a test that speaks of it', () => {
  const rows: Record<string, string> = parseYaml(readFileSync(join(projectRoot, 'docs/acceptance.yaml'), 'utf8'));
  expect(Object.keys(rows).length).toBeGreaterThan(10);
  const silent = Object.entries(rows).filter(([row, test]) => !readText(join(projectRoot, test)).text.includes(row));
  expect(silent).toEqual([]);
});

// Code

test('no default exports, no re-exports of whole files, no index.ts but the list of tools', () => {
  const is_default = (node: ts.Node) => ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword;
  const exported = (node: ts.Node) => is_default(node) && !ts.isDefaultClause(node.parent);
  expect(places(code, exported)).toEqual([]);
  expect(places(code, (node) => ts.isExportDeclaration(node) && node.exportClause === undefined)).toEqual([]);
  const barrels = code.filter(({ tree }) =>
    tree.statements.every((each) => ts.isExportDeclaration(each) && each.moduleSpecifier !== undefined),
  );
  expect(barrels.map(({ path }) => path)).toEqual([]);
  const indexes = code.filter(({ path }) => /(^|\/)index\.\w+$/.test(path)).map(({ path }) => path);
  expect(indexes.filter((path) => !/^mcps\/[a-z]+\/tools\/index\.ts$/.test(path))).toEqual([]);
});

test('no `any`, and the type checker is never told to look away', () => {
  expect(places(code, (node) => node.kind === ts.SyntaxKind.AnyKeyword)).toEqual([]);
  const ignored = code.filter(({ text }) =>
    /@ts-(ignore|nocheck|expect-error)/.test(text.replaceAll(/\/@ts-.*\//g, '')),
  );
  expect(ignored.map(({ path }) => path)).toEqual([]);
});

test(`no file of the product is longer than ${LINES_MAX} lines`, () => {
  const long = product.filter(({ text }) => text.split('\n').length - 1 > LINES_MAX);
  expect(long.map(({ path }) => path)).toEqual([]);
});

test('every error code is thrown somewhere', () => {
  const thrown = new Set(
    product.flatMap(({ nodes }) =>
      nodes.flatMap((node) => {
        const is_ours = ts.isNewExpression(node) && node.expression.getText() === 'ScreenalyticsError';
        return is_ours ? nodesOf(node.arguments?.[0] ?? node).flatMap(strings) : [];
      }),
    ),
  );
  expect(Object.keys(ERRORS).filter((each) => !thrown.has(each))).toEqual([]);
});

// Configuration

test('CFG-02, PRO-13: every file of config is read, and every key of it is in the schema', () => {
  const { origin } = loadConfig({}); // a key that the schema does not know is refused there
  const folder = join(projectRoot, 'config');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  const loaders = product.filter(({ path }) => ['config/load.ts', 'config/features.ts'].includes(path));
  const read = new Set(loaders.flatMap(({ nodes }) => nodes.flatMap(strings)));
  expect(files.length).toBeGreaterThan(8);
  expect(files.map((file) => file.replaceAll('\\', '/')).filter((file) => !read.has(file))).toEqual([]);
  expect(origin.size).toBeGreaterThan(50);
});

test('every number of config/pipeline says its unit or reason beside it', () => {
  const bare = textsOf(['config/pipeline']).flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => /:\s*\{?[^#]*\b\d/.test(line) && !/#\s*\S{2,}/.test(line))
      .map((line) => `${path}: ${line}`),
  );
  expect(bare).toEqual([]);
});

test('every model has a licence and a sha256, and so has every file that it is made from', () => {
  const { models } = loadConfig({}).config.models;
  expect(Object.keys(models).length).toBeGreaterThan(2);
  for (const [id, entry] of Object.entries(models)) {
    expect(entry.licence.length, id).toBeGreaterThan(2);
    // Of a joint model the parts have it, which are entries of their own.
    const schema = entry.family === 'joint' ? JointEntry : FileEntry;
    expect(schema.safeParse({ ...entry, licence: undefined }).success, `${id} without licence`).toBe(false);
    if (entry.family === 'joint') continue;
    const made = entry.source.kind === 'package' ? entry.source.files.map((file) => file.sha256) : [];
    for (const sha256 of [entry.sha256, ...made]) expect(sha256, id).toMatch(/^[0-9a-f]{64}$/);
    expect(FileEntry.safeParse({ ...entry, sha256: undefined }).success, `${id} without sha256`).toBe(false);
  }
});

test('CLU-11, POL-04: nothing is tuned for one person: no key of the configuration is about somebody', () => {
  const keys = textsOf(['config'])
    .filter(({ path }) => path.endsWith('.yaml'))
    .flatMap(({ path, text }) => keysOf(parseYaml(text)).map((key) => `${path}: ${key}`));
  expect(keys.length).toBeGreaterThan(100);
  const about =
    /(^|[_.\s])(person|persons|people|cast|identity|identities|character|actor|name|names|overrides?)([_.]|$)/i;
  const allowed = /override_env\.?$/; // of a model's file
  expect(keys.filter((key) => about.test(key) && !allowed.test(key))).toEqual([]);
  // A section may not grow keys of its own choosing: those that may are profiles and models.
  const free = places(product, (node) => ts.isCallExpression(node) && node.expression.getText() === 'z.record');
  expect(free.filter((place) => /^config\/(schema|models)\.ts/.test(place))).toHaveLength(2);
});

function keysOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, each]) => [`${path}${key}`, ...keysOf(each, `${path}${key}.`)]);
}

test.skipIf(skipWithoutShared('whether a name of the truth stands in code or configuration'))(
  'no name of the truth stands in code, configuration or documents',
  () => {
    const names = knownNames(sharedFolder() ?? '');
    expect(names.length).toBeGreaterThan(10);
    const word = new RegExp(`(?<![A-Za-z])(${names.join('|')})(?![A-Za-z])`);
    const texts = [...textsOf([...ROOMS, 'playbooks', 'tests', 'docs']), ...topTexts()];
    const found = texts.flatMap(({ path, text }) => (word.test(text) ? [`${path}: ${word.exec(text)?.[0]}`] : []));
    expect(found).toEqual([]);
  },
);

// What is committed

test('SEC-04: no secret stands in any file', () => {
  const made = ['AKIA', 'ABCDEFGHIJKLMNOP'].join(''); // what it would find
  expect(`key = "${made}"`).toMatch(SECRET);
  const texts = [...textsOf([...ROOMS, 'tests', 'docs', 'playbooks', '.ci', '.vscode']), ...topTexts()];
  expect(texts.filter(({ text }) => SECRET.test(text)).map(({ path }) => path)).toEqual([]);
});

test('no path of one machine, and no registry', () => {
  const texts = [...textsOf([...ROOMS, 'playbooks', 'tests', 'docs', '.ci']), ...topTexts()];
  const own = /(?<![\w.~$}])\/(work|root|Users|home)\/[A-Za-z]\w+|[A-Z]:\\Users/;
  const allowed = /\/path\/to\//;
  const found = texts.flatMap(({ path, text }) => {
    const lines = path === 'tests/house.test.ts' ? [] : text.split('\n');
    return lines.filter((line) => own.test(line) && !allowed.test(line)).map((line) => `${path}: ${line.trim()}`);
  });
  expect(found).toEqual([]);
  const lock = readText(join(projectRoot, 'package-lock.json')).text;
  expect(lock).not.toMatch(/"resolved":/);
  expect(lock).not.toMatch(/registry\.|artifactory|nexus|verdaccio/i);
  expect(readText(join(projectRoot, '.npmrc')).text).not.toMatch(/registry|_auth/i);
});

test('SEC-05: .env.example names every variable that is read, and no other', () => {
  const read = code.flatMap(({ nodes }) => nodes.flatMap(variableOf));
  const { models } = loadConfig({}).config.models;
  const replaced = Object.values(models).flatMap((entry) =>
    entry.family === 'joint' ? [] : (entry.override_env ?? []),
  );
  const npms = /^npm_|^INIT_CWD$|^PATH$/; // set for us, not by people
  const wanted = new Set([...read, ...replaced].filter((name) => !npms.test(name)));
  const example = readText(join(projectRoot, '.env.example')).text;
  const named = [...example.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map((found) => found[1]);
  expect(named.sort()).toEqual([...wanted].sort());
});

/** `process.env.X`, `process.env['X']`, `env.X`, `env['X']`. */
function variableOf(node: ts.Node): string[] {
  if (!ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) return [];
  const from = node.expression.getText();
  if (ts.isElementAccessExpression(node)) return /(^|\.)env$/.test(from) ? strings(node.argumentExpression) : [];
  return /(^|\.)env$/.test(from) && /^[A-Z][A-Z_0-9]*$/.test(node.name.text) ? [node.name.text] : [];
}

// Documents

test.each([...generatedDocs(commands)])('%s is fresh: npm run docs', (path, text) => {
  expect(readFileSync(join(projectRoot, path), 'utf8')).toBe(text);
});

const written = [...topTexts(), ...textsOf(['docs'])].filter(({ path }) => path.endsWith('.md'));

test('PRM-09: links of the documents lead somewhere', () => {
  const broken = written.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
      .map((found) => found[1] ?? '')
      .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(projectRoot, dirname(path), link)))
      .map((link) => `${path}: ${link}`),
  );
  expect(written.length).toBeGreaterThan(3);
  expect(broken).toEqual([]);
});

test('PRM-01: files and commands that documents and hints name are there', () => {
  const texts = [...written.map(({ text }) => text), ...Object.values(ERRORS).map(({ hint }) => hint)];
  const asked = texts.flatMap((text) =>
    [...text.matchAll(/screenalytics(?:\.mjs)? ([a-z][a-z -]*[a-z])/g)].map((f) => f[1] ?? ''),
  );
  const unknown = asked.filter(
    (words) => findCommand(commands, words.split(' ')) === undefined && !/^help\b/.test(words),
  );
  expect(asked.length).toBeGreaterThan(5);
  expect(unknown).toEqual([]);
  const files = written.flatMap(({ path, text }) =>
    [...text.matchAll(/`((?:bin|scripts|config|engine|mcps|agents|playbooks|cli|tests|docs)\/[\w./-]+)`/g)]
      .map((found) => found[1] ?? '')
      .filter((file) => !existsSync(join(projectRoot, file)))
      .map((file) => `${path}: ${file}`),
  );
  expect(files).toEqual([]);
});
