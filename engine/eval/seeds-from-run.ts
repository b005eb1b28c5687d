import type { Config } from '#config/schema.ts';
import type { Artifacts, FaceRow } from '#engine/core/artifacts.ts';
import type { Facebank } from '#engine/core/identities.ts';
import type { Span } from '#engine/core/spans.ts';
import { judgeValues } from '../facebank/gates.ts';
import type { TrueClip } from './clips.ts';

/** As many as people are advised to give. */
const SEEDS_A_PERSON = 8;
/** Faces of one track are much alike. */
const SEEDS_A_TRACK = 3;

type Run = Pick<Artifacts, 'faces' | 'embeddings'> & { readonly detector: string };

/**
 * What somebody would add to the facebank who promotes clear faces from the first shots of a clip: the best of each person within the spans,
 * through the facebank's own gates.
 */
export function seedsFromRun(
  run: Run,
  clip: TrueClip,
  spans: readonly Span[],
  limits: Pick<Config['facebank'], 'min_conf' | 'min_face_px'>,
): Facebank {
  const inside = (at_ms: number) => spans.some((span) => at_ms >= span.start_ms && at_ms < span.end_ms);
  const fit = run.faces.rows.flatMap((row, i) => {
    const vector = run.embeddings.faces[i];
    if (vector === undefined || !inside(row.at_ms) || judgeValues(row.score, row.size_px, limits) !== undefined)
      return [];
    return [{ row, vector, person: clip.who(row.at_ms, row.box) }];
  });
  const counted = clip.people.filter(({ visible }) => visible.length > 0).map(({ person }) => person);
  const people = counted.map((name) => {
    const own = fit.filter(({ person }) => person === name).sort((a, b) => better(a.row, b.row));
    const taken = new Map<number, number>();
    const chosen = own.filter(({ row: { track_id } }) => {
      const count = taken.get(track_id) ?? 0;
      taken.set(track_id, count + 1);
      return count < SEEDS_A_TRACK;
    });
    const seeds = chosen.slice(0, SEEDS_A_PERSON).map(({ row: { face_id, quality, yaw_deg, size_px }, vector }) => ({
      ...{ seed_id: `s_${face_id}`, vector, quality, yaw_deg, size_px },
    }));
    return { person_id: `p_${name}`, name, seeds };
  });
  return {
    ...{ detector_id: run.detector, model_id: run.embeddings.model_id },
    people: people.filter(({ seeds }) => seeds.length > 0),
    without_seeds: people.filter(({ seeds }) => seeds.length === 0).map(({ name }) => name),
  };
}

function better(a: FaceRow, b: FaceRow): number {
  return b.quality - a.quality || (a.face_id < b.face_id ? -1 : 1);
}
