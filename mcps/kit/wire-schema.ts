import type { StandardSchemaWithJSON, ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { detailedInput } from './concise.ts';
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
  const { properties: all = {}, required } = z.toJSONSchema(tool.input, { io: 'input' });
  const fields = Object.entries(all).map(([name, each]) => [name, fieldOf(tool, each as Json)]);
  const properties = { ...Object.fromEntries(fields), ...(tool.details && detailedInput) };
  return shown({ type: 'object', properties, ...(required && { required }), additionalProperties: false });
}

/** Settings of a run are explained once, where the run is asked for: what only plans one takes the same. */
function fieldOf({ effect }: AnyTool, schema: Json): Json {
  const { description, ...rest } = lean(schema);
  const known = effect === 'read' && 'x-config' in schema;
  return known || description === undefined ? rest : { description, ...rest };
}

/**
 * What a client may count on. The lists of all tools stand in every conversation, so the fields are named and no more: the door
 * has checked the whole. A picture tool has none; a write may also have been kept for a person or for the worker.
 */
export function wireOutput(tool: AnyTool, pictures: PictureRule | undefined): StandardSchemaWithJSON | undefined {
  if (pictures?.alone) return undefined;
  if (tool.effect !== 'read') return shown(written(tool));
  const { properties = {} } = z.toJSONSchema(tool.output, { io: 'output' });
  const always = Object.entries(properties).filter(([name]) => !tool.details?.includes(name));
  const fields = always.map(([name, each]) => [name, typeOf(each as Json)]);
  return shown({ type: 'object', properties: Object.fromEntries(fields) });
}

/** Of every tool that changes something. */
function written({ long, output }: AnyTool): Json {
  const status = { enum: ['done', 'proposed', ...(long === undefined ? [] : ['queued'])] };
  const job = long !== undefined || 'job_id' in output.shape ? { job_id: {} } : {};
  const properties = { status, change_id: {}, result: {}, proposal_id: {}, why: {}, ...job };
  return { type: 'object', properties, required: ['status'] };
}

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
  return typeof schema.type === 'string' ? { type: schema.type } : {};
}

/**
 * Without what the door checks anyway and names in words when it refuses: lengths, bounds, patterns. Several clients leave these out
 * themselves, so a field's description says its range.
 */
function lean(schema: object): Json {
  const kept = Object.entries(schema).filter(([key]) => !DROPPED.has(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, leanValue(value)]));
}

const DROPPED = new Set([
  ...['$schema', 'x-config', 'pattern', 'format', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
]);

function leanValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(leanValue);
  return typeof value === 'object' && value !== null ? lean(value) : value;
}
