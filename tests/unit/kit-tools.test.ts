import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { projectRoot } from '#config/load.ts';
import * as postgres from '#mcps/postgres/tools/index.ts';
import * as screenalytics from '#mcps/screenalytics/tools/index.ts';
import * as storage from '#mcps/storage/tools/index.ts';

const servers = { screenalytics, storage, postgres };
const tools = [...screenalytics.tools, ...storage.tools, ...postgres.tools];

test.each(tools.map((tool) => [tool.name, tool] as const))('%s shows the face that was agreed', async (name, tool) => {
  const { title, description, effect } = tool;
  const input = z.toJSONSchema(tool.input, { io: 'input' });
  const output = z.toJSONSchema(tool.output, { io: 'output' });
  const face = JSON.stringify({ name, title, description, effect, input, output }, null, 2);
  await expect(`${face}\n`).toMatchFileSnapshot(`../goldens/tools/${name}.json`);
});

test.each(Object.entries(servers))('%s: one tool a file, named like it; at most 25', (server, { tools, served }) => {
  const folder = join(projectRoot, `mcps/${server}/tools`);
  const files = readdirSync(folder).filter((file) => file !== 'index.ts');
  expect(files.sort()).toEqual(tools.map(({ name }) => `${name.replaceAll('_', '-')}.ts`).sort());
  expect(served.length).toBeLessThanOrEqual(25);
});

test.each(tools.map((tool) => [tool.name, tool] as const))(
  '%s: a short description, flat inputs, each explained',
  (_, tool) => {
    expect(tool.name).toMatch(/^[a-z]+(_[a-z]+)+$/);
    expect(tool.description.length).toBeLessThanOrEqual(240);
    expect(['read', 'write', 'destroy']).toContain(tool.effect);
    for (const [field, schema] of Object.entries(z.toJSONSchema(tool.input, { io: 'input' }).properties ?? {})) {
      expect(schema, field).toMatchObject({ description: expect.any(String) });
      expect(schema, field).not.toHaveProperty('properties');
    }
  },
);
