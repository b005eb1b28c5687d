import type { ContentBlock } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { ScreenalyticsError } from '#engine/core/errors.ts';
import { concise, shorten } from './concise.ts';
import { readPictures } from './pictures.ts';
import { dataText, errorResult, proposedResult, queuedResult } from './results.ts';
import type { Outcome } from './run-tool.ts';
import type { AnyTool, PictureRule } from './server-face.ts';
import type { Decided } from './waiting-runs.ts';
import { wireAnswer, wireInput } from './wire-schema.ts';

/** A piece of what a model is shown: words, or a picture in base64. */
export type Part = { readonly text: string } | { readonly image: string; readonly mime: string };

export interface ToolShown {
  readonly name: string;
  readonly description: string;
  /** Of the JSON Schema of its input. */
  readonly parameters: { readonly properties: Record<string, object>; readonly required: string[] };
}

/** A tool as a model is told of it by a playbook, without the inputs that are filled in for it. */
export function toolShown(tool: AnyTool, filled: readonly string[]): ToolShown {
  const { properties, required = [] } = Schema.parse(
    wireInput(tool)['~standard'].jsonSchema.input({ target: 'draft-2020-12' }),
  );
  const is_left = (name: string) => !filled.includes(name);
  const left = Object.fromEntries(Object.entries(properties).filter(([name]) => is_left(name)));
  const { name, description } = tool;
  return { name, description, parameters: { properties: left, required: required.filter(is_left) } };
}

const Schema = z.object({
  properties: z.record(z.string(), z.looseObject({})),
  required: z.array(z.string()).optional(),
});

interface Told {
  readonly tool: AnyTool;
  readonly pictures: PictureRule | undefined;
  /** Pictures lie below it. */
  readonly home: string;
  /** The whole answer, not the one in short. */
  readonly detailed: boolean;
}

/** What became of a call, as over MCP: data between marks; but shorter still, and with pictures instead of links to them. */
export async function outcomeShown(outcome: Outcome<Record<string, unknown>>, told: Told): Promise<Part[]> {
  if (outcome.kind === 'proposed') return proposedResult(outcome).content.flatMap(partOf);
  if (outcome.kind === 'queued') return queuedResult(outcome).content.flatMap(partOf);
  const { tool, pictures, home, detailed } = told;
  const images = await readPictures(home, pictures?.of(outcome.output) ?? []);
  const data = detailed ? outcome.output : inShort(concise(tool, outcome.output), home);
  return [...images.flatMap(partOf), { text: dataText(`${tool.title}.`, wireAnswer(tool, data)) }];
}

/** What became of a proposal that was waited for. */
export function decidedShown({ status, result }: Decided, tool: AnyTool, home: string): string {
  const said = inShort({ status, result }, home);
  if (status === 'rejected') return 'DENIED: a person said no to it. Do not ask for it in another way.';
  return dataText(`${tool.title}. A person was asked: ${status}.`, said);
}

export function errorShown(error: ScreenalyticsError): Part[] {
  return errorResult(error).content.flatMap(partOf);
}

function partOf(block: ContentBlock): Part[] {
  if (block.type === 'text') return [{ text: block.text }];
  return block.type === 'image' ? [{ image: block.data, mime: block.mimeType }] : [];
}

/** Without nulls and digits, and without files of this machine and advice what to do next, which is the playbook's to say. */
export function inShort<T>(value: T, home: string): T {
  const is_file = (each: unknown) => typeof each === 'string' && each.startsWith(home);
  return shorten(value, (name, each) => is_file(each) || name === 'next_steps');
}
