import { normalBelow } from './normal.ts';

/** Time that may be a person's or not: a stretch of a track, and the probability that it is theirs. */
export interface Chance {
  readonly seconds: number;
  /** 0..1 */
  readonly probability: number;
  /** Chances of one name hang together: whose one is, the likelier ones are, too. Absent: by itself. */
  readonly with?: number | string | undefined;
}

export interface IntervalInput {
  /** What was counted for the person, and what was counted for others but may be theirs. */
  readonly chances: readonly Chance[];
  /** Ends of appearances that lie somewhere between two samples, rather than at a cut. */
  readonly edges: number;
  /** Distance of samples, seconds. */
  readonly period_s: number;
  /** By how much such an end is off besides, seconds: faces that are found late or lost early. */
  readonly edge_sd_s: number;
  /** What was counted, seconds: always inside the interval. */
  readonly measured_s: number;
  readonly duration_s: number;
}

export interface Interval {
  readonly mean_s: number;
  readonly sd_s: number;
  readonly low_s: number;
  readonly high_s: number;
}

/** Of the 95% interval, on either side. */
const TAIL = 0.025;
/** Groups whose outcomes are followed one by one: those with the largest variance. What the many small ones sum to is close to normal. */
const LARGEST = 24;
/** Steps into which all seconds that are followed are divided, and halvings of the range in which a quantile is looked for. */
const CELLS = 200;
const HALVINGS = 24;
/** Standard deviations beyond which a normal curve has nothing. */
const FAR = 6;

/**
 * 95% interval of a person's time. Groups of chances are independent of each other, and a sum of independent yes-or-no chances is
 * Poisson-binomial (Wang 1993, "On the number of successes in independent trials"; here each success counts its seconds): mean and variance
 * are sums. Within a group they are as dependent as they can be: one uniform number decides all. A few long stretches are far from normal, so the
 * largest groups are convolved. An edge is uniform within half a period on either side of where it was put, with mean 0 and variance period^2 / 12,
 * and that itself is off by `edge_sd_s`.
 */
export function timeInterval(input: IntervalInput): Interval {
  const { chances, edges, period_s, edge_sd_s, measured_s, duration_s } = input;
  const groups = groupsOf(chances).sort((a, b) => b.variance - a.variance);
  const large = groups.slice(0, LARGEST);
  const small = groups.slice(LARGEST);
  const sum = (of: readonly Group[], value: (group: Group) => number) => of.reduce((all, each) => all + value(each), 0);
  const mean_s = sum(groups, ({ mean }) => mean);
  const smooth = sum(small, ({ variance }) => variance) + edges * (edge_sd_s ** 2 + period_s ** 2 / 12);
  const lumps = lumpsOf(large);
  const rest_s = sum(small, ({ mean }) => mean);
  const quantile = (share: number) => rest_s + quantileOf(lumps, Math.sqrt(smooth), share);
  const inside = (value: number) => Math.min(duration_s, Math.max(0, value));
  return {
    mean_s,
    sd_s: Math.sqrt(smooth + sum(large, ({ variance }) => variance)),
    low_s: inside(Math.min(measured_s, quantile(TAIL))),
    high_s: inside(Math.max(measured_s, quantile(1 - TAIL))),
  };
}

interface Outcome {
  readonly seconds: number;
  readonly probability: number;
}

/** Seconds that a group may come to. */
interface Group {
  readonly outcomes: readonly Outcome[];
  readonly mean: number;
  readonly variance: number;
}

function groupsOf(chances: readonly Chance[]): Group[] {
  return [...Map.groupBy(chances, (chance) => chance.with ?? chance).values()].map((own) => {
    // Of the likeliest alone up to all of them.
    const falling = own.toSorted((a, b) => b.probability - a.probability);
    const outcomes = [{ seconds: 0, probability: 1 - (falling[0]?.probability ?? 0) }];
    let seconds = 0;
    falling.forEach((chance, i) => {
      seconds += chance.seconds;
      outcomes.push({ seconds, probability: chance.probability - (falling[i + 1]?.probability ?? 0) });
    });
    const mean = outcomes.reduce((sum, each) => sum + each.probability * each.seconds, 0);
    const variance = outcomes.reduce((sum, each) => sum + each.probability * (each.seconds - mean) ** 2, 0);
    return { outcomes: outcomes.filter(({ probability }) => probability > 0), mean, variance };
  });
}

/** What the groups may come to together, least first. */
function lumpsOf(groups: readonly Group[]): Outcome[] {
  const open = groups.filter(({ outcomes }) => outcomes.length > 1);
  const certain = groups.filter(({ outcomes }) => outcomes.length === 1).reduce((sum, { mean }) => sum + mean, 0);
  const most = open.reduce((sum, { outcomes }) => sum + (outcomes.at(-1) as Outcome).seconds, 0);
  if (most === 0) return [{ seconds: certain, probability: 1 }];
  const step = most / CELLS;
  let shares = new Float64Array(CELLS + 1);
  shares[0] = 1;
  for (const { outcomes } of open) {
    const next = new Float64Array(CELLS + 1);
    for (const { seconds, probability } of outcomes) {
      // Between two cells, so that the mean stays.
      const cell = Math.floor(seconds / step);
      const over = seconds / step - cell;
      for (let i = 0; i + cell <= CELLS; i++) {
        const mass = (shares[i] as number) * probability;
        const above = Math.min(CELLS, i + cell + 1);
        next[i + cell] = (next[i + cell] as number) + mass * (1 - over);
        next[above] = (next[above] as number) + mass * over;
      }
    }
    shares = next;
  }
  return [...shares].flatMap((probability, i) =>
    probability === 0 ? [] : [{ seconds: certain + i * step, probability }],
  );
}

/** Seconds under which they lie with this probability, when each is spread by a normal curve. */
function quantileOf(lumps: readonly Outcome[], sd: number, share: number): number {
  const below = (seconds: number) =>
    lumps.reduce((sum, lump) => {
      if (sd === 0) return sum + (lump.seconds <= seconds ? lump.probability : 0);
      return sum + lump.probability * normalBelow((seconds - lump.seconds) / sd);
    }, 0);
  if (sd === 0) return (lumps.find(({ seconds }) => below(seconds) >= share) ?? (lumps.at(-1) as Outcome)).seconds;
  let low = (lumps[0] as Outcome).seconds - FAR * sd;
  let high = (lumps.at(-1) as Outcome).seconds + FAR * sd;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (below(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
