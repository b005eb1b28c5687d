import type { Artifacts, FaceRow } from '#engine/core/artifacts.ts';
import type { Facebank } from '#engine/core/identities.ts';
import type { Span } from '#engine/core/spans.ts';
import { type Gates, judgeValues } from '../facebank/gates.ts';
import type { TrueClip } from './clips.ts';
import type { Fold } from './folds.ts';

/** As many as people are advised to give. */
const SEEDS_A_PERSON = 8;
/** Faces of one track are much alike. */
const SEEDS_A_TRACK = 3;

type Run = Pick<Artifacts, 'faces' | 'embeddings'> & { readonly detector: string };

interface Fit {
  readonly row: FaceRow;
  readonly vector: Float32Array;
  readonly person: string | null;
}

/**
 * What somebody would add to the facebank who promotes clear faces from some shots of a clip: each person's best within the spans, through the
 * facebank's own gates.
 */
export function seedsFromSpans(run: Run, clip: TrueClip, spans: readonly Span[], gates: Gates): Facebank {
  const fit = fitFaces(run, clip, gates).filter(({ row }) => spans.some((span) => holds(span, row.at_ms)));
  const counted = clip.people.filter(({ visible }) => visible.length > 0).map(({ person }) => person);
  return bankOf(run, counted, (person) => {
    const taken = new Map<number, number>();
    const own = fit.filter((face) => face.person === person).sort((a, b) => better(a.row, b.row));
    return own
      .filter(({ row: { track_id } }) => {
        const count = taken.get(track_id) ?? 0;
        taken.set(track_id, count + 1);
        return count < SEEDS_A_TRACK;
      })
      .slice(0, SEEDS_A_PERSON);
  });
}

/** The faces that the fold names, or those of the run that are nearest to them in the same shot, through the facebank's own gates. */
export function seedsFromFold(
  run: Run,
  clip: TrueClip,
  fold: Pick<Fold, 'seeds'>,
  shots: readonly Span[],
  gates: Gates,
): Facebank {
  const fit = fitFaces(run, clip, gates);
  const people = fold.seeds.map(({ person }) => person);
  return bankOf(run, people, (person) => {
    const chosen = new Set<Fit>();
    for (const { at_s } of fold.seeds.find((each) => each.person === person)?.at ?? []) {
      const shot = shots.find((span) => holds(span, at_s * 1000));
      const near = fit
        .filter(
          (face) => face.person === person && !chosen.has(face) && shot !== undefined && holds(shot, face.row.at_ms),
        )
        .sort((a, b) => Math.abs(a.row.at_ms - at_s * 1000) - Math.abs(b.row.at_ms - at_s * 1000));
      if (near[0] !== undefined) chosen.add(near[0]);
    }
    return [...chosen];
  });
}

function fitFaces(run: Run, clip: TrueClip, gates: Gates): Fit[] {
  return run.faces.rows.flatMap((row, i) => {
    const vector = run.embeddings.faces[i];
    if (vector === undefined || judgeValues(row.score, row.size_px, gates) !== undefined) return [];
    return [{ row, vector, person: clip.who(row.at_ms, row.box) }];
  });
}

function bankOf(run: Run, people: readonly string[], facesOf: (person: string) => readonly Fit[]): Facebank {
  const all = people.map((name) => ({
    person_id: `p_${name}`,
    name,
    seeds: facesOf(name).map(({ row: { face_id, quality, yaw_deg, size_px }, vector }) => ({
      ...{ seed_id: `s_${face_id}`, vector, quality, yaw_deg, size_px },
    })),
  }));
  return {
    ...{ detector_id: run.detector, model_id: run.embeddings.model_id },
    people: all.filter(({ seeds }) => seeds.length > 0),
    without_seeds: all.filter(({ seeds }) => seeds.length === 0).map(({ name }) => name),
  };
}

function better(a: FaceRow, b: FaceRow): number {
  return b.quality - a.quality || (a.face_id < b.face_id ? -1 : 1);
}

function holds({ start_ms, end_ms }: Span, at_ms: number): boolean {
  return at_ms >= start_ms && at_ms < end_ms;
}
