import { join } from 'node:path';
import type { Facebank } from '#engine/core/identities.ts';
import type { Sample } from '../sample/compose.ts';
import { sampleClip, sharedClips, type TrueClip } from './clips.ts';
import { type Fold, readFolds, seedShots, shotsOf } from './folds.ts';
import { readHardLabels } from './hard-labels.ts';
import { markReader } from './hard-marks.ts';
import type { Readers } from './identified-faces.ts';
import type { SeedPlan } from './identity-clip.ts';
import { sampleFold } from './sample-fold.ts';
import { seedsFromFold, seedsFromSpans } from './seeds-from-run.ts';

export type Cast = NonNullable<TrueClip['cast']>;

/** A clip, where its bank comes from, and what was marked by hand. */
export interface KnownClip {
  readonly clip: TrueClip;
  /** `photos`: makes a bank of a cast's photos in the models that are tried. */
  plan(photos: (cast: Cast) => Promise<Facebank>): SeedPlan;
  readonly markOf?: Readers['markOf'];
}

/** The clips of the shared folder. `evals`: the folder with labels, folds and hard labels. */
export function knownClips(shared: string, evals: string): KnownClip[] {
  const clips = sharedClips(shared, join(evals, 'labels'));
  const folds = readFolds(join(evals, 'folds.json'));
  const cast = clips.find((clip) => clip.cast !== undefined)?.cast;
  return clips.map((clip) => {
    const fold = folds.get(clip.name);
    return { clip, plan: (photos) => planOf(clip, fold, cast, photos), ...marksOf(clip, evals) };
  });
}

/** The composed sample: some photos seed it, the others are scored. `evals`: the folder with hard labels. */
export function knownSample(sample: Sample, evals: string): KnownClip {
  const clip = sampleClip(sample);
  const spans = sampleFold(sample.truth);
  return {
    clip,
    plan: () => ({ spans, bank: async (run, gates) => seedsFromSpans(run, clip, spans, gates) }),
    ...marksOf(clip, evals),
  };
}

function marksOf(clip: TrueClip, evals: string): Pick<KnownClip, 'markOf'> {
  const labels = readHardLabels(join(evals, 'hard'), clip.name);
  return labels === undefined ? {} : { markOf: markReader(labels, clip.cuts_ms) };
}

function planOf(
  clip: TrueClip,
  fold: Fold | undefined,
  others: Cast | undefined,
  photos: (cast: Cast) => Promise<Facebank>,
): SeedPlan {
  const { cast } = clip;
  if (cast !== undefined) return { spans: [], bank: () => photos(cast) };
  if (fold !== undefined && fold.bank === 'shots') {
    const bank: SeedPlan['bank'] = async (run, gates) => seedsFromFold(run, clip, fold, shotsOf(clip), gates);
    return { spans: seedShots(clip, fold), bank };
  }
  // Nothing to seed from: whoever is in it is a stranger to the bank of another clip.
  return { spans: [], bank: async () => (others === undefined ? NOBODY : strangers(await photos(others))) };
}

const NOBODY: Facebank = { detector_id: '', model_id: '', people: [], without_seeds: [] };

/** Neutral names begin anew in every clip: those of another one get a mark. */
function strangers(bank: Facebank): Facebank {
  return { ...bank, people: bank.people.map((person) => ({ ...person, name: `elsewhere ${person.name}` })) };
}
