import type { Config } from '#config/schema.ts';
import type { Shot } from '#engine/core/artifacts.ts';
import type { StageFace } from '#engine/core/stage.ts';
import { type CutFound, type CutState, createCutFinder } from '#engine/math/cuts.ts';

export const cut = { name: 'cut', version: 1, needs: ['media'], makes: 'shots' } as const satisfies StageFace;

/** Where shots begin, found while the small copies of all frames pass by. */
export interface CutConsumer {
  push(at_ms: number, rgb: Uint8Array): void;
  finish(): void;
  /** Every cut up to this moment is known. */
  decidedUntil(): number;
  /** Cuts with from_ms < at_ms <= until_ms. */
  between(from_ms: number, until_ms: number): number;
  /** Shots from 0 to the end of what was decoded. */
  shots(end_ms: number): Shot[];
  state(): CutConsumerState;
}

export interface CutConsumerState {
  readonly finder: CutState;
  readonly found: readonly CutFound[];
}

export function createCutConsumer(
  params: Config['scene'],
  size: { width: number; height: number },
  from?: CutConsumerState,
): CutConsumer {
  const finder = createCutFinder(params, size, from?.finder);
  const found: CutFound[] = [...(from?.found ?? [])];
  let ended = false;
  return {
    push: (at_ms, rgb) => void found.push(...finder.push(at_ms, rgb)),
    finish() {
      if (!ended) found.push(...finder.finish());
      ended = true;
    },
    decidedUntil: () => (ended ? Number.POSITIVE_INFINITY : finder.decidedUntil()),
    between: (from_ms, until_ms) => found.filter((c) => c.at_ms > from_ms && c.at_ms <= until_ms).length,
    shots: (end_ms) => toShots(found, end_ms),
    state: () => ({ finder: finder.state(), found: [...found] }),
  };
}

/** The same face for shots that are known already, or for a run without cut detection (one shot). */
export function knownCuts(shots: readonly Shot[]): CutConsumer {
  const starts = shots.slice(1).map((shot) => shot.start_ms);
  return {
    push: () => {},
    finish: () => {},
    decidedUntil: () => Number.POSITIVE_INFINITY,
    between: (from_ms, until_ms) => starts.filter((at) => at > from_ms && at <= until_ms).length,
    shots: () => [...shots],
    state: () => ({ finder: { next: 0, entries: [], last_cut: 0, dark: null }, found: [] }),
  };
}

function toShots(found: readonly CutFound[], end_ms: number): Shot[] {
  const inside = found.filter((each) => each.at_ms > 0 && each.at_ms < end_ms);
  const first: Omit<Shot, 'end_ms'> = { shot_id: 0, start_ms: 0, begins: 'start', score: 0 };
  const rest = inside.map(({ at_ms, kind, score }, i): Omit<Shot, 'end_ms'> => {
    return { shot_id: i + 1, start_ms: at_ms, begins: kind, score: Math.round(score * 1e4) / 1e4 };
  });
  const all = [first, ...rest];
  return all.map((shot, i) => ({ ...shot, end_ms: all[i + 1]?.start_ms ?? Math.max(end_ms, shot.start_ms + 1) }));
}
