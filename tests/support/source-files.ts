import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { projectRoot } from '#config/load.ts';

export const ROOMS = ['bin', 'scripts', 'config', 'engine', 'mcps', 'agents', 'cli'] as const;
const TEXT = /\.(ts|mjs|cjs|js|json|yaml|yml|sql|md|py|example)$/;

export interface TextFile {
  /** From the project's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface SourceFile extends TextFile {
  readonly tree: ts.SourceFile;
  /** All of its syntax: parents before children. */
  readonly nodes: readonly ts.Node[];
}

/** Every text of these folders; a name that is a file stands for itself, and rooms that are not there yet have none. */
export function textsOf(names: readonly string[]): TextFile[] {
  const paths = names.flatMap((name) => {
    const path = join(projectRoot, name);
    if (!existsSync(path)) return [];
    const found = readdirSync(path, { recursive: true, withFileTypes: true });
    return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  });
  return paths.filter((path) => TEXT.test(path)).map(readText);
}

/** The texts beside package.json. */
export function topTexts(): TextFile[] {
  const found = readdirSync(projectRoot, { withFileTypes: true });
  return found
    .filter((each) => each.isFile() && TEXT.test(each.name))
    .map(({ name }) => readText(join(projectRoot, name)));
}

export function parse(files: readonly TextFile[]): SourceFile[] {
  return files
    .filter(({ path }) => /\.(ts|mjs|cjs)$/.test(path))
    .map((file) => {
      const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
      return { ...file, tree, nodes: nodesOf(tree) };
    });
}

export function nodesOf(root: ts.Node): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return found;
}

export function readText(path: string): TextFile {
  return { path: relative(projectRoot, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') };
}
