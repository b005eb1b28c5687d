/** The order of the line, and nothing else: source -> probe -> [one sweep: cut, detect, track, harvest] -> embed -> cluster -> measure. */
export const stageNames = ['probe', 'cut', 'detect', 'track', 'harvest', 'embed', 'cluster', 'measure'] as const;
export type StageName = (typeof stageNames)[number];
