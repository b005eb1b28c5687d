import { createHash } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FileEntry, JointEntry, ModelEntry } from '#config/models.ts';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Logger } from '#engine/core/log.ts';
import { download } from './download.ts';
import { type Hashes, rememberHashes } from './hashes.ts';
import { alone, fromMirror, fromPackage } from './sources.ts';

type Models = Config['models'];

export interface ModelStatus {
  readonly id: string;
  readonly task: ModelEntry['task'];
  readonly family: ModelEntry['family'];
  readonly title: string;
  readonly licence: string;
  readonly commercial: boolean;
  /** Whether it may be loaded: free for commercial use, or accepted by its owner in the configuration. */
  readonly accepted: boolean;
  /** Of a joint model: of its parts. */
  readonly state: 'ready' | 'missing' | 'corrupt';
  readonly bytes: number;
  /** Of a joint model: the hash of its parts' hashes. */
  readonly sha256: string;
  /** Where it comes from, in words. */
  readonly source: string;
  /** How good and how fast, in words; null where it was not measured. */
  readonly measured: string | null;
}

/** A model that may be loaded now: licensed, present, and the very bytes that `sha256` says. */
export type ResolvedModel = ResolvedFile | ResolvedJoint;

export interface ResolvedFile {
  readonly id: string;
  readonly entry: FileEntry;
  readonly path: string;
  /** Of the file itself: of the replacement, where the environment names one. Part of every key that the model had a hand in. */
  readonly sha256: string;
}

export interface ResolvedJoint {
  readonly id: string;
  readonly entry: JointEntry;
  /** In the order of the entry's `of`. */
  readonly parts: readonly ResolvedFile[];
  /** The hash of its parts' hashes: another one with any other part. */
  readonly sha256: string;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (id: string, done_bytes: number, total_bytes: number) => void;
  readonly log?: Pick<Logger, 'info' | 'warn'>;
  /** Pause before a download is tried again. */
  readonly backoff_ms?: number;
}

export interface ModelCatalog {
  list(): Promise<ModelStatus[]>;
  /**
   * Makes or fetches what is missing or damaged: from the mirror folder, from an installed package, or from the network.
   * Without ids: what needs no network. Returns their state afterwards.
   */
  prepare(ids?: readonly string[], options?: PrepareOptions): Promise<ModelStatus[]>;
  /** Reads every byte again. */
  verify(ids?: readonly string[]): Promise<ModelStatus[]>;
  /** Never uses the network. */
  resolve(id: string): Promise<ResolvedModel>;
}

interface Shelf {
  readonly models: Models;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly hashes: Hashes;
}

/** The models of config/models.yaml, kept in `folder`. */
export function openCatalog(models: Models, folder: string, env: NodeJS.ProcessEnv = process.env): ModelCatalog {
  const shelf: Shelf = { models, folder, env, hashes: rememberHashes(folder) };
  const all = Object.keys(models.models);
  const embedded = all.filter((id) => isPackaged(models.models[id]));
  const statuses = async (ids: readonly string[], read: Hashes['of']) => {
    const found: ModelStatus[] = [];
    for (const id of ids) found.push(await statusOf(shelf, id, read));
    return found;
  };

  return {
    list: () => statuses(all, shelf.hashes.of),
    async prepare(ids = embedded, options = {}) {
      const wanted = ids.flatMap((id) => partsOf(shelf, id));
      for (const { id, entry } of wanted) requireLicence(shelf, id, entry);
      for (const { id, entry } of wanted) await make(shelf, id, entry, options);
      return statuses(ids, shelf.hashes.of);
    },
    verify: (ids = all) => statuses(ids, shelf.hashes.fresh),
    resolve: (id) => resolveModel(shelf, id),
  };
}

function entryOf(shelf: Shelf, id: string): ModelEntry {
  const entry = Object.hasOwn(shelf.models.models, id) ? shelf.models.models[id] : undefined;
  if (entry === undefined)
    throw new ScreenalyticsError('MODEL_UNKNOWN', { id, known: Object.keys(shelf.models.models) });
  return entry;
}

/** The files that a model is: its own, or those of its parts. */
function partsOf(shelf: Shelf, id: string): { id: string; entry: FileEntry }[] {
  const entry = entryOf(shelf, id);
  return entry.family === 'joint' ? entry.of.flatMap((part) => partsOf(shelf, part)) : [{ id, entry }];
}

function isPackaged(entry: ModelEntry | undefined): boolean {
  return entry !== undefined && entry.family !== 'joint' && entry.source.kind === 'package';
}

/** What stands for several files in keys; of one file its own. */
function hashOfAll(hashes: readonly string[]): string {
  const [first = '', ...others] = hashes;
  return others.length === 0 ? first : createHash('sha256').update(hashes.join('\n')).digest('hex');
}

function isAccepted(shelf: Shelf, id: string, entry: FileEntry): boolean {
  return entry.commercial || shelf.models.accepted_licences.includes(id);
}

function requireLicence(shelf: Shelf, id: string, entry: FileEntry): void {
  if (!isAccepted(shelf, id, entry)) throw new ScreenalyticsError('MODEL_LICENCE', { id, licence: entry.licence });
}

async function statusOf(shelf: Shelf, id: string, read: Hashes['of']): Promise<ModelStatus> {
  const { task, family, title, licence, commercial, measured = null } = entryOf(shelf, id);
  const parts = partsOf(shelf, id);
  const states: ModelStatus['state'][] = [];
  for (const { entry } of parts) {
    const found = await read(join(shelf.folder, entry.file));
    states.push(found === undefined ? 'missing' : found === entry.sha256 ? 'ready' : 'corrupt');
  }
  const accepted = parts.every((part) => isAccepted(shelf, part.id, part.entry));
  const state = states.find((each) => each === 'missing') ?? states.find((each) => each === 'corrupt') ?? 'ready';
  const bytes = parts.reduce((sum, { entry }) => sum + entry.bytes, 0);
  const sha256 = hashOfAll(parts.map(({ entry }) => entry.sha256));
  const source = sourceInWords(entryOf(shelf, id));
  return { id, task, family, title, licence, commercial, accepted, state, bytes, sha256, source, measured };
}

function sourceInWords(entry: ModelEntry): string {
  if (entry.family === 'joint') return entry.of.join(' and ');
  const { source } = entry;
  if (source.kind === 'package') return `made from npm package ${source.package} ${source.version}`;
  return source.kind === 'url' ? source.url : `mirror folder (${source.note})`;
}

async function resolveModel(shelf: Shelf, id: string): Promise<ResolvedModel> {
  const entry = entryOf(shelf, id);
  if (entry.family !== 'joint') return resolveFile(shelf, id, entry);
  const parts: ResolvedFile[] = [];
  for (const part of partsOf(shelf, id)) parts.push(await resolveFile(shelf, part.id, part.entry));
  return { id, entry, parts, sha256: hashOfAll(parts.map(({ sha256 }) => sha256)) };
}

async function resolveFile(shelf: Shelf, id: string, entry: FileEntry): Promise<ResolvedFile> {
  requireLicence(shelf, id, entry);
  const replacement = entry.override_env && shelf.env[entry.override_env];
  if (replacement) {
    const path = resolve(replacement);
    const sha256 = await shelf.hashes.of(path);
    if (sha256 === undefined) throw new ScreenalyticsError('MODEL_MISSING', { id, [`${entry.override_env}`]: path });
    return { id, entry, path, sha256 };
  }
  const path = join(shelf.folder, entry.file);
  let found = await shelf.hashes.of(path);
  if (found === undefined && (await makeHere(shelf, id, entry, path))) found = await shelf.hashes.of(path);
  if (found === undefined) throw new ScreenalyticsError('MODEL_MISSING', { id, source: sourceInWords(entry) });
  if (found !== entry.sha256) throw new ScreenalyticsError('MODEL_CORRUPT', { id, path, sha256: found });
  return { id, entry, path, sha256: found };
}

async function make(shelf: Shelf, id: string, entry: FileEntry, options: PrepareOptions): Promise<void> {
  options.signal?.throwIfAborted();
  const path = join(shelf.folder, entry.file);
  if ((await shelf.hashes.of(path)) === entry.sha256) return options.log?.info({ id }, 'the model is here already');
  await mkdir(shelf.folder, { recursive: true });
  options.log?.info({ id, from: sourceInWords(entry) }, 'preparing the model');
  if (!(await makeHere(shelf, id, entry, path, options.log))) await fetchModel(shelf, id, entry, path, options);
  options.progress?.(id, entry.bytes, entry.bytes);
}

/** From the mirror folder or an installed package; false when neither has it. */
async function makeHere(
  shelf: Shelf,
  id: string,
  entry: FileEntry,
  path: string,
  log?: PrepareOptions['log'],
): Promise<boolean> {
  const { mirror } = shelf.models;
  const differs = () => log?.warn({ id, mirror, file: entry.file }, 'the mirror has other bytes under this name');
  if (mirror !== null && (await fromMirror(mirror, entry, path, differs))) return true;
  if (entry.source.kind !== 'package') return false;
  await fromPackage(id, entry, entry.source, path);
  return true;
}

async function fetchModel(
  shelf: Shelf,
  id: string,
  entry: FileEntry,
  path: string,
  options: PrepareOptions,
): Promise<void> {
  const { source } = entry;
  if (source.kind !== 'url') {
    throw new ScreenalyticsError('MODEL_MISSING', { id, file: entry.file, source: sourceInWords(entry) });
  }
  await alone(path, options.signal, async () => {
    // Another process may have been here while this one waited.
    if ((await shelf.hashes.of(path)) === entry.sha256) return;
    const part = `${path}.part`;
    await download({
      url: source.url,
      part,
      sha256: entry.sha256,
      bytes: entry.bytes,
      allow_private_hosts: shelf.models.allow_private_hosts,
      signal: options.signal,
      progress: (done) => options.progress?.(id, done, entry.bytes),
      ...(options.backoff_ms !== undefined && { backoff_ms: options.backoff_ms }),
    });
    await rename(part, path);
  });
}
