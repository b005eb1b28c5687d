import type { StandardSchemaWithJSON, ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { AnyTool, PictureRule } from './server-face.ts';
import type { Effect } from './tool.ts';

/** Hints for clients, which decide by them what to ask a person about: all follow from the one word. */
export function annotationsOf(effect: Effect): ToolAnnotations {
  return {
    readOnlyHint: effect === 'read',
    destructiveHint: effect === 'destroy',
    idempotentHint: effect === 'read',
    openWorldHint: false,
  };
}

type Json = Record<string, unknown>;

/** What a client may send. The door does the checking, so that a wrong field is an error of the catalogue. */
export function wireInput(tool: AnyTool): StandardSchemaWithJSON {
  const { properties, required } = lean(z.toJSONSchema(tool.input, { io: 'input' }));
  return shown({
    type: 'object',
    properties,
    ...(required !== undefined && { required }),
    additionalProperties: false,
  });
}

/**
 * What a client may count on. The lists of all tools stand in every conversation, so the fields are named and no more: the door
 * has checked the whole. A picture tool has none; a write may also have been kept for a person.
 */
export function wireOutput(tool: AnyTool, pictures: PictureRule | undefined): StandardSchemaWithJSON | undefined {
  if (pictures?.alone) return undefined;
  if (tool.effect !== 'read') return shown(WRITTEN);
  const { properties = {} } = z.toJSONSchema(tool.output, { io: 'output' });
  const fields = Object.entries(properties).map(([name, each]) => [name, typeOf(each as Json)]);
  return shown({ type: 'object', properties: Object.fromEntries(fields) });
}

/** Of every tool that changes something. */
const WRITTEN: Json = {
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['done', 'proposed'] },
    change_id: { type: ['string', 'null'] },
    proposal_id: { type: 'string' },
    why: { type: 'string' },
    result: { type: 'object' },
  },
  required: ['status'],
};

/** The answer as it goes out: what a write made lies in `result`, where the tool does not say so itself. */
export function wireAnswer({ effect }: AnyTool, output: Json): Json {
  return effect === 'read' || output.status === 'done' ? output : { status: 'done', result: output };
}

function shown(schema: Json): StandardSchemaWithJSON {
  return {
    '~standard': {
      version: 1,
      vendor: 'screenalytics',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}

function typeOf(schema: Json): Json {
  if (typeof schema.type === 'string') return { type: schema.type };
  const each = Array.isArray(schema.anyOf) ? schema.anyOf.map((part: Json) => part.type) : [];
  return each.length > 0 && each.every((type) => typeof type === 'string') ? { type: [...new Set(each)] } : {};
}

/** Without what says nothing: the draft, the bounds of a double's integers, and the names of our own configuration. */
function lean(schema: object): Json {
  const kept = Object.entries(schema).filter(
    ([key, value]) => !DROPPED.has(key) && Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER,
  );
  return Object.fromEntries(
    kept.map(([key, value]) => [key, key === 'properties' ? fieldsOf(value) : leanValue(value)]),
  );
}

const DROPPED = new Set(['$schema', 'x-config']);

/** Names of fields are no keywords: a field may be called `id`. */
function fieldsOf(value: Record<string, object>): Json {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, lean(each)]));
}

function leanValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(leanValue);
  return typeof value === 'object' && value !== null ? lean(value) : value;
}
