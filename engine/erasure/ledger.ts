import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { BlobReader, Blobs } from '../blobs/blobs.ts';
import { erasureKeys } from '../blobs/layout.ts';

const Hex = z.string().regex(/^[0-9a-f]+$/);
/** Who was erased, as nobody can read it who does not have the id already. */
const Erasure = z.object({ change_id: z.string(), salt: Hex, people: z.array(Hex).min(1) });
export type Erasure = z.output<typeof Erasure>;

/**
 * The erasures of a home, oldest first. The list lies outside of the database: when an older copy of that is put back, the list still
 * knows whom it must not bring back. `damaged`: lines that cannot be read.
 */
export async function listErasures(blobs: BlobReader): Promise<{ erasures: Erasure[]; damaged: number }> {
  const bytes = await blobs.get(erasureKeys.list);
  const lines = bytes === undefined ? [] : new TextDecoder().decode(bytes).split('\n').filter(Boolean);
  const erasures = lines.flatMap((line) => readLine(line) ?? []);
  return { erasures, damaged: lines.length - erasures.length };
}

/** Before anything is erased: from here on the erasure is decided, and whoever finds it unfinished ends it. */
export async function addErasure(blobs: Blobs, change_id: string, person_ids: readonly string[]): Promise<void> {
  const bytes = await blobs.get(erasureKeys.list);
  const { erasures } = await listErasures(blobs);
  if (erasures.some((each) => each.change_id === change_id && person_ids.every((id) => isListed(each, id)))) return;
  const before = bytes === undefined ? '' : new TextDecoder().decode(bytes);
  const salt = randomBytes(16).toString('hex');
  const erasure: Erasure = { change_id, salt, people: person_ids.map((id) => commitment(salt, id)) };
  await blobs.put(erasureKeys.list, `${before}${JSON.stringify(erasure)}\n`);
}

export function isListed({ salt, people }: Erasure, person_id: string): boolean {
  return people.includes(commitment(salt, person_id));
}

function commitment(salt: string, person_id: string): string {
  return createHash('sha256').update(`${salt} ${person_id}`).digest('hex');
}

function readLine(line: string): Erasure | undefined {
  try {
    return Erasure.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
