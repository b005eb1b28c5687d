import type { Config } from '#config/schema.ts';
import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Decisions, Facebank, Identities, Piece } from '#engine/core/identities.ts';
import { intersect, total, unite } from '#engine/core/spans.ts';
import type { Calibration } from '#engine/math/threshold.ts';
import type { Vector } from '#engine/math/vectors.ts';
import { type CalibrationScore, calibrationError } from './calibration-error.ts';
import { shownIn, type TrueClip } from './clips.ts';
import {
  type IdentificationScore,
  type IdentifiedFace,
  isRight,
  sameFrameViolations,
  scoreIdentification,
} from './identification.ts';
import { askedTimes, identifiedFaces, pieceAt, type Readers, trackMoments } from './identified-faces.ts';
import { type Hit, leaveOneOut, type Probe } from './leave-one-out.ts';
import { type LookAlikes, lookAlikes } from './look-alikes.ts';
import { type OpenSetPoint, openSetPoints } from './open-set.ts';
import { ratio } from './ratio.ts';
import { type Question, type Reviewed, review } from './reviewer.ts';
import type { IdentifiableRun } from './scored-part.ts';

export type BankVersion = Config['openset']['bank'];

/** A run, who is in its bank, and what of the product is measured on them. */
export interface IdentityTask {
  readonly clip: TrueClip;
  readonly run: IdentifiableRun;
  /** People bear the names of the truth. */
  readonly facebank: Facebank;
  readonly openset: Config['openset'];
  readonly calibration: Calibration | undefined;
  readonly markOf?: Readers['markOf'];
  identify(facebank: Facebank, bank: BankVersion, decisions: Decisions): Identities;
  measure(identities: Identities): Promise<Artifacts['screen_time']>;
  queue(identities: Identities): readonly Question[];
  sheet(question: Question, identities: Identities): ReturnType<Parameters<typeof review>[0]['sheet']>;
}

export interface IdentityScore {
  clip: string;
  /** Who is seen, and how many of them are in the bank. */
  people: number;
  seeded: number;
  /** In the bank, also of people who are not in the clip. */
  seeds: number;
  identification: IdentificationScore;
  /** Accuracy with each kind of bank. */
  banks: Record<BankVersion, number>;
  same_frame: number;
  open_set: OpenSetPoint[];
  calibration: CalibrationScore;
  look_alikes: LookAlikes | null;
  review: Reviewed & { per_person: number };
  /** Of the seeded people who are seen: how many true totals lie in the stated 95% interval. */
  intervals: { inside: number; people: number; outside: string[] };
}

/** Share of face-seconds that a simulated person has to reach. */
export const REVIEW_SHARE = 0.99;
const NO_DECISIONS: Decisions = { rows: [], people: [] };

/** What identification makes of one clip, against what is true of it. */
export async function scoreIdentity(task: IdentityTask): Promise<IdentityScore> {
  const { clip, run, facebank, openset } = task;
  const seeded = new Set(facebank.people.map(({ name }) => name));
  const identities = task.identify(facebank, openset.bank, NO_DECISIONS);
  const faces = facesOf(task, identities);
  const identification = scoreIdentification(faces, seeded);
  const other = openset.bank === 'v1' ? 'v2' : 'v1';
  const otherwise = facesOf(task, task.identify(facebank, other, NO_DECISIONS));
  const probes = probesOf(task);
  const search = (bank: Facebank) => candidatesOf(probes, bank, task.identify(bank, openset.bank, NO_DECISIONS));
  const { trials, claims } = leaveOneOut(facebank, probes, search);
  const seen = [...askedTimes(clip)].flatMap(([person, spans]) => (total(spans) > 0 ? [person] : []));
  const people = seen.length;
  const reviewed = reviewOf(task, seen);
  const banks = { [openset.bank]: identification, [other]: scoreIdentification(otherwise, seeded) };
  return {
    ...{ clip: clip.name, people, seeded: seen.filter((person) => seeded.has(person)).length, identification },
    seeds: facebank.people.reduce((sum, person) => sum + person.seeds.length, 0),
    banks: { v1: banks.v1?.accuracy ?? 0, v2: banks.v2?.accuracy ?? 0 },
    same_frame: sameFrameViolations(labelled(run, identities)),
    open_set: openSetPoints(trials),
    calibration: calibrationError(claims),
    look_alikes: lookAlikes(vectorsBy(probes), identification),
    review: { ...reviewed, per_person: ratio(reviewed.decisions, presentIn(faces, seen)) },
    intervals: intervalsOf(task, await task.measure(identities), seeded),
  };
}

function facesOf({ clip, run, facebank, markOf }: IdentityTask, identities: Identities): IdentifiedFace[] {
  return identifiedFaces(clip, run, identities.pieces, {
    nameOf: namesIn(facebank, NO_DECISIONS),
    markOf,
  });
}

/** How many people the queue asks about: whoever the truth asks for, and who else it knows of whose face was found. */
function presentIn(faces: readonly IdentifiedFace[], asked: readonly string[]): number {
  const found = faces.filter(({ track }) => track !== null);
  return new Set([...asked, ...found.flatMap(({ person }) => person ?? [])]).size;
}

function namesIn(facebank: Facebank, { people }: Decisions): (person_id: string | null) => string | null {
  const names = new Map([...facebank.people, ...people].map(({ person_id, name }) => [person_id, name]));
  return (person_id) => (person_id === null ? null : (names.get(person_id) ?? person_id));
}

/** Really seen faces with the label that they count for. */
function labelled(run: IdentifiableRun, { pieces }: Identities) {
  const byTrack = Map.groupBy(pieces, (piece) => piece.track_id);
  return trackMoments(run)
    .filter(({ seen }) => seen)
    .map(({ track, at_ms }) => ({ at_ms, label: pieceAt(byTrack.get(track.track_id) ?? [], at_ms)?.label ?? null }));
}

/** Templates of the tracks of which most is one known person's. */
function probesOf({ clip, run }: IdentityTask): Probe[] {
  const moments = Map.groupBy(trackMoments(run), ({ track }) => track.track_id);
  return run.embeddings.tracks.flatMap(({ track_id, vector }) => {
    const own = moments.get(track_id) ?? [];
    const owners = Map.groupBy(own, ({ at_ms, box }) => clip.who(at_ms, box));
    const [person, most] = [...owners].sort((a, b) => b[1].length - a[1].length)[0] ?? [null, []];
    if (person === null || most.length <= own.length / 2) return [];
    return [{ track: `${clip.name}/${track_id}`, person, vector }];
  });
}

/** The likeliest person of the bank for each track, by the piece that holds most of it. */
function candidatesOf(probes: readonly Probe[], facebank: Facebank, { pieces }: Identities): (Hit | null)[] {
  const names = new Set(facebank.people.map(({ name }) => name));
  const byTrack = Map.groupBy(pieces, (piece) => String(piece.track_id));
  return probes.map(({ track }) => {
    const own = byTrack.get(track.slice(track.lastIndexOf('/') + 1)) ?? [];
    const piece = own.toSorted((a, b) => length(b) - length(a))[0];
    if (piece === undefined) return null;
    const labels = [{ label: piece.label ?? '', probability: piece.probability ?? 0 }, ...piece.others];
    const [best] = labels.filter(({ label }) => names.has(label)).sort((a, b) => b.probability - a.probability);
    return best === undefined ? null : { name: best.label, probability: best.probability, score: piece.score ?? 0 };
  });
}

function length({ start_ms, end_ms }: Piece): number {
  return end_ms - start_ms;
}

function vectorsBy(probes: readonly Probe[]): Map<string, Vector[]> {
  const groups = Map.groupBy(probes, ({ person }) => person);
  return new Map([...groups].map(([person, own]) => [person, own.map(({ vector }) => vector)]));
}

/**
 * Of the face-seconds that the run has found: what no track holds, no answer can name. Here everybody is to have their name, also who
 * has no seeds: Unknown would be right without an answer.
 */
function reviewOf(task: IdentityTask, people: readonly string[]): Reviewed {
  const everybody = new Set(people);
  const { clip, run, facebank, openset } = task;
  const ids = new Map(facebank.people.map(({ name, person_id }) => [name, person_id]));
  let decided = NO_DECISIONS;
  const right = (identities: Identities) => {
    const nameOf = namesIn(facebank, decided);
    const found = identifiedFaces(clip, run, identities.pieces, { nameOf }).filter(
      (face) => face.asked && face.track !== null,
    );
    const sum = (faces: readonly IdentifiedFace[]) => faces.reduce((all, face) => all + face.weight, 0);
    return ratio(sum(found.filter((face) => isRight(face, everybody))), sum(found));
  };
  return review(
    {
      run,
      identify: (decisions) => {
        decided = decisions;
        return task.identify(facebank, openset.bank, decisions);
      },
      queue: task.queue,
      sheet: task.sheet,
      who: (at_ms, box) => shownIn(clip, at_ms, box),
      idOf: (person) => ids.get(person),
      right,
    },
    REVIEW_SHARE,
  );
}

/** Time that the truth does not ask for is taken off the interval as it is off the total. */
function intervalsOf(
  { clip, facebank }: IdentityTask,
  { rows, timeline }: Artifacts['screen_time'],
  seeded: ReadonlySet<string>,
): IdentityScore['intervals'] {
  const outside: string[] = [];
  let people = 0;
  for (const { person, visible, dontcare } of clip.people) {
    const true_s = (total(unite(visible)) - total(intersect(unite(visible), unite(dontcare)))) / 1000;
    if (!seeded.has(person) || true_s === 0) continue;
    people++;
    const person_id = facebank.people.find(({ name }) => name === person)?.person_id;
    const row = rows.find((each) => each.person_id === person_id);
    const own = unite(timeline.filter((each) => each.person_id === person_id));
    const unsure_s = total(intersect(own, unite(dontcare))) / 1000;
    const held = row !== undefined && true_s >= row.visual_low_s - unsure_s && true_s <= row.visual_high_s - unsure_s;
    if (!held) outside.push(person);
  }
  return { inside: people - outside.length, people, outside };
}
