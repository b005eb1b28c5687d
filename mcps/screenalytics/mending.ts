import type { EngineReader } from '#engine/engine.ts';
import type { NamedRun } from '#engine/review/open-review.ts';
import { type MadeSheet, thumbPath } from '#engine/review/sheet.ts';
import { trackOfFace } from '#engine/run/face-pictures.ts';
import { type NextStep, step } from './next-steps.ts';

/** The call that cuts the pictures that sheets lack from the footage again: of their tracks alone (FAC-15). */
export function harvestSteps(ep_id: string, sheets: readonly (MadeSheet | null)[]): NextStep[] {
  return stepFor(
    ep_id,
    sheets.flatMap((sheet) => sheet?.without_pictures ?? []),
  );
}

/** The same for the pictures that stand for a run's identities. */
export async function harvestStepOf(engine: EngineReader, named: NamedRun): Promise<NextStep[]> {
  const faces = named.identities.rows.flatMap(({ best_face_id }) => best_face_id ?? []);
  const paths = await Promise.all(faces.map((face_id) => thumbPath(engine, named, face_id)));
  const gone = faces.filter((_, i) => paths[i] === null);
  return stepFor(named.run.ep_id, gone.map(trackOfFace));
}

function stepFor(episode: string, of: readonly string[]): NextStep[] {
  const tracks = [...new Set(of)];
  if (tracks.length === 0) return [];
  const input = { episode, action: 'harvest_track', tracks };
  return [
    step(
      'mend_episode',
      input,
      `pictures of ${tracks.length} tracks are gone from the cache; at the command line: screenalytics mend`,
    ),
  ];
}
