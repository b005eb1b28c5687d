import { expect, test } from 'vitest';
import type { ServerFace } from '#mcps/kit/server-face.ts';
import { annotationsOf, wireInput, wireOutput } from '#mcps/kit/wire-schema.ts';
import { servers } from '../../cli/mcp.ts';

/** Of all lists of tools together, as they stand in a conversation: about 12,000 tokens at four characters each. */
const CHARACTERS_MAX = 50_000;
const INSTRUCTIONS_MAX = 2_000;
const faces: ServerFace[] = Object.values(servers);

/** What `tools/list` answers. */
function listed(face: ServerFace) {
  const target = { target: 'draft-2020-12' } as const;
  return face.tools.map((tool) => ({
    ...{ name: tool.name, title: tool.title, description: tool.description },
    inputSchema: wireInput(tool)['~standard'].jsonSchema.input(target),
    outputSchema: wireOutput(tool, face.pictures?.[tool.name])?.['~standard'].jsonSchema.output(target),
    annotations: annotationsOf(tool.effect),
  }));
}

test(`the lists of tools of all servers stay under ${CHARACTERS_MAX} characters`, () => {
  const sizes = faces.map((face) => [face.name, face.tools.length, JSON.stringify(listed(face)).length] as const);
  const sum = sizes.reduce((all, [, , size]) => all + size, 0);
  console.info(`tools/list: ${sizes.map((each) => each.join(' ')).join(', ')}; ${sum} of ${CHARACTERS_MAX} characters`);
  expect(sum).toBeLessThan(CHARACTERS_MAX);
});

test.each(faces.map((face) => [face.name, face] as const))('%s: instructions that a search finds', (_, face) => {
  expect(face.instructions.length).toBeLessThan(INSTRUCTIONS_MAX);
  const words = new Set(face.instructions.match(/[a-z]+(_[a-z]+)+/g));
  const names = new Set(face.tools.map(({ name }) => name));
  expect([...names].filter((name) => words.has(name)).length).toBeGreaterThan(names.size / 2);
});

test('names are unique over all servers, at most 25 a server', () => {
  const names = faces.flatMap(({ tools }) => tools.map(({ name }) => name));
  expect(new Set(names).size).toBe(names.length);
  for (const { name, tools } of faces) expect(tools.length, name).toBeLessThanOrEqual(25);
});

test('schemas for clients are flat, closed and explained', () => {
  for (const { name, inputSchema } of faces.flatMap(listed)) {
    expect(inputSchema, name).toMatchObject({ type: 'object', additionalProperties: false });
    expect(JSON.stringify(inputSchema), name).not.toMatch(/\$ref|\$schema|x-config/);
  }
});
