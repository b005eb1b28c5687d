import { createHash } from 'node:crypto';
import type { BlobReader, Blobs } from './blobs.ts';
import { findObjects, measureObjects, type SizedObject } from './inventory.ts';
import { EPISODE_KINDS, kindPrefix, objectKey, placeOf } from './keys.ts';
import type { EpisodePlace } from './layout.ts';
import { findFootage } from './layout-v1.ts';

/** What becomes of one object under a v1 name. Its v1 name stays in any case. */
export interface Move {
  readonly from: string;
  readonly to: string;
  readonly ep_id: string;
  readonly bytes: number;
  /** `conflict`: something else has the v2 name; it stays, and is not replaced. */
  readonly state: 'to_copy' | 'copied' | 'there' | 'conflict';
}

/** Every object that has a v1 name, with what its v2 name holds by now. */
export async function planMoves(blobs: BlobReader, place?: EpisodePlace): Promise<Move[]> {
  const objects = await findObjects(blobs, { kinds: EPISODE_KINDS, place });
  const old = await measureObjects(
    blobs,
    objects.filter(({ layout }) => layout === 'v1'),
  );
  const moves: Move[] = [];
  const claimed = new Map<string, string>();
  for (const object of old) {
    const to = objectKey(object.ref);
    // Two v1 names of one object: the first is what is copied, and the second compared with.
    const first = claimed.get(to);
    claimed.set(to, first ?? object.key);
    moves.push(await standing(blobs, object, to, first));
  }
  return moves;
}

/** Copies one object to its v2 name and compares the bytes; a kill leaves either nothing or the whole there, so that it can be done again. */
export async function copyMove(blobs: Blobs, move: Move): Promise<Move> {
  if (move.state !== 'to_copy') return move;
  if (await blobs.has(move.to))
    return { ...move, state: (await alike(blobs, move.from, move.to)) ? 'there' : 'conflict' };
  if (await isSecondFootage(blobs, move)) return { ...move, state: 'conflict' };
  await blobs.putFile(move.to, blobs.pathOf(move.from));
  if (await alike(blobs, move.from, move.to)) return { ...move, state: 'copied' };
  await blobs.delete(move.to);
  return { ...move, state: 'conflict' };
}

async function standing(blobs: BlobReader, object: SizedObject, to: string, first: string | undefined): Promise<Move> {
  const { key: from, bytes, ref } = object;
  const ep_id = ref.kind === 'facebank' || ref.kind === 'exports' ? '' : ref.place.ep_id;
  const move = { from, to, ep_id, bytes };
  const there = (await blobs.has(to)) ? to : first;
  if (there !== undefined) return { ...move, state: (await alike(blobs, from, there)) ? 'there' : 'conflict' };
  return { ...move, state: (await isSecondFootage(blobs, move)) ? 'conflict' : 'to_copy' };
}

/** An episode has one footage: another container's would make two. */
async function isSecondFootage(blobs: BlobReader, { to, ep_id }: Pick<Move, 'to' | 'ep_id'>): Promise<boolean> {
  const place = to.startsWith(kindPrefix('videos')) ? placeOf(ep_id) : undefined;
  return place !== undefined && (await findFootage(blobs, place))?.layout === 'v2';
}

async function alike(blobs: BlobReader, a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([blobs.stat(a), blobs.stat(b)]);
  if (one === undefined || one.bytes !== other?.bytes) return false;
  return (await sha256Of(blobs, a)) === (await sha256Of(blobs, b));
}

async function sha256Of(blobs: BlobReader, key: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of blobs.read(key)) hash.update(chunk);
  return hash.digest('hex');
}
