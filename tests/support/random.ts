/** The same seed gives the same numbers in [0, 1) on every machine. */
export { uniform as random } from '#engine/eval/intervals.ts';
