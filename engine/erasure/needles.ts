import { identityFolder } from '../blobs/layout.ts';
import { foldName } from '../core/names.ts';

/** What must be found nowhere after an erasure: names as words of their own, in any case, and ids as they are. */
export interface Needles {
  readonly names: readonly string[];
  readonly ids: readonly string[];
}

export function isIn(text: string, { names, ids }: Needles): boolean {
  if (ids.some((id) => text.includes(id))) return true;
  return spellings(names).some((name) => word(name).test(text));
}

/** The same as a regular expression of Postgres, to be matched without regard to case; null when there is nothing to look for. */
export function sqlPattern({ names, ids }: Needles): string | null {
  const words = spellings(names).map((name) => `(^|[^[:alnum:]])${quoted(name)}($|[^[:alnum:]])`);
  const all = [...words, ...ids.map(quoted)];
  return all.length === 0 ? null : all.join('|');
}

/** True for a file whose folder is named after one of the people, or whose name has an id in it. */
export function isNamedAfter(key: string, { names, ids }: Needles): boolean {
  const folders = new Set(names.map(identityFolder));
  const parts = key.split('/');
  return (
    parts.some((part) => ids.some((id) => part.includes(id))) || parts.slice(0, -1).some((part) => folders.has(part))
  );
}

/** As stored, without accents, and as HTML and JSON write them. */
function spellings(names: readonly string[]): string[] {
  const all = names.flatMap((name) => [name, foldName(name), html(name), JSON.stringify(name).slice(1, -1)]);
  return [...new Set(all)].filter((name) => name !== '');
}

function html(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function word(name: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${quoted(name)}(?![\\p{L}\\p{N}])`, 'iu');
}

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
