import { z } from 'zod';
import type { ErrorCode } from '#engine/core/errors.ts';
import type { By } from '#engine/core/identities.ts';
import type { Progress } from '#engine/core/progress.ts';
import type { Engine, EngineReader } from '#engine/engine.ts';

/** What a tool may do to the world. Everything else about safety is derived from this one word. */
export type Effect = 'read' | 'write' | 'destroy';

/** Bytes on their way: what model and sample preparation report instead of frames. */
export interface Transfer {
  readonly phase: 'fetch';
  readonly item: string;
  readonly bytes_done: number;
  /** 0 when the source did not say. */
  readonly bytes_total: number;
}

export type ToolProgress = Progress | Transfer;

export interface ToolContext<E extends Effect = Effect> {
  readonly engine: E extends 'read' ? EngineReader : Engine;
  /** Who asks, as the log of changes names it. */
  readonly by: By;
  readonly signal: AbortSignal;
  /** Asks a long tool as the same caller, and does not wait for it: the door decides about that call, too. */
  later<J extends z.ZodObject, P extends z.ZodObject, F extends Effect>(
    tool: Tool<J, P, F>,
    raw: object,
  ): Promise<Later>;
  progress(now: ToolProgress): void;
}

/** What became of a call that is not waited for. */
export type Later =
  | { readonly kind: 'queued'; readonly job_id: string }
  | { readonly kind: 'proposed'; readonly proposal_id: string; readonly why: string };

/** What the write policy may want to know of a call before it decides. */
export interface Facts {
  /** Probability (0..1) of what the call says, by the machine's own evidence: of its least certain target. */
  readonly score?: number;
  /** How far that is ahead of the likeliest other answer. */
  readonly margin?: number;
  /** The episode that it is about, where no field of that name says so. */
  readonly episode?: string;
}

/** What a person is told before they agree to a call. */
export interface Would {
  /** In words. The same words at approval mean that the world is the same. */
  readonly change: string;
  /** What has to be typed, besides the code: of what cannot be undone. */
  readonly phrase?: string;
}

/** Of a tool that may take minutes: a call of it may be a job. Its input has `wait` (`waitInput`). */
export interface Long<I> {
  /** True: it is waited for, unless the input says otherwise; else a server's calls are jobs. */
  waits?(input: I): boolean;
  /** The same input as another process understands it: paths from the root. */
  anywhere?(input: I): I;
  /** What the job is about, and what makes two requests one (absent: the input). Throws what is wrong with the input already. */
  job?(input: I, engine: EngineReader): Promise<{ readonly episode: string | null; readonly request: unknown }>;
  /** What is kept of the answer: counts and places, no names. Absent: nothing. */
  result?(output: Record<string, unknown>): Record<string, unknown>;
}

export const waitInput = {
  wait: z.boolean().optional().describe('Answer when it is done, not at once with a job_id'),
};

/** One thing that can be asked. Every surface (command line, MCP, agents, queue) shows this same definition. */
export interface Tool<I extends z.ZodObject, O extends z.ZodObject, E extends Effect> {
  /** verb_noun, unique across all servers; `run_stage` is `screenalytics run stage`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly effect: E;
  /** Codes that it may end with, besides those of every tool (`errorsOf`). */
  readonly errors: readonly ErrorCode[];
  /** A call of it as people often make it; shown where it is explained. */
  readonly example: z.input<I>;
  /** Flat: strings, numbers, booleans, enums, lists of strings. */
  readonly input: I;
  readonly output: O;
  /** Fields of the output, at any depth, or `list.field` below that one, that a model is told only when it asks (`concise.ts`). Absent: it is always told everything. */
  readonly details?: readonly string[];
  readonly long?: Long<z.output<I>>;
  /** True: this input only asks what would be done, so it is a read for the policy. Of writes and destroys. */
  isPreview?(input: z.output<I>): boolean;
  /** Asked only where a rule has such a limit. */
  facts?(input: z.output<I>, engine: EngineReader): Promise<Facts>;
  /** Throws what `run` would throw of an input that cannot be done; absent: the input itself is shown. */
  would?(input: z.output<I>, engine: EngineReader): Promise<Would>;
  run(input: z.output<I>, ctx: ToolContext<E>): Promise<z.input<O>>;
}

export function defineTool<I extends z.ZodObject, O extends z.ZodObject, const E extends Effect>(
  tool: Tool<I, O, E>,
): Tool<I, O, E> {
  return tool;
}
