import type { Facebank } from '#engine/core/identities.ts';
import { type CalibrationScore, calibrationError } from './calibration-error.ts';
import { type Interval, wilson } from './intervals.ts';
import { leaveOneOut } from './leave-one-out.ts';
import { type OpenSetPoint, openSetPoints } from './open-set.ts';
import { ratio } from './ratio.ts';
import { type SearchParams, searchBank } from './search-bank.ts';

type Seed = Facebank['people'][number]['seeds'][number];

/** A face as a model sees it; `seed` null: the detector did not find it. */
export interface SeenFace {
  readonly person: string;
  readonly track: string;
  /** Tracks of one person, counted in time. */
  readonly part: number;
  /** What was drawn over it; `clear`: nothing. */
  readonly kind: string;
  /** By hand: `profile` or `occluded`; null: neither. */
  readonly mark: string | null;
  readonly seed: Seed | null;
}

export interface SeenSet {
  readonly detector_id: string;
  readonly model_id: string;
  readonly faces: readonly SeenFace[];
  readonly photos: readonly { readonly person: string; readonly file: string; readonly seed: Seed | null }[];
}

export interface OcclusionScore {
  kind: string;
  faces: number;
  /** Shares of `faces`. A wrong name or none is not right. */
  found: number;
  right: number;
  wrong: number;
  /** Tracks of which more than half of the faces are right, and the 95% interval (Wilson) of their share. */
  tracks: number;
  tracks_right: number;
  interval: Interval;
}

export interface FaceSetScore {
  /** Faces and strangers' photos that were searched. */
  probes: number;
  open_set: OpenSetPoint[];
  calibration: CalibrationScore;
  occlusions: OcclusionScore[];
}

/** Faces of one part of a person's appearances that seed the bank for another part. */
const SEEDS_A_PERSON = 5;

/**
 * Open set: one photo each is the bank of the people in the frames; their clear faces are searched, and the photos of everybody else, with each
 * person left out in turn. Occlusion: the bank is the photo and clear faces of the person's other appearances; what is drawn on is searched.
 */
export function scoreFaceSet(set: SeenSet, params: SearchParams): FaceSetScore {
  const clear = set.faces.filter(({ kind }) => kind === 'clear');
  const cast = new Set(clear.map(({ person }) => person));
  const probes = [
    ...clear.flatMap(({ seed, person, track }) => (seed === null ? [] : [{ track, person, vector: seed.vector }])),
    ...set.photos.flatMap(({ seed, person, file }) =>
      seed === null || cast.has(person) ? [] : [{ track: file, person, vector: seed.vector }],
    ),
  ];
  const photos = bankOf(set, [...cast], (person) => photosOf(set, person));
  const vectors = probes.map(({ vector }) => vector);
  const { trials, claims } = leaveOneOut(photos, probes, (bank) => searchBank(bank, vectors, params));
  const kinds = [...new Set(set.faces.map(({ kind }) => kind))];
  const marks = [...new Set(clear.flatMap(({ mark }) => mark ?? []))].sort();
  return {
    probes: probes.length,
    open_set: openSetPoints(trials),
    calibration: calibrationError(claims),
    occlusions: [
      ...kinds.map((kind) => scoreKind(set, kind, (face) => face.kind === kind, params)),
      ...marks.map((mark) =>
        scoreKind(set, `${mark}, by hand`, (face) => clear.includes(face) && face.mark === mark, params),
      ),
    ],
  };
}

function scoreKind(
  set: SeenSet,
  kind: string,
  isOfIt: (face: SeenFace) => boolean,
  params: SearchParams,
): OcclusionScore {
  const own = set.faces.filter(isOfIt);
  const cast = [...new Set(set.faces.map(({ person }) => person))];
  const answers = [...new Set(own.map(({ part }) => part))].flatMap((part) => {
    const faces = own.filter((face) => face.part === part);
    const bank = bankOf(set, cast, (person) => [...photosOf(set, person), ...otherParts(set, person, part)]);
    const found = faces.flatMap(({ seed }) => (seed === null ? [] : [seed.vector]));
    const hits = searchBank(bank, found, params)[Symbol.iterator]();
    return faces.map(({ seed, person, track }) => {
      const hit = seed === null ? null : (hits.next().value ?? null);
      const name = hit !== null && hit.probability >= params.openset.accept ? hit.name : null;
      return { person, track, found: seed !== null, name };
    });
  });
  const share = (count: number) => ratio(count, answers.length);
  const tracks = [...Map.groupBy(answers, ({ track }) => track).values()];
  const right = (of: typeof answers) => of.filter(({ name, person }) => name === person).length;
  const tracks_right = tracks.filter((each) => right(each) > each.length / 2).length;
  return {
    kind,
    faces: answers.length,
    found: share(answers.filter(({ found }) => found).length),
    right: share(right(answers)),
    wrong: share(answers.filter(({ name, person }) => name !== null && name !== person).length),
    ...{ tracks: tracks.length, tracks_right, interval: wilson(tracks_right, tracks.length) },
  };
}

function photosOf({ photos }: SeenSet, person: string): Seed[] {
  return photos.flatMap(({ seed, person: own }) => (seed !== null && own === person ? [seed] : []));
}

/** Clear faces of the other parts, evenly chosen. */
function otherParts({ faces }: SeenSet, person: string, part: number): Seed[] {
  const other = faces.flatMap((face) =>
    face.kind === 'clear' && face.person === person && face.part !== part && face.seed !== null ? [face.seed] : [],
  );
  const count = Math.min(SEEDS_A_PERSON, other.length);
  return Array.from({ length: count }, (_, i) => other[Math.floor((i * other.length) / count)] as Seed);
}

function bankOf(
  { detector_id, model_id }: SeenSet,
  people: readonly string[],
  seedsOf: (person: string) => Seed[],
): Facebank {
  const all = [...people].sort().map((name) => ({ person_id: `p_${name}`, name, seeds: seedsOf(name) }));
  return {
    ...{ detector_id, model_id },
    people: all.filter(({ seeds }) => seeds.length > 0),
    without_seeds: all.filter(({ seeds }) => seeds.length === 0).map(({ name }) => name),
  };
}
