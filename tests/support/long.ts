/** `npm run test:long`: every variation that takes minutes. Without it a test takes a few of each kind. */
export const is_long = process.env.RUN_LONG === '1';

/** All of them in the long run, those with these indices in the short one. */
export function some<T>(all: readonly T[], short: readonly number[]): T[] {
  return is_long ? [...all] : all.filter((_, i) => short.includes(i));
}
