import { type Interval, wilson } from './intervals.ts';
import { ratio } from './ratio.ts';

/** A face at one analysed moment: who it is, and who the run says it is. */
export interface IdentifiedFace {
  readonly at_ms: number;
  /** Face-time that it stands for, ms. */
  readonly weight: number;
  /** Whose face it is; null: nobody's whom the truth knows. */
  readonly person: string | null;
  /** Part of what the truth asks for. A face that is not can still be given a wrong name. */
  readonly asked: boolean;
  /** Marked by hand at a time that the truth leaves open: counts for the hard subset alone. */
  readonly hard_only?: boolean;
  /** null: the run has no face there. */
  readonly track: number | null;
  /** The person whose name it was given; null: an Unknown, or nothing. */
  readonly name: string | null;
  /** What the run itself says of the picture: profile, occluded, small, blurred. */
  readonly flags: readonly string[];
  /** What people said of the picture, by hand; null: nothing. */
  readonly mark: Mark | null;
}

/** What somebody marked by eye as hard, and which independent part of the clip it is in. */
export interface Mark {
  /** profile or occluded */
  readonly kind: string;
  readonly stretch: string;
}

export interface Split {
  /** Independent ones: tracks (what no track has counts as one of its person), or a person's shots with a mark by hand. */
  n: number;
  face_s: number;
  /** Share of `face_s` that is right. */
  accuracy: number;
  /** 95% (Wilson) of the share of the `n` that are right for more than half of their time. */
  interval: Interval;
}

export interface IdentificationScore {
  /** Labelled visible face-seconds. */
  face_s: number;
  /** share of them that is given the right person; Unknown is right for who is not in the bank, and for nobody else. */
  accuracy: number;
  /** Share of them on which there is a track at all. */
  coverage: number;
  /** Share of those that is right: what identification by itself is worth. */
  accuracy_found: number;
  /** Share of them that bears a name. */
  named: number;
  /** Of all seconds with a name, also on faces of people whom the truth does not ask for: share whose name is right. */
  precision: number;
  /** Why the rest of `face_s` is wrong, seconds. */
  lost: { not_found_s: number; unnamed_s: number; wrong_name_s: number; stranger_named_s: number };
  /** Names on faces that the truth does not ask for and that are not theirs, seconds. */
  false_names_s: number;
  /** Wrong names by person and name, longest first. */
  confusions: { person: string; name: string; face_s: number }[];
  by_person: { person: string; seeded: boolean; face_s: number; accuracy: number }[];
  by_flag: Record<string, Split>;
  /** What was marked by hand; `all` is any mark. Also where the truth leaves the time open, as far as a track is there. */
  hard: Record<string, Split>;
}

/** `seeded`: the people whose seeds are in the bank. */
export function scoreIdentification(
  faces: readonly IdentifiedFace[],
  seeded: ReadonlySet<string>,
): IdentificationScore {
  const right = (face: IdentifiedFace) => isRight(face, seeded);
  const asked = faces.filter((face) => face.asked);
  const face_s = seconds(asked);
  const found = asked.filter((face) => face.track !== null);
  const named = faces.filter((face) => face.name !== null && !face.hard_only);
  const wrong = asked.filter((face) => face.name !== null && face.name !== face.person);
  const isSeeded = (face: IdentifiedFace) => face.person !== null && seeded.has(face.person);
  return {
    face_s,
    accuracy: ratio(seconds(asked.filter(right)), face_s),
    coverage: ratio(seconds(found), face_s),
    accuracy_found: ratio(seconds(found.filter(right)), seconds(found)),
    named: ratio(seconds(asked.filter((face) => face.name !== null)), face_s),
    precision: ratio(seconds(named.filter((face) => face.name === face.person)), seconds(named)),
    lost: {
      not_found_s: seconds(asked.filter((face) => face.track === null)),
      unnamed_s: seconds(found.filter((face) => face.name === null && isSeeded(face))),
      wrong_name_s: seconds(wrong.filter(isSeeded)),
      stranger_named_s: seconds(wrong.filter((face) => !isSeeded(face))),
    },
    false_names_s: seconds(named.filter((face) => !face.asked && face.name !== face.person)),
    confusions: confusionsOf(wrong),
    by_person: [...Map.groupBy(asked, (face) => face.person as string)]
      .map(([person, own]) => ({
        person,
        seeded: seeded.has(person),
        face_s: seconds(own),
        accuracy: ratio(seconds(own.filter(right)), seconds(own)),
      }))
      .sort((a, b) => (a.person < b.person ? -1 : 1)),
    by_flag: splits(asked, { kinds: (face) => face.flags, unit: trackOf, seeded }),
    hard: splits(
      faces.filter((face) => face.asked || face.hard_only),
      {
        kinds: ({ mark }) => (mark === null ? [] : [mark.kind, 'all']),
        unit: ({ mark }) => mark?.stretch ?? '',
        seeded,
      },
    ),
  };
}

/** Of what the truth asks for. A face that the run does not have is wrong, also a stranger's. */
export function isRight(face: IdentifiedFace, seeded: ReadonlySet<string>): boolean {
  if (face.track === null || face.person === null) return false;
  return face.name === face.person || (face.name === null && !seeded.has(face.person));
}

/** How many moments show two faces under one label, each pair counted once. */
export function sameFrameViolations(faces: readonly { at_ms: number; label: string | null }[]): number {
  const counts = new Map<string, number>();
  for (const { at_ms, label } of faces)
    if (label !== null) counts.set(`${at_ms}/${label}`, (counts.get(`${at_ms}/${label}`) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0);
}

function confusionsOf(wrong: readonly IdentifiedFace[]): IdentificationScore['confusions'] {
  return [...Map.groupBy(wrong, (face) => JSON.stringify([face.person, face.name]))]
    .map(([pair, own]) => {
      const [person, name] = JSON.parse(pair) as [string, string];
      return { person, name, face_s: seconds(own) };
    })
    .sort((a, b) => b.face_s - a.face_s || (a.person < b.person ? -1 : 1));
}

interface Splitting {
  readonly kinds: (face: IdentifiedFace) => readonly string[];
  readonly unit: (face: IdentifiedFace) => string;
  readonly seeded: ReadonlySet<string>;
}

function splits(faces: readonly IdentifiedFace[], { kinds, unit, seeded }: Splitting): Record<string, Split> {
  const share = (own: readonly IdentifiedFace[]) =>
    ratio(seconds(own.filter((face) => isRight(face, seeded))), seconds(own));
  const all = [...new Set(faces.flatMap(kinds))].sort();
  return Object.fromEntries(
    all.map((kind): [string, Split] => {
      const own = faces.filter((face) => kinds(face).includes(kind));
      const units = [...Map.groupBy(own, unit).values()];
      const right = units.filter((each) => share(each) > 0.5).length;
      const interval = wilson(right, units.length);
      return [kind, { n: units.length, face_s: seconds(own), accuracy: share(own), interval }];
    }),
  );
}

function trackOf({ track, person }: IdentifiedFace): string {
  return track === null ? `none of ${person}` : String(track);
}

function seconds(faces: readonly IdentifiedFace[]): number {
  return faces.reduce((sum, face) => sum + face.weight, 0) / 1000;
}
