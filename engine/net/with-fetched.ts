import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine.ts';
import { fetchFile } from './fetch-file.ts';

export interface Watch {
  readonly signal: AbortSignal;
  /** `total`: null when the server does not say. */
  progress?(done_bytes: number, total_bytes: number | null, name: string): void;
}

/** Longer than any fetch takes: what is older was left by a process that was killed. */
const LEFT_MS = 24 * 3600 * 1000;

export function isAddress(given: string): boolean {
  return /^https?:\/\//i.test(given);
}

/**
 * Does work on files of which some are given as addresses: these are fetched first (fetchFile says from where), lie in a folder of their own
 * meanwhile, under the names that their addresses end in, and are gone afterwards. `pathOf` gives the path of each as it was given.
 */
export async function withFetched<T>(
  { config: { home, services } }: Pick<Engine, 'config'>,
  given: readonly string[],
  { signal, progress }: Watch,
  work: (pathOf: (each: string) => string) => Promise<T>,
): Promise<T> {
  const addresses = [...new Set(given.filter(isAddress))];
  if (addresses.length === 0) return work((each) => each);
  const parent = join(home, 'work', 'fetched');
  await mkdir(parent, { recursive: true });
  await removeLeft(parent);
  const folder = await mkdtemp(join(parent, 'f-'));
  try {
    const paths = new Map<string, string>();
    for (const [n, url] of addresses.entries()) {
      const name = nameOf(url);
      const path = join(folder, String(n), name);
      await mkdir(join(folder, String(n)));
      await fetchFile({
        ...{ url, path, limits: services.fetch, signal },
        progress: (done, total) => progress?.(done, total, name),
      });
      paths.set(url, path);
    }
    return await work((each) => paths.get(each) ?? each);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The last part of the path, as far as it is a plain name: it says which episode a video is. */
function nameOf(url: string): string {
  const last = URL.parse(url)?.pathname.split('/').at(-1) ?? '';
  return (
    last
      .replace(/%20/g, ' ')
      .replace(/[^\w. -]/g, '_')
      .replace(/^\.+/, '')
      .slice(-100) || 'file'
  );
}

async function removeLeft(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const info = await stat(join(parent, name)).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > LEFT_MS)
      await rm(join(parent, name), { recursive: true, force: true });
  }
}
