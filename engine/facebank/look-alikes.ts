import type { Facebank } from '../core/identities.ts';
import { foldName } from '../core/names.ts';
import type { Engine, EngineReader } from '../engine.ts';
import { logRatio, UNMEASURED } from '../math/threshold.ts';
import { dot } from '../math/vectors.ts';
import { listPeople } from '../store/people.ts';
import { activeSeeds } from '../store/seeds.ts';
import { bankOf } from './bank.ts';
import type { SeedDraft } from './keep-seeds.ts';
import type { SeedModels } from './seed-vectors.ts';

/** A seed that looks like somebody else's. */
export interface SeedWarning {
  readonly file: string;
  readonly person: string;
  /** Whom it looks like. */
  readonly other: string;
  /** Cosine to that person's seeds: the mean of the nearest three. */
  readonly similarity: number;
  /** That it is that person's, by the model's calibration. */
  readonly probability: number;
  readonly detail: string;
}

/** One person's vectors, each of length 1. */
export interface Gallery {
  readonly name: string;
  readonly vectors: readonly Float32Array[];
}

export interface Likeness {
  readonly name: string;
  readonly similarity: number;
  readonly probability: number;
}

/** Seeds of a person that a face is compared with: one lucky photo among fifty says little. */
const NEAREST = 3;

/**
 * Who a face could be, likeliest first: everybody of the galleries or nobody, equally likely beforehand, weighed by how much
 * likelier the similarity is between pictures of one person than of two (the model's calibration).
 */
export function likenesses(
  vector: Float32Array,
  galleries: readonly Gallery[],
  calibration: { same: readonly [number, number]; different: readonly [number, number] } | undefined,
): Likeness[] {
  const { same, different } = calibration ?? UNMEASURED;
  const scores = (of: readonly [number, number]) => ({ n: 0, mean: of[0], sd: of[1] });
  const odds = galleries
    .filter(({ vectors }) => vectors.length > 0)
    .map(({ name, vectors }) => {
      const near = vectors
        .map((each) => dot(vector, each))
        .sort((a, b) => b - a)
        .slice(0, NEAREST);
      const similarity = near.reduce((sum, each) => sum + each, 0) / near.length;
      return { name, similarity, odds: Math.exp(logRatio(similarity, scores(same), scores(different))) };
    });
  const total = odds.reduce((sum, each) => sum + each.odds, 1);
  return odds
    .map(({ name, similarity, odds: own }) => ({
      name,
      similarity: round(similarity),
      probability: round(own / total),
    }))
    .sort((a, b) => b.probability - a.probability || b.similarity - a.similarity);
}

/** The bank as it stands, everybody's seeds, in these models. */
export async function wholeBank(engine: EngineReader, models: SeedModels): Promise<Facebank | null> {
  const db = await engine.db();
  return bankOf(engine, await listPeople(db), await activeSeeds(db), models);
}

export function galleriesOf(bank: Facebank | null): Gallery[] {
  return (bank?.people ?? []).map(({ name, seeds }) => ({ name, vectors: seeds.map(({ vector }) => vector) }));
}

/** What is new compared with what is there and with each other, before any episode is run. */
export async function warnOf(engine: Engine, drafts: readonly SeedDraft[], models: SeedModels): Promise<SeedWarning[]> {
  if (drafts.length === 0) return [];
  const people = new Map(galleriesOf(await wholeBank(engine, models)).map((each) => [foldName(each.name), each]));
  for (const { person, vector } of drafts) {
    const own = people.get(foldName(person)) ?? { name: person, vectors: [] };
    people.set(foldName(person), { ...own, vectors: [...own.vectors, vector] });
  }
  const { pair_min } = engine.config.confusion;
  const { calibration } = models.embedder.entry;
  return drafts.flatMap(({ person, vector, facts }) => {
    const without = [...people.values()].map(({ name, vectors }) => ({
      name,
      vectors: vectors.filter((v) => v !== vector),
    }));
    const found = likenesses(vector, without, calibration);
    const other = found.find(({ name }) => foldName(name) !== foldName(person));
    if (other === undefined || other.probability < pair_min) return [];
    const detail = `looks like ${other.name} with a probability of ${other.probability}`;
    return [
      {
        file: facts.source_name,
        person,
        other: other.name,
        similarity: other.similarity,
        probability: other.probability,
        detail,
      },
    ];
  });
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
