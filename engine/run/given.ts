import { isDeepStrictEqual } from 'node:util';
import type { Decisions, Facebank } from '../core/identities.ts';
import { decisionsAt } from '../corrections/decisions.ts';
import type { EngineReader } from '../engine.ts';
import { facebankFor } from '../facebank/bank.ts';
import type { KnownVectors } from '../facebank/seed-vectors.ts';
import type { ResolvedModel } from '../models/catalog.ts';

/** What is not made from the video: the cast's seeds, and people's decisions on the episode. */
export interface Given {
  /** Null when nobody has a seed. */
  readonly facebank: Facebank | null;
  readonly decisions: Decisions;
  /** The newest change of the log when these were read. */
  readonly decisions_seq: number;
}

/** The models of the run: seeds are seen through the same ones. */
export interface GivenModels {
  readonly detector: ResolvedModel;
  readonly embedder: ResolvedModel;
  readonly provider: string;
}

/** What several episodes are given alike: a seed is read once for all of them, and one bank is one object. */
export interface GivenBefore {
  readonly vectors: KnownVectors;
  facebank: Facebank | null;
}

export function nothingGiven(): GivenBefore {
  return { vectors: new Map(), facebank: null };
}

/** Both as they are now, snapshotted: they are part of the key of what is made from them. */
export async function givenFor(
  engine: EngineReader,
  ep_id: string,
  models: GivenModels,
  before: GivenBefore = nothingGiven(),
): Promise<Given> {
  const { decisions, seq } = await decisionsAt(engine, ep_id, models);
  const facebank = await facebankFor(engine, ep_id, models, before.vectors);
  if (!isDeepStrictEqual(facebank, before.facebank)) before.facebank = facebank;
  return { facebank: before.facebank, decisions, decisions_seq: seq };
}
