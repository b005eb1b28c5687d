import type { z } from 'zod';
import type { EngineReader } from '#engine/engine.ts';
import type { Effect, Tool } from './tool.ts';

/** Any tool, where a list of them is meant. */
export type AnyTool = Tool<z.ZodObject, z.ZodObject, Effect>;

/** What a server says of itself: all that differs between servers. `serve-stdio.ts` and `serve-http.ts` serve it. */
export interface ServerFace {
  readonly name: string;
  readonly title: string;
  /** How to work with it, in words that a search for its tools finds; under 2,000 characters. */
  readonly instructions: string;
  /** A drawing (SVG) of few hundred characters. */
  readonly icon?: string;
  readonly tools: readonly AnyTool[];
  /** By the name of a tool: files of pictures among its output. */
  readonly pictures?: Readonly<Record<string, PictureRule>>;
  /** By the name of a tool: resources too large for an answer that its output speaks of. */
  readonly links?: Readonly<Record<string, (output: Record<string, unknown>) => readonly Link[]>>;
  readonly resources?: readonly FaceResource[];
  readonly prompts?: readonly FacePrompt[];
  /** Older addresses of tools over plain HTTP, beside `POST /tools/{name}`. */
  readonly routes?: readonly FaceRoute[];
}

export interface FaceRoute {
  readonly method: 'GET' | 'POST';
  /** `/episodes/{episode}/screen_time` */
  readonly path: string;
  readonly tool: string;
  /** The tool's input from the variables of the path and the fields of the query or the body. */
  input(variables: Readonly<Record<string, string>>, fields: Readonly<Record<string, unknown>>): unknown;
  /** What is answered, of the tool's output; all of it if absent. */
  output?(output: Readonly<Record<string, unknown>>): unknown;
}

/** Pictures that a tool's output names. */
export interface PictureRule {
  /** True: the pictures are the answer, and what else it says stands in words beside them. False: they are linked. */
  readonly alone: boolean;
  of(output: Record<string, unknown>): readonly Picture[];
}

export interface Picture {
  readonly title: string;
  /** Of a JPEG or PNG file, below the home folder. */
  readonly path: string;
}

export interface Link {
  readonly uri: string;
  readonly name: string;
  readonly mimeType: string;
}

/** What a resource, a prompt or a completion may look at. */
export interface FaceContext {
  readonly engine: EngineReader;
  readonly signal: AbortSignal;
  /** Asks a read tool through the door, as whoever looks. */
  ask<I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O, 'read'>, raw: unknown): Promise<z.output<O>>;
}

/** Ways to finish what somebody began to type, at most 100. */
export type Completer = (begun: string, ctx: FaceContext) => Promise<readonly string[]>;

/** A thing with an address. `{name}` in the address makes a template of it; `{+name}` may hold slashes. */
export interface FaceResource {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** `sa://episode/{ep_id}` */
  readonly uri: string;
  readonly mime_type: string;
  /** Completions of the variables. */
  readonly complete?: Readonly<Record<string, Completer>>;
  /** Those of a template that a client may list; absent where there are too many. */
  list?(ctx: FaceContext): Promise<readonly { readonly uri: string; readonly name: string }[]>;
  /** The text or the bytes, at most RESOURCE_BYTES_MAX; undefined when there is none. */
  read(variables: Readonly<Record<string, string>>, ctx: FaceContext): Promise<ResourceBody | undefined>;
  /** Another word whenever what is read may be another; cheap, since it is asked every second while somebody subscribes. */
  version?(variables: Readonly<Record<string, string>>, engine: EngineReader): Promise<string | undefined>;
}

export interface ResourceBody {
  readonly body: string | Uint8Array;
  /** When it is not the resource's own. */
  readonly mime_type?: string;
}

/** A conversation that can be begun by name. */
export interface FacePrompt {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly args: readonly PromptArgument[];
  /** What the person says to the model. */
  text(args: Readonly<Record<string, string>>): string;
}

export interface PromptArgument {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly complete?: Completer;
}

/** Larger things are not read into a message; a tool exports or pages them. */
export const RESOURCE_BYTES_MAX = 4 * 2 ** 20;
