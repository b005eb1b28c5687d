import { z } from 'zod';

/** A call that can be made as it stands, and what for. */
export const NextStep = z.object({
  tool: z.string(),
  input: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
  why: z.string(),
});
export type NextStep = z.output<typeof NextStep>;

export function step(tool: string, input: NextStep['input'], why: string): NextStep {
  return { tool, input, why };
}
