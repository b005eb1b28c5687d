import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { type Workshop, wrong } from './features.ts';

/**
 * Documents of the product that were changed together with a feature that is still being worked on: from `since` (a commit or branch) to
 * the files as they lie there now, or what is not committed if absent. A feature whose folder is gone was promoted or dropped.
 */
export function documentsOutOfPlace({ root, policy }: Workshop, since?: string): string[] {
  if (!existsSync(join(root, policy.folder))) return [];
  const changed = changedFiles(root, since);
  const names = changed.flatMap((path) => {
    const [folder, name, ...rest] = path.split('/');
    return folder === policy.folder && name !== undefined && rest.length > 0 ? [name] : [];
  });
  const open = [...new Set(names)].filter((name) => existsSync(join(root, policy.folder, name)));
  if (open.length === 0) return [];
  const documents = changed.filter(
    (path) => policy.documents.some((glob) => matchesGlob(path, glob)) && !policy.generated.includes(path),
  );
  const places = open.map((name) => `${policy.folder}/${name}/docs/`).join(', ');
  return documents.map((path) => `${path} is changed, and so is a feature: until it is promoted write in ${places}`);
}

function changedFiles(root: string, since: string | undefined): string[] {
  if (since?.startsWith('-')) throw wrong('since', 'is no commit');
  const from = since === undefined ? 'HEAD' : git(root, 'merge-base', since, 'HEAD').join('');
  return [...new Set([...git(root, 'diff', '--name-only', '-z', from), ...untracked(root)])];
}

const untracked = (root: string) => git(root, 'ls-files', '--others', '--exclude-standard', '-z');

function git(root: string, ...args: string[]): string[] {
  try {
    const said = execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: 'pipe', maxBuffer: 2 ** 26 });
    return said.split(/[\0\n]/).filter(Boolean);
  } catch (error) {
    throw wrong('since', `git cannot tell what changed (${args[0]}): is it a commit of this repository?`, {
      cause: error,
    });
  }
}
