import { z } from 'zod';

/** What a value may be, as JSON Schema says it; an empty one may be anything. */
export const Json = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});
export type Json = z.output<typeof Json>;

/** Its schema without unions: one for each thing that the value may be. */
function kindsOf(schema: Json): Json[] {
  const within = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return within.length === 0 ? [schema] : within.flatMap((each) => kindsOf(Json.parse(each)));
}

/** What lies at a path of it; undefined where nothing ever does. */
export function schemaAt(schema: Json, path: readonly string[]): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return schema;
  const next = kindsOf(schema).flatMap((kind) => stepInto(kind, key));
  const ends = next.flatMap((each) => schemaAt(each, rest) ?? []);
  return ends.length < 2 ? ends[0] : Json.parse({ anyOf: ends });
}

function stepInto(schema: Json, key: string): Json[] {
  const { properties = {}, additionalProperties: others, items } = schema;
  if (typesOf(schema).size === 0) return [Json.parse({})];
  if (Object.hasOwn(properties, key)) return [Json.parse(properties[key])];
  if (typeof others === 'object' && others !== null) return [Json.parse(others)];
  return items !== undefined && /^\d+$/.test(key) ? [Json.parse(items)] : [];
}

/** `string`, `array` ...; empty: anything. */
export function typesOf(schema: Json): Set<string> {
  const kinds = kindsOf(schema);
  if (kinds.some(({ type }) => type === undefined)) return new Set();
  return new Set(kinds.flatMap(({ type = [] }) => type));
}

/** Of a list, what is in it; undefined where it can be no list. */
export function itemsOf(schema: Json): Json | undefined {
  if (typesOf(schema).size === 0) return Json.parse({});
  const list = kindsOf(schema).find(({ type }) => [type].flat().includes('array'));
  return list && Json.parse(list.items ?? {});
}

/** Whether a value of the one may be a value of the other. */
export function canBe(from: Json, to: Json): boolean {
  const [a, b] = [typesOf(from), typesOf(to)];
  if (a.size === 0 || b.size === 0) return true;
  const same = (one: string, other: string) => one === other || (isNumber(one) && isNumber(other));
  const meets = [...a].some((one) => [...b].some((other) => one !== 'null' && same(one, other)));
  if (!meets || !a.has('array') || !b.has('array')) return meets;
  const [own, wanted] = [itemsOf(from), itemsOf(to)];
  return own === undefined || wanted === undefined || canBe(own, wanted);
}

function isNumber(type: string): boolean {
  return type === 'number' || type === 'integer';
}
