import { cosine, mean, type Vector } from '#engine/math/vectors.ts';
import type { IdentificationScore } from './identification.ts';

export interface LookAlikes {
  a: string;
  b: string;
  /** Cosine of the means of their vectors. */
  similarity: number;
  /** Seconds of either that bear the other's name. */
  confused_s: number;
}

/** The two people of the data who look most alike to the model, and how long they were taken for one another. */
export function lookAlikes(
  vectors: ReadonlyMap<string, readonly Vector[]>,
  { confusions }: Pick<IdentificationScore, 'confusions'>,
): LookAlikes | null {
  const people = [...vectors]
    .filter(([, own]) => own.length > 0)
    .map(([person, own]) => ({ person, middle: mean(own) }));
  let best: Omit<LookAlikes, 'confused_s'> | null = null;
  people.forEach((one, i) => {
    for (const other of people.slice(i + 1)) {
      const similarity = cosine(one.middle, other.middle);
      if (best === null || similarity > best.similarity) best = { a: one.person, b: other.person, similarity };
    }
  });
  if (best === null) return null;
  const { a, b, similarity }: Omit<LookAlikes, 'confused_s'> = best;
  const mutual = confusions.filter(({ person, name }) => (person === a && name === b) || (person === b && name === a));
  return { a, b, similarity, confused_s: mutual.reduce((sum, each) => sum + each.face_s, 0) };
}
