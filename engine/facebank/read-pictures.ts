import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Image } from '#engine/core/image.ts';
import { decodePicture, inspectPicture } from '#engine/media/pictures.ts';
import { findFile } from '#engine/media/probe.ts';
import { readSeedsFile, SEEDS_FILE, type SeedsFile } from './exchange.ts';
import type { Refusal } from './gates.ts';

/** One picture that was asked for: of whom, and how its result names it. */
export interface Wanted {
  readonly person: string;
  readonly path: string;
  /** As it was given, or relative to the folder that was. */
  readonly file: string;
  /** Number of the face that is meant, from left to right; undefined: the only one. */
  readonly pick: number | undefined;
  /** Of an export: which face of which picture this was before it was cut out. */
  readonly origin?: Pick<SeedsFile['seeds'][number], 'source_sha256' | 'source_name' | 'source_box' | 'box'>;
}

/** A picture that could be read. */
export interface Picture {
  readonly image: Image;
  readonly sha256: string;
}

const ENDINGS = ['.jpg', '.jpeg', '.png', '.webp'];
const FORMATS = ['jpeg', 'png', 'webp'];

export interface PathsRequest {
  readonly paths: readonly string[];
  /** Whose pictures they are. Absent: each folder has one sub-folder per person, named like the person. */
  readonly person: string | undefined;
  /** `photo.jpg#2`: which face of which file. */
  readonly picks: readonly string[];
  /** Where a path as it was given lies, when that is somewhere else: it was an address. */
  readonly pathOf?: (given: string) => string;
}

/** Files and folders as a list of pictures. Everything that is wrong with the call itself is said here, before any work. */
export async function resolvePaths(request: PathsRequest, limits: Config['facebank']): Promise<Wanted[]> {
  const found: Omit<Wanted, 'pick'>[] = [];
  for (const path of request.paths)
    found.push(...(await resolveOne(path, request.person, request.pathOf?.(path) ?? path)));
  if (found.length === 0) throw invalid('paths', 'no picture is there');
  if (found.length > limits.files_max)
    throw invalid('paths', `${found.length} pictures; at most ${limits.files_max} a call (facebank.files_max)`);
  const picks = readPicks(request.picks, found);
  return found.map((each) => ({ ...each, pick: picks.get(each) }));
}

async function resolveOne(path: string, person: string | undefined, at: string): Promise<Omit<Wanted, 'pick'>[]> {
  const full = resolve(at);
  const info = await findFile(full);
  if (info === undefined) throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file: path });
  if (info.isFile()) {
    if (person === undefined)
      throw invalid('person', 'whose picture is it? Give a person, or a folder of folders', path);
    return [{ person, path: full, file: path }];
  }
  if (!info.isDirectory()) throw invalid('paths', 'neither a file nor a folder', path);
  return person === undefined ? castOf(full, path) : picturesIn(full, full, person);
}

/** One sub-folder a person; pictures that lie beside the sub-folders belong to nobody. */
async function castOf(folder: string, given: string): Promise<Omit<Wanted, 'pick'>[]> {
  const entries = await entriesOf(folder);
  const people = entries.filter((each) => each.kind === 'folder');
  const loose = entries.filter((each) => each.kind === 'file' && isPicture(each.name));
  if (loose.length > 0)
    throw invalid('person', `whose are the ${loose.length} pictures in it? Give a person, or use sub-folders`, given);
  if (people.length === 0) throw invalid('paths', 'has no sub-folder; one is wanted per person', given);
  const found = await Promise.all(people.map(({ name, path }) => picturesIn(path, folder, name)));
  return found.flat();
}

/**
 * Every file but hidden ones: what is no picture is refused by name, not passed over. With a seeds.json the pictures that it names
 * are read as it says, and of its person.
 */
async function picturesIn(folder: string, from: string, person: string): Promise<Omit<Wanted, 'pick'>[]> {
  const exported = await readSeedsFile(folder);
  const chips = new Set(exported?.seeds.map(({ path }) => path));
  const origins = new Map(exported?.seeds.map((seed) => [seed.photo, seed]));
  const files = (await entriesOf(folder)).filter(
    ({ kind, name }) => kind === 'file' && name !== SEEDS_FILE && !chips.has(name),
  );
  const whose = from === folder ? person : (exported?.person ?? person);
  return files.map(({ name, path }) => {
    const origin = origins.get(name);
    return { person: whose, path, file: relative(from, path).split(sep).join('/'), ...(origin && { origin }) };
  });
}

/** In order of name. A link that leads out of the folder is not followed. */
async function entriesOf(folder: string): Promise<{ name: string; path: string; kind: 'file' | 'folder' }[]> {
  const root = await realpath(folder);
  const entries: { name: string; path: string; kind: 'file' | 'folder' }[] = [];
  for (const name of (await readdir(folder)).sort()) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined || !real.startsWith(root + sep)) continue;
    const info = await stat(real);
    if (info.isDirectory()) entries.push({ name, path, kind: 'folder' });
    else if (info.isFile()) entries.push({ name, path, kind: 'file' });
  }
  return entries;
}

function isPicture(name: string): boolean {
  return ENDINGS.includes(extname(name).toLowerCase());
}

/** Each pick names exactly one of the files, by its whole name or its last part. */
function readPicks<F extends { file: string; path: string }>(picks: readonly string[], files: readonly F[]) {
  const chosen = new Map<F, number>();
  for (const pick of picks) {
    const [, name = '', number = ''] = /^(.+)#(\d{1,3})$/.exec(pick) ?? [];
    if (name === '' || Number(number) < 1)
      throw invalid('pick', 'wants a file and a number, such as photo.jpg#2', pick);
    const whole = files.filter(({ file, path }) => file === name || path === resolve(name));
    const named = whole.length > 0 ? whole : files.filter(({ file }) => basename(file) === name);
    const [file] = named;
    if (file === undefined || named.length > 1)
      throw invalid('pick', named.length > 1 ? 'is the name of several of the files' : 'is none of the files', pick);
    chosen.set(file, Number(number));
  }
  return chosen;
}

/** The picture of a file, upright; or why it is not one. Its header is read before anything is unfolded. */
export async function readPicture(path: string, limits: Config['facebank']): Promise<Picture | { refusal: Refusal }> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || !info.isFile()) return unreadable('the file cannot be read');
  const mb = info.size / 1e6;
  if (mb > limits.file_mb_max) return tooLarge(mb, limits.file_mb_max, 'MB');
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return unreadable('the file cannot be read');
  const facts = await inspectPicture(bytes);
  if (facts === undefined || !FORMATS.includes(facts.format)) return unreadable('this is no jpg, png or webp picture');
  const megapixels = (facts.width * facts.height) / 1e6;
  if (megapixels > limits.megapixels_max) return tooLarge(megapixels, limits.megapixels_max, 'million pixels');
  try {
    return { image: await decodePicture(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch {
    return unreadable('the picture is damaged'); // sharp's words say no more than that
  }
}

function unreadable(detail: string): { refusal: Refusal } {
  return { refusal: { code: 'unreadable', value: null, threshold: null, detail } };
}

function tooLarge(value: number, threshold: number, unit: string): { refusal: Refusal } {
  const detail = `the picture has ${Math.round(value)} ${unit}, at most ${threshold} are read`;
  return { refusal: { code: 'too_large', value: Math.round(value), threshold, detail } };
}

function invalid(field: string, problem: string, given?: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem }], ...(given && { given }) });
}
