import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { findFile } from '#engine/media/probe.ts';
import {
  cacheKeys,
  type EpisodePlace,
  episodeFromFileName,
  layout,
  parseEpisode,
  seasonEpisode,
  slug,
} from '../blobs/layout.ts';
import { findFootage } from '../blobs/layout-v1.ts';
import type { Engine, EngineReader } from '../engine.ts';
import type { RunRequest } from '../run-episode.ts';
import { findEpisode } from '../store/episodes.ts';

/** The video of a run: where it lies, which bytes it is, and which episode it belongs to. */
export interface Source {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly place: EpisodePlace;
  /** True when the episode was already known and its stored footage is used. */
  readonly stored: boolean;
}

/** A path of a video, or the id of an episode that was run before. */
export async function resolveSource(engine: EngineReader, request: RunRequest, signal: AbortSignal): Promise<Source> {
  const path = resolve(request.source);
  const found = await findFile(path);
  if (found === undefined && looksLikeEpisode(request.source)) return storedSource(engine, request.source, signal);
  if (found === undefined) throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file: request.source });
  const facts = found.isFile() ? await hashOnce(engine, path, signal) : { sha256: '', bytes: 0 };
  const name = basename(path);
  return { path, name, ...facts, place: await placeFor(engine, request, name, facts.sha256), stored: false };
}

/**
 * Which episode a request is about, as far as that is known without reading the video: a file with a plain name that another video
 * has already gets a part of its hash yet. Throws what `resolveSource` would throw of what is not there.
 */
export async function placeOf(engine: EngineReader, request: RunRequest): Promise<{ ep_id: string; stored: boolean }> {
  const path = resolve(request.source);
  const found = await findFile(path);
  if (found === undefined && looksLikeEpisode(request.source)) {
    const { place } = await storedFootage(engine, request.source);
    return { ep_id: place.ep_id, stored: true };
  }
  if (found === undefined) throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file: request.source });
  return { ep_id: (askedPlace(request) ?? episodeFromFileName(basename(path))).ep_id, stored: false };
}

function looksLikeEpisode(text: string): boolean {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text);
}

/** Footage that an earlier run kept, or an upload, or that lies under a name of layout v1: by the episode's id. */
export async function storedSource(engine: EngineReader, ep_id: string, signal: AbortSignal): Promise<Source> {
  const { place, known, key } = await storedFootage(engine, ep_id);
  const path = engine.blobs.pathOf(key);
  return {
    path,
    name: known?.source_name ?? basename(key),
    ...(await hashOnce(engine, path, signal)),
    place,
    stored: true,
  };
}

async function storedFootage(engine: EngineReader, ep_id: string) {
  const place = parseEpisode(ep_id);
  const known = await findEpisode(await engine.db(), ep_id);
  const footage = await findFootage(engine.blobs, place);
  if (footage === undefined && known === null) throw new ScreenalyticsError('EPISODE_NOT_FOUND', { episode: ep_id });
  if (footage === undefined)
    throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file: `${layout(place).video('')}.*`, episode: ep_id });
  return { place, known, key: footage.key };
}

/** What was asked for, else what the file name says; a plain name that another video already has gets a part of its hash. */
async function placeFor(
  engine: EngineReader,
  request: RunRequest,
  name: string,
  sha256: string,
): Promise<EpisodePlace> {
  const asked = askedPlace(request);
  if (asked !== undefined) return asked;
  const place = episodeFromFileName(name);
  if (place.season !== undefined) return place;
  const known = await findEpisode(await engine.db(), place.ep_id);
  const taken = known !== null && known.source_sha256 !== null && known.source_sha256 !== sha256;
  return taken ? { ep_id: `${place.ep_id}-${sha256.slice(0, 6)}` } : place;
}

function askedPlace({ episode, show, season, number }: RunRequest): EpisodePlace | undefined {
  if (episode !== undefined) return parseEpisode(episode);
  if (show === undefined || season === undefined || number === undefined) return undefined;
  return seasonEpisode(slug(show), season, number);
}

const Hashes = z.record(z.string(), z.object({ bytes: z.number(), mtime_ms: z.number(), sha256: z.string() }));

/** sha256 of a file, remembered by path, size and time of change: hashing an hour of video takes seconds. */
export async function hashOnce(
  engine: EngineReader,
  path: string,
  signal: AbortSignal,
): Promise<{ sha256: string; bytes: number }> {
  const { size: bytes, mtimeMs: mtime_ms } = await stat(path);
  const text = await readFile(engine.blobs.pathOf(cacheKeys.sourceHashes), 'utf8').catch(() => '{}');
  const known = Hashes.catch({}).parse(parse(text));
  const hit = known[path];
  if (hit !== undefined && hit.bytes === bytes && hit.mtime_ms === mtime_ms) return { sha256: hit.sha256, bytes };
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EIO')
      throw new ScreenalyticsError('MEDIA_UNREADABLE', { file: path }, { cause: error });
    throw error;
  }
  const sha256 = hash.digest('hex');
  const recent = Object.entries({ ...known, [path]: { bytes, mtime_ms, sha256 } }).slice(-200);
  await engine.blobs.put(cacheKeys.sourceHashes, JSON.stringify(Object.fromEntries(recent)), false);
  return { sha256, bytes };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Keeps the footage under its v2 name, so that the episode can be run again by its id. Costs no space on the same disk. */
export async function keepFootage(engine: Pick<Engine, 'blobs'>, source: Source): Promise<void> {
  if (source.stored) return;
  const key = layout(source.place).video(extname(source.name).toLowerCase() || '.mp4');
  await engine.blobs.putFile(key, source.path);
}
