import { z } from 'zod';
import type { EngineReader } from '../engine.ts';
import { isIn, type Needles } from './needles.ts';

/** What a line says in words of others. */
const SAID = ['inputs', 'input', 'why', 'said'];

/**
 * A transcript in which lines that name somebody keep that something was asked and how it ended, and nothing that was said. Undefined
 * where that is not enough.
 */
export async function withoutWords(
  { blobs }: EngineReader,
  key: string,
  needles: Needles,
): Promise<string | undefined> {
  const lines = new TextDecoder()
    .decode(await blobs.get(key))
    .split('\n')
    .filter(Boolean);
  const text = lines.flatMap((line) => (isIn(line, needles) ? rest(line) : `${line}\n`)).join('');
  return isIn(text, needles) ? undefined : text;
}

function rest(line: string): string[] {
  try {
    const said = z.record(z.string(), z.unknown()).parse(JSON.parse(line));
    const kept = Object.entries(said).map(([name, value]) => [name, SAID.includes(name) ? null : value]);
    return [`${JSON.stringify(Object.fromEntries(kept))}\n`];
  } catch {
    return []; // cut off when its process was killed
  }
}
