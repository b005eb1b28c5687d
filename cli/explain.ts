import { z } from 'zod';
import { explain } from '#engine/core/errors.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { Command } from './commands.ts';

const input = z.object({ code: z.string().min(1).describe('Code of an error, such as DATABASE_UNAVAILABLE') });

/** What an error of the catalogue means, and what to do. */
export const explainCommand: Command = {
  words: ['explain'],
  about: 'What an error means and what to do about it, by its code.',
  input,
  positional: 'code',
  everyday: true,
  run: async (raw) => {
    const found = explain(readInput('explain', input, raw).code);
    return { output: found, ok: true, text: () => `${found.code}: ${found.message}\n${found.hint}` };
  },
};
