import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { transcriptKey } from '#engine/blobs/layout.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine, EngineReader } from '#engine/engine.ts';
import { openSaidLines } from '#engine/erasure/said-lines.ts';

const Values = z.record(z.string(), z.unknown());

const Started = z.object({
  kind: z.literal('started'),
  at: z.string(),
  playbook: z.string(),
  /** Hash of the playbook as it was. */
  version: z.string(),
  profile: z.string(),
  /** Null after an erasure, as `input` and `why`. */
  inputs: Values.nullable(),
});

/** It goes on in another process, after a person decided. */
const Resumed = z.object({
  kind: z.literal('resumed'),
  at: z.string(),
  playbook: z.string(),
  profile: z.string(),
  decided: z.array(z.object({ proposal_id: z.string(), status: z.string() })),
});

/** What a model said at its turn in a step that asks one. */
const TurnLine = z.object({
  kind: z.literal('turn'),
  step: z.string(),
  /** From 1, over all of the step. */
  turn: z.int(),
  /** In short; null after an erasure, or where it only called. */
  said: z.string().nullable(),
  /** Calls that it asked for: these follow. */
  calls: z.int(),
  /** As the endpoint counts; 0 where it does not. */
  tokens_in: z.int(),
  tokens_out: z.int(),
});

/** One call, or a step that was passed over (`skipped`). A step that asks a model has one for itself, too, with `ask` as the tool. */
export const CallLine = z.object({
  kind: z.literal('call'),
  step: z.string(),
  tool: z.string(),
  /** Of `each`, from 0. */
  item: z.int().nullable(),
  /** Of the model that asked; null: the playbook did. */
  turn: z.int().nullable().default(null),
  input: Values.nullable(),
  /** Of the policy, as in the audit; `none`: it did not come to that. */
  decision: z.string(),
  /** `done`, `proposed`, `skipped`, or the code of an error. */
  outcome: z.string(),
  why: z.string().nullable(),
  proposal_id: z.string().nullable(),
  change_id: z.string().nullable(),
  took_ms: z.number(),
});
export type CallLine = z.output<typeof CallLine>;

const Ended = z.object({
  kind: z.literal('ended'),
  /** `failed`: an error stopped it; `proposed`: what waits for a person did; `waiting`: it goes on when the person has decided. */
  status: z.enum(['done', 'failed', 'proposed', 'canceled', 'waiting']),
  took_ms: z.number(),
  /** Of all models that were asked, as their endpoints count. */
  tokens_in: z.int().default(0),
  tokens_out: z.int().default(0),
});
export type Status = z.output<typeof Ended>['status'];

const Line = z.discriminatedUnion('kind', [Started, Resumed, TurnLine, CallLine, Ended]);

export const Transcript = z.object({
  id: z.string(),
  playbook: z.string(),
  lines: z.array(Line),
  /** Lines that cannot be read: the last one, when the process was killed. */
  damaged: z.int(),
});
export type Transcript = z.output<typeof Transcript>;

/** Written while something runs: a line is on disk before the next step begins. */
export interface TranscriptWriter {
  readonly id: string;
  add(line: z.input<typeof Line>): Promise<void>;
  /** Whether somebody was erased since it was opened. */
  outdated(): Promise<boolean>;
}

/**
 * A transcript of the home: a new one, or that with this id, which goes on. Once somebody was erased while it is written, it says nothing any
 * more of what is asked: the names that a run has read before are still in its hands.
 */
export async function openTranscript(engine: Engine, playbook: string, given?: string): Promise<TranscriptWriter> {
  const id = given ?? `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
  const said = await openSaidLines(engine);
  return {
    id,
    async add(line) {
      const silent = (line.kind === 'call' || line.kind === 'turn') && (await said.outdated());
      const mute = line.kind === 'turn' ? { said: null } : { input: null, why: null };
      await said.append(transcriptKey(playbook, id), [silent ? { ...line, ...mute } : line]);
    },
    outdated: said.outdated,
  };
}

/** The newest first. */
export async function listTranscripts({ blobs }: Pick<EngineReader, 'blobs'>, limit: number): Promise<Transcript[]> {
  const places = await placesOf(blobs);
  const newest = places.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
  return Promise.all(newest.map((place) => read(blobs, place)));
}

export async function readTranscript({ blobs }: Pick<EngineReader, 'blobs'>, id: string): Promise<Transcript> {
  const place = (await placesOf(blobs)).find((each) => each.id === id);
  if (place === undefined) throw new ScreenalyticsError('TRANSCRIPT_NOT_FOUND', { transcript: id });
  return read(blobs, place);
}

type Reader = Pick<EngineReader, 'blobs'>['blobs'];
interface Place {
  readonly key: string;
  readonly playbook: string;
  readonly id: string;
}

async function placesOf(blobs: Reader): Promise<Place[]> {
  return (await blobs.list(transcriptKey())).flatMap((key) => {
    const [, playbook = '', id = ''] = /^transcripts\/([^/]+)\/([\w-]+)\.jsonl$/.exec(key) ?? [];
    return id === '' ? [] : [{ key, playbook, id }];
  });
}

async function read(blobs: Reader, { key, playbook, id }: Place): Promise<Transcript> {
  const texts = new TextDecoder()
    .decode(await blobs.get(key))
    .split('\n')
    .filter(Boolean);
  const lines = texts.flatMap((text) => readLine(text));
  return { id, playbook, lines, damaged: texts.length - lines.length };
}

function readLine(text: string): z.output<typeof Line>[] {
  try {
    return [Line.parse(JSON.parse(text))];
  } catch {
    return [];
  }
}
