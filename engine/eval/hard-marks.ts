import { type HardLabels, spanOf } from './hard-labels.ts';
import type { Mark } from './identification.ts';

/**
 * What was marked by hand on a person's face at a moment. Independent of each other are the shots that a person is in, not the stretches
 * of one shot.
 */
export function markReader(
  labels: HardLabels,
  cuts_ms: readonly number[],
): (person: string, at_ms: number) => Mark | null {
  return (person, at_ms) => {
    const found = labels.stretches.find((stretch) => {
      const { start_ms, end_ms } = spanOf(stretch);
      return stretch.person === person && at_ms >= start_ms && at_ms < end_ms;
    });
    if (found === undefined) return null;
    const shot = cuts_ms.filter((cut) => cut <= at_ms).length;
    return { kind: found.mark, stretch: `${person}/${shot}` };
  };
}
