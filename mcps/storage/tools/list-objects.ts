import { z } from 'zod';
import type { BlobReader } from '#engine/blobs/blobs.ts';
import { findObjects, measureObjects, type SizedObject, type StoredObject } from '#engine/blobs/inventory.ts';
import { KINDS } from '#engine/blobs/keys.ts';
import { requirePerson } from '#engine/store/people.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { episodeInput, placeOf, wrong } from '../inputs.ts';
import { faceOf, ObjectFace } from '../output.ts';

const ROWS_MAX = 200;
const Sort = z.enum(['name', 'newest', 'size']);

export const listObjects = defineTool({
  name: 'list_objects',
  title: 'List stored files',
  description:
    'Stored files by kind, a page at a time: videos, frames, crops, thumbs, manifests, reports, facebank (seeds), anchors, exports; of one episode or person, or of all. Sizes and times; newest or largest first.',
  effect: 'read',
  details: ['kind', 'episode', 'person_id', 'name', 'layout'],
  errors: ['PERSON_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17', kind: 'thumbs' },
  input: z.object({
    kind: z
      .enum([...KINDS, 'all'])
      .default('all')
      .describe('Only files of this kind'),
    episode: episodeInput.optional(),
    person: z.string().min(1).optional().describe('Only seeds of this person, by name or id'),
    sort: Sort.default('name').describe('name, newest first, or largest first'),
    limit: z.int().min(1).max(ROWS_MAX).default(50).describe(`Rows a page (1-${ROWS_MAX})`),
    cursor: z.string().min(1).optional().describe('The `next` of the page before'),
  }),
  output: z.object({
    /** Of all pages. */
    total: z.int(),
    objects: z.array(ObjectFace),
    next: z.string().nullable(),
  }),
  run: async ({ kind, episode, person, sort, limit, cursor }, { engine: { blobs, db } }) => {
    const kinds = kind === 'all' ? KINDS : [kind];
    const place = episode === undefined ? undefined : placeOf(episode);
    const person_id = person === undefined ? undefined : (await requirePerson(await db(), person)).person_id;
    const list = JSON.stringify([kind, episode, person_id, sort]);
    const after = cursor === undefined ? undefined : positionOf(list, cursor);
    const found = await findObjects(blobs, { kinds, place, person_id });
    const { objects, more } = await page(blobs, found, { sort, limit, after });
    const last = objects.at(-1);
    return {
      total: found.length,
      objects: objects.map(faceOf),
      next: more && last !== undefined ? cursorAt(list, last.key, value(last, sort)) : null,
    };
  },
});

/** By name, only what is shown is asked for its size. */
async function page(
  blobs: Pick<BlobReader, 'stat'>,
  found: readonly StoredObject[],
  { sort, limit, after }: { sort: Measure; limit: number; after: Position | undefined },
): Promise<{ objects: SizedObject[]; more: boolean }> {
  if (sort !== 'name') {
    const rest = inOrder(await measureObjects(blobs, found), sort).filter((each) => isAfter(each, sort, after));
    return { objects: rest.slice(0, limit), more: rest.length > limit };
  }
  const rest = found.filter(({ key }) => after === undefined || key > after.key);
  return { objects: await measureObjects(blobs, rest.slice(0, limit)), more: rest.length > limit };
}

type Measure = z.output<typeof Sort>;

function value({ bytes, modified_ms }: SizedObject, sort: Measure): number {
  return sort === 'newest' ? modified_ms : bytes;
}

function inOrder(objects: readonly SizedObject[], sort: Measure): SizedObject[] {
  return objects.toSorted((a, b) => value(b, sort) - value(a, sort) || (a.key < b.key ? -1 : 1));
}

function isAfter(object: SizedObject, sort: Measure, after: Position | undefined): boolean {
  if (after === undefined) return true;
  const own = value(object, sort);
  return own < after.value || (own === after.value && object.key > after.key);
}

const Position = z.object({ list: z.string(), key: z.string(), value: z.number() });
type Position = z.output<typeof Position>;

/** Where a page ends. What is listed is in it, so that the cursor of another list is refused. */
function cursorAt(list: string, key: string, value: number): string {
  return Buffer.from(JSON.stringify({ list, key, value } satisfies Position)).toString('base64url');
}

function positionOf(list: string, cursor: string): Position {
  try {
    const position = Position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (position.list === list) return position;
  } catch {
    // said below
  }
  throw wrong('list_objects', 'cursor', 'is not the `next` of a page of this list');
}
