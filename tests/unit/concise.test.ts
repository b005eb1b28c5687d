import { expect, test } from 'vitest';
import { z } from 'zod';
import { concise, readDetailed } from '#mcps/kit/concise.ts';
import { inShort } from '#mcps/kit/model-answer.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { wireInput, wireOutput } from '#mcps/kit/wire-schema.ts';
import { servers } from '../../cli/mcp.ts';

const tools: readonly AnyTool[] = Object.values(servers).flatMap((face) => face.tools);
const withDetails = tools.filter(({ details }) => details !== undefined);
const target = { target: 'draft-2020-12' } as const;

function named(name: string): AnyTool {
  const found = tools.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no tool ${name}`);
  return found;
}

/** Names of fields in a JSON Schema, at any depth. */
function fieldsOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  return [...own, ...Object.values(schema).flatMap(fieldsOf)];
}

test.each(withDetails.map((tool) => [tool.name, tool] as const))(
  '%s: its details are fields of its answer',
  (_, tool) => {
    const fields = new Set(fieldsOf(z.toJSONSchema(tool.output, { io: 'output' })));
    expect(tool.details?.flatMap((name) => name.split('.')).filter((name) => !fields.has(name))).toEqual([]);
    expect(tool.effect).toBe('read');
    expect(wireInput(tool)['~standard'].jsonSchema.input(target)).toHaveProperty('properties.detailed', {
      type: 'boolean',
    });
    const told = wireOutput(tool, undefined)?.['~standard'].jsonSchema.output(target);
    expect(fieldsOf(told).filter((name) => tool.details?.includes(name))).toEqual([]);
  },
);

test('a tool that always says everything has no such input', () => {
  const all = tools.filter(({ details }) => details === undefined);
  expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(['query_views', 'run_analytics', 'get_job']));
  for (const tool of all)
    expect(fieldsOf(wireInput(tool)['~standard'].jsonSchema.input(target))).not.toContain('detailed');
});

test('in short: no details at any depth, no nulls below the top, three digits; lists keep their places', () => {
  const row = { track_id: 3, start_ms: 2600, end_ms: 5000, person: 'Ada', probability: 0.98765, locked: false };
  const fine = {
    shot_id: 1,
    detections: 9,
    faces: 2,
    pieces: 1,
    best_face_id: null,
    quality: 0.83,
    dispersion: 0.0005,
  };
  const output = { episode: 'pilot', season: null, tracks: [{ ...row, ...fine }], scores: [null, 0.12345], next: null };
  expect(concise(named('list_tracks'), output)).toEqual({
    episode: 'pilot',
    season: null,
    tracks: [{ ...row, probability: 0.988 }],
    scores: [null, 0.123],
    next: null,
  });
  expect(concise(named('query_views'), output)).toEqual(output);
  const [sheet, face] = [
    { sheet: 's', path: '/a.jpg' },
    { number: 1, path: '/b.jpg' },
  ];
  expect(concise(named('show_faces'), { sheet, faces: [face] })).toEqual({ sheet, faces: [{ number: 1 }] });
  expect(
    inShort({ next_steps: ['run it'], path: '/srv/shows/a.csv', of: { season: null, at: 1 } }, '/srv/shows'),
  ).toEqual({
    of: { at: 1 },
  });
});

test('whether everything is wanted is taken off before the door; what is no truth value is left for it to refuse', () => {
  const tracks = named('list_tracks');
  expect(readDetailed(tracks, { episode: 'e', detailed: true })).toEqual({ raw: { episode: 'e' }, detailed: true });
  expect(readDetailed(tracks, { episode: 'e', detailed: false })).toEqual({ raw: { episode: 'e' }, detailed: false });
  for (const said of [{ episode: 'e' }, { episode: 'e', detailed: 'yes' }, ['detailed'], null, 'detailed', undefined])
    expect(readDetailed(tracks, said)).toEqual({ raw: said });
  expect(readDetailed(named('query_views'), { sql: 'x', detailed: true })).toEqual({
    raw: { sql: 'x', detailed: true },
  });
});
