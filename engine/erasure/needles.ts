import { identityFolder } from '../blobs/layout.ts';
import { foldName } from '../core/names.ts';
import { folderName } from '../facebank/exchange.ts';
import { escapeText } from '../report/html.ts';

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

/**
 * True for a file with an id in its path, and for one in a folder that was named after one of them. Only where folders bear people's
 * names: a show may be called like somebody.
 */
export function isNamedAfter(key: string, { names, ids }: Needles): boolean {
  const folders = key.split('/').slice(0, -1);
  if (ids.some((id) => key.includes(id))) return true;
  if (key.startsWith('exports/')) {
    const own = new Set(names.map((name) => foldName(folderName(name))));
    return folders.slice(1).some((part) => own.has(foldName(part)));
  }
  const own = new Set(names.map(identityFolder));
  return folders.some((part, i) => folders[i - 1] === 'identities' && own.has(part));
}

/** As stored, without accents, and as HTML and JSON write them. */
function spellings(names: readonly string[]): string[] {
  const all = names.flatMap((name) => [name, foldName(name), escapeText(name), JSON.stringify(name).slice(1, -1)]);
  return [...new Set(all)].filter((name) => name !== '');
}

function word(name: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${quoted(name)}(?![\\p{L}\\p{N}])`, 'iu');
}

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
