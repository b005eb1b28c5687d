import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/server';
import { report, type ScreenalyticsError } from '#engine/core/errors.ts';
import { concise } from './concise.ts';
import { fenced } from './fence.ts';
import { linksTo, readPictures } from './pictures.ts';
import type { AnyTool, PictureRule } from './server-face.ts';
import { wireAnswer } from './wire-schema.ts';

/** Characters of the text that clients without structured results show; a larger answer says how to ask for less. */
const TEXT_MAX = 20_000;

interface Told {
  readonly tool: AnyTool;
  readonly pictures: PictureRule | undefined;
  /** Pictures lie below it. */
  readonly home: string;
  /** The whole answer, not the one in short. */
  readonly detailed: boolean;
}

/** Data as structured content, with the same words for clients that show text; a picture tool's pictures as images. */
export async function doneResult(output: Record<string, unknown>, told: Told): Promise<CallToolResult> {
  const { tool, pictures, home, detailed } = told;
  const found = pictures?.of(output) ?? [];
  const data = wireAnswer(tool, detailed ? output : concise(tool, output));
  const words = textBlock(`${tool.title}.`, data);
  if (pictures?.alone) return { content: [...(await readPictures(home, found)), words] };
  return { content: [words, ...linksTo(home, found)], structuredContent: data };
}

/** A write that waits for a person is an answer, no failure. */
export function proposedResult({ proposal_id, why }: { proposal_id: string; why: string }): CallToolResult {
  const data = { status: 'proposed', proposal_id, why };
  const words = `Nothing was changed yet: this is proposal ${proposal_id}, which a person approves at a terminal.`;
  return { content: [{ type: 'text', text: words }, textBlock('Why:', data)], structuredContent: data };
}

/** Long work answers at once. */
export function queuedResult({ job_id }: { job_id: string }): CallToolResult {
  const words = `It is job ${job_id}, which goes on by itself: get_job says how far it is, cancel_job stops it.`;
  return { content: [{ type: 'text', text: words }], structuredContent: { status: 'queued', job_id } };
}

/** Clients check structured content against the schema of the answer, so an error has none: its code is in text and _meta. */
export function errorResult(error: ScreenalyticsError): CallToolResult {
  const { code, message, hint, details } = report(error);
  const words = `${code}: ${message}\n${hint}`;
  const about = Object.keys(details).length === 0 ? [] : [textBlock('Details.', details)];
  const meta = { 'screenalytics/error': { code, message, hint, details: plain(details) } };
  return { isError: true, content: [{ type: 'text', text: words }, ...about], _meta: meta };
}

function textBlock(words: string, data: Record<string, unknown>): ContentBlock {
  return { type: 'text', text: dataText(words, data) };
}

/** Data between marks, as JSON on one line. */
export function dataText(words: string, data: unknown): string {
  const text = JSON.stringify(data);
  const omitted = text.length - TEXT_MAX;
  const note = omitted > 0 ? ` ${omitted} characters are omitted: ask for fewer rows, or for the next page.` : '';
  return fenced(`${words}${note}`, text.slice(0, TEXT_MAX));
}

/** Only what JSON knows. */
function plain(details: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(details)) as Record<string, unknown>;
}
