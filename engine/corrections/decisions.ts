import { anchorKeys } from '../blobs/layout.ts';
import type { Decisions } from '../core/identities.ts';
import { digest } from '../core/stage.ts';
import type { EngineReader } from '../engine.ts';
import { decodePicture } from '../media/pictures.ts';
import type { ResolvedModel } from '../models/catalog.ts';
import { openEmbedderPool } from '../models/embedder-pool.ts';
import { workerCount } from '../run/models.ts';
import { embedBothWays } from '../stages/embed.ts';
import { changesOf, type StoredChange } from '../store/changes.ts';
import { type PersonState, personStates } from '../store/person-log.ts';
import { type Folded, type Foreign, foldDecisions } from './fold.ts';

/** What decisions are to be seen with: the embedder of the run that asks. */
export interface DecisionModels {
  readonly embedder: ResolvedModel;
  /** The class of execution provider, as in a run's keys. */
  readonly provider: string;
}

/** What an episode's decisions follow from, read at one place of the log. */
export interface DecisionLog {
  readonly changes: readonly StoredChange[];
  readonly people: ReadonlyMap<string, PersonState>;
  /** The newest change of the log when it was read; it may know of some that came just after. */
  readonly seq: number;
}

/** Chips that are embedded at once. */
const BATCH = 32;

/** The given artifact: decisions in force, people resolved, vectors in the run's own model. */
export async function decisionsFor(engine: EngineReader, ep_id: string, models: DecisionModels): Promise<Decisions> {
  return (await decisionsAt(engine, ep_id, models)).decisions;
}

/** The same, and the newest change of the log when they were read. */
export async function decisionsAt(
  engine: EngineReader,
  ep_id: string,
  models: DecisionModels,
): Promise<{ decisions: Decisions; seq: number }> {
  const log = await readLog(engine, ep_id);
  return { decisions: await decisionsOf(engine, ep_id, log.changes, log.people, models), seq: log.seq };
}

export async function readLog(engine: Pick<EngineReader, 'db'>, ep_id: string): Promise<DecisionLog> {
  return (await engine.db()).read(async (q) => {
    const [head] = await q.query<{ seq: number }>('select seq from sa.change_head');
    const people = await personStates(q);
    return { seq: head?.seq ?? 0, people, changes: await changesOf(q, { ep_id }) };
  });
}

/** What these changes come to. A crop whose picture is gone has no vector: place and time must do. */
export async function decisionsOf(
  engine: EngineReader,
  ep_id: string,
  changes: readonly Folded[],
  people: ReadonlyMap<string, PersonState>,
  models: DecisionModels,
): Promise<Decisions> {
  const { decisions, foreign } = foldDecisions(changes, people, models.embedder.id);
  if (foreign.length === 0) return decisions;
  const vectors = await foreignVectors(engine, ep_id, foreign, models);
  const rows = decisions.rows.map((row) => ({
    ...row,
    evidence: row.evidence.map((each) => ({ ...each, vector: each.vector ?? vectors.get(each.evidence_id) ?? null })),
  }));
  return { ...decisions, rows };
}

/** Kept chips in another embedder: remembered beside them, or made now. */
async function foreignVectors(
  engine: EngineReader,
  ep_id: string,
  foreign: readonly Foreign[],
  { embedder, provider }: DecisionModels,
): Promise<Map<string, Float32Array>> {
  const { mirror } = engine.config.recognition;
  const name = digest([embedder.id, embedder.sha256, provider, mirror]).slice(0, 16);
  const keyOf = (evidence_id: string) => anchorKeys.vector(ep_id, evidence_id, name);
  const vectors = new Map<string, Float32Array>();
  const chips: { evidence_id: string; bytes: Uint8Array }[] = [];
  for (const { evidence_id } of foreign) {
    const known = await engine.blobs.get(keyOf(evidence_id));
    if (known?.length === (embedder.entry.dim ?? 0) * 4) vectors.set(evidence_id, floats(known));
    else {
      const bytes = await engine.blobs.get(anchorKeys.chip(ep_id, evidence_id));
      if (bytes !== undefined) chips.push({ evidence_id, bytes });
    }
  }
  if (chips.length === 0) return vectors;
  const workers = provider === 'cpu' ? Math.min(workerCount(engine.config), chips.length) : 1;
  const pool = await openEmbedderPool({ embedder, device: engine.config.services.device, workers });
  try {
    for (let from = 0; from < chips.length; from += BATCH) {
      const batch = chips.slice(from, from + BATCH);
      const pictures = await Promise.all(batch.map(({ bytes }) => decodePicture(bytes)));
      const made = await embedBothWays(pictures, { mirror }, pool);
      for (const [i, { evidence_id }] of batch.entries()) {
        const vector = made[i] as Float32Array;
        vectors.set(evidence_id, vector);
        const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
        await engine.blobs.put(keyOf(evidence_id), bytes, false);
      }
    }
  } finally {
    await pool.close();
  }
  return vectors;
}

/** A copy, because bytes that were read need not begin on a whole float. */
function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
