import type { Decisions, Facebank } from '../core/identities.ts';
import { decisionsAt } from '../corrections/decisions.ts';
import type { EngineReader } from '../engine.ts';
import { facebankFor } from '../facebank/bank.ts';
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

/** Both as they are now, snapshotted: they are part of the key of what is made from them. */
export async function givenFor(engine: EngineReader, ep_id: string, models: GivenModels): Promise<Given> {
  const { decisions, seq } = await decisionsAt(engine, ep_id, models);
  return { facebank: await facebankFor(engine, ep_id, models), decisions, decisions_seq: seq };
}
