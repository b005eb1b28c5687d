import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { projectRoot } from '#config/load.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import { OF_EVERY, OF_LONG } from '#mcps/kit/tool-errors.ts';
import * as postgres from '#mcps/postgres/tools/index.ts';
import * as screenalytics from '#mcps/screenalytics/tools/index.ts';
import * as storage from '#mcps/storage/tools/index.ts';
import { commands } from '../../cli/everything.ts';
import { argvOf } from '../../cli/example.ts';
import { readFlags } from '../../cli/flags.ts';

const servers = { screenalytics, storage, postgres };
const tools = [...screenalytics.tools, ...storage.tools, ...postgres.tools];

test.each(tools.map((tool) => [tool.name, tool] as const))('%s shows the face that was agreed', async (name, tool) => {
  const { title, description, effect, errors, example, details } = tool;
  const input = z.toJSONSchema(tool.input, { io: 'input' });
  const output = z.toJSONSchema(tool.output, { io: 'output' });
  const face = JSON.stringify({ name, title, description, effect, errors, example, details, input, output }, null, 2);
  await expect(`${face}\n`).toMatchFileSnapshot(`../goldens/tools/${name}.json`);
});

// AGT-02
test.each(tools.map((tool) => [tool.name, tool] as const))(
  '%s: its example is a call of it, in JSON and as a command; its errors are its own, each once',
  (name, { input, example, errors }) => {
    const read = readInput(name, input, example);
    for (const command of commands.filter((each) => each.input === input)) {
      const words = argvOf(command, example);
      const parsed = readFlags(command, words, () => undefined);
      expect('input' in parsed && readInput(name, input, parsed.input), words.join(' ')).toEqual(read);
    }
    expect(new Set(errors).size).toBe(errors.length);
    expect(errors.filter((code) => [...OF_EVERY, ...OF_LONG].includes(code))).toEqual([]);
  },
);

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
