import type { FaceRow } from '../core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Engine } from '../engine.ts';
import { facesWithoutPictures } from './face-pictures.ts';
import { type HarvestWatch, harvestAgain } from './harvest-again.ts';
import { openRun } from './open-run.ts';
import { reidentify } from './reidentify.ts';

export interface MendRequest {
  readonly ep_id: string;
  /** The current run if absent. */
  readonly run_id?: string | undefined;
  /** The pictures of these tracks are cut again, also those that are there; absent: all that are gone. */
  readonly tracks?: readonly number[] | undefined;
  readonly pictures: boolean;
  /** Names and files, of the current run. */
  readonly names: boolean;
}

export interface Mended {
  readonly ep_id: string;
  readonly run_id: string;
  /** Tracks and faces whose pictures were cut again, and frames that were decoded for them. */
  readonly tracks: readonly number[];
  readonly faces: number;
  readonly frames: number;
  /** The new revision; null: the names were right. */
  readonly revision: number | null;
  /** True: files were written again. */
  readonly files: boolean;
}

/** Makes again what is gone or behind in an episode. Nothing that anybody decided, and nothing that machines found, is changed. */
export async function mend(engine: Engine, request: MendRequest, watch: HarvestWatch): Promise<Mended> {
  const { ep_id, run_id, tracks, pictures, names } = request;
  const run = await openRun(engine, ep_id, run_id);
  const faces = pictures ? await facesToCut(engine, run, tracks) : [];
  const frames = await harvestAgain(engine, run, faces, watch);
  // A picture that is there again may stand for an identity, or be in the report.
  const files_anew = faces.length > 0;
  const again = run.current && (names || files_anew);
  const [named] = again ? await reidentify(engine, [ep_id], { cause: 'mend', change_id: null, files_anew }) : [];
  const cut = [...new Set(faces.map(({ track_id }) => track_id))];
  const { revision = null, published: files = false } = named ?? {};
  return { ep_id, run_id: run.run_id, tracks: cut, faces: faces.length, frames, revision, files };
}

async function facesToCut(
  engine: Engine,
  run: Awaited<ReturnType<typeof openRun>>,
  tracks: readonly number[] | undefined,
): Promise<FaceRow[]> {
  const { rows } = run.faces;
  if (tracks === undefined) {
    const ids = rows.map(({ face_id }) => face_id);
    const gone = new Set(await facesWithoutPictures(engine.blobs, run, ids));
    return rows.filter(({ face_id }) => gone.has(face_id));
  }
  const known = new Set(run.tracks.rows.map(({ track_id }) => track_id));
  const missing = tracks.filter((track_id) => !known.has(track_id));
  if (missing.length > 0) throw new ScreenalyticsError('TRACK_NOT_FOUND', { episode: run.ep_id, tracks: missing });
  const wanted = new Set(tracks);
  return rows.filter(({ track_id }) => wanted.has(track_id));
}
