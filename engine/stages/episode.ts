/** The order of the line, and nothing else: source -> probe -> [one sweep: cut, detect, track, harvest] -> embed -> cluster -> identify -> measure. */
export const stageNames = [
  'probe',
  'cut',
  'detect',
  'track',
  'harvest',
  'embed',
  'cluster',
  'identify',
  'measure',
] as const;
export type StageName = (typeof stageNames)[number];
