import { parse as parseToml, TomlError } from 'smol-toml';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { canonical } from '#engine/core/stage.ts';

/** A file as it was before we came; `text` is undefined where there was none. */
export interface Before {
  readonly text: string | undefined;
}

/**
 * One change of one file that belongs to somebody else. `put` gives the file with our part in it and everything else as it was. `take`
 * gives it without, and with what was in its place `before`; where that is not known, it takes only what is exactly ours. Undefined: no file.
 */
export interface Edit {
  readonly path: string;
  /** What we write, to be looked at. */
  readonly part: string;
  put(file: string | undefined): string;
  take(file: string, before: Before | undefined): string | undefined;
}

const Servers = z.record(z.string(), z.unknown());
const Root = z.record(z.string(), z.unknown());

/** Whose place it is: an object or table of servers in the file, and the names in it that are ours, whether we write them now or not. */
interface Named {
  readonly field: string;
  readonly keys: readonly string[];
}

/** Entries of an object of servers (`mcpServers`, `servers`) in a JSON file. */
export function jsonEdit(path: string, entries: Readonly<Record<string, object>>, { field, keys }: Named): Edit {
  const read = (text: string): { root: z.output<typeof Root>; inner: z.output<typeof Servers> } => {
    try {
      const root = Root.parse(text.trim() === '' ? {} : JSON.parse(text));
      return { root, inner: Servers.parse(root[field] ?? {}) };
    } catch (cause) {
      const problem = `it is no JSON with servers under "${field}" (comments are not JSON)`;
      throw refused(path, `${problem}; add the entries yourself: connect --dry-run shows them`, cause);
    }
  };
  return {
    path,
    part: JSON.stringify({ [field]: entries }, null, 2),
    put(file = '') {
      const { root, inner } = read(file);
      const wanted = { ...inner, ...entries };
      if (file !== '' && canonical(inner) === canonical(wanted)) return file;
      return written({ ...root, [field]: wanted }, file);
    },
    take(file, before) {
      const { root, inner } = read(file);
      const old = read(before?.text ?? '');
      const is_ours = (key: string) => before !== undefined || canonical(inner[key]) === canonical(entries[key]);
      const ours = keys.filter((key) => key in inner && is_ours(key));
      if (ours.length === 0) return file;
      const kept = Object.entries(inner).flatMap(([key, value]) => {
        if (!ours.includes(key)) return [[key, value] as const];
        return key in old.inner ? [[key, old.inner[key]] as const] : [];
      });
      const { [field]: _, ...rest } = root;
      const stays = kept.length > 0 || field in old.root;
      if (!stays && Object.keys(rest).length === 0) return undefined;
      return written(stays ? { ...root, [field]: Object.fromEntries(kept) } : rest, file);
    },
  };
}

/** Indented as the file was, two spaces where it shows nothing. */
function written(value: object, file: string): string {
  return `${JSON.stringify(value, null, /^([ \t]+)\S/m.exec(file)?.[1] ?? 2)}\n`;
}

const BEGIN = '# >>> screenalytics: written by `screenalytics connect`, and taken out again by `connect --undo`';
const END = '# <<< screenalytics';
const BLOCK = new RegExp(`(\\r?\\n)?${BEGIN}\\r?\\n.*?${END}(\\r?\\n|$)`, 's');

/** A block between two marks in a TOML file; nobody else may have tables of our names. */
export function tomlEdit(path: string, tables: string, { field, keys }: Named): Edit {
  const without = (file: string): string => {
    const rest = file.replace(BLOCK, '');
    if (rest.includes(BEGIN) || rest.includes(END))
      throw refused(path, 'our marks in it are not whole: remove that part');
    try {
      const found = Servers.safeParse(parseToml(rest)[field]).data ?? {};
      const [double] = keys.filter((key) => key in found);
      if (double === undefined) return rest;
      throw refused(path, `it has a [${field}.${double}] of its own: remove that first`);
    } catch (cause) {
      if (cause instanceof TomlError) throw refused(path, 'it is no TOML', cause);
      throw cause;
    }
  };
  return {
    path,
    part: tables,
    put(file = '') {
      const rest = without(file);
      const gap = rest === '' ? '' : rest.endsWith('\n') ? '\n' : '\n\n';
      return `${rest}${gap}${BEGIN}\n${tables}${END}\n`;
    },
    take(file) {
      const rest = without(file);
      return rest.trim() === '' ? undefined : rest;
    },
  };
}

/** A file that is ours as a whole. */
export function wholeEdit(path: string, text: string): Edit {
  return {
    path,
    part: text,
    put: () => text,
    take: (file, before) => (before !== undefined && file === text ? before.text : file),
  };
}

export function refused(path: string, problem: string, cause?: unknown): ScreenalyticsError {
  return new ScreenalyticsError('CLIENT_FILE_REFUSED', { path, problem }, { cause });
}
