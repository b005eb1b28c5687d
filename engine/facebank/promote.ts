import { createHash } from 'node:crypto';
import type { DetectionRow, FaceRow } from '../core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import type { Box, Landmarks, Point } from '../core/image.ts';
import type { Engine } from '../engine.ts';
import { facesOf } from '../review/sheet-plan.ts';
import { facesWithoutPictures, pictureKeys, picturesGone } from '../run/face-pictures.ts';
import { type OpenRun, openRun } from '../run/open-run.ts';
import { findEpisode } from '../store/episodes.ts';
import { findPerson } from '../store/people.ts';
import type { Added, SeedResult, Watch } from './add-seeds.ts';
import { type Accusation, contaminationOf, type Suspect } from './contaminated.ts';
import type { SeedPictures } from './cut-seed.ts';
import { gatesFor, judgeSharpness, judgeValues, type Refusal, refuseConsent } from './gates.ts';
import { keepSeeds, refuseDuplicate, type SeedDraft, takenFaces, takenMoments } from './keep-seeds.ts';
import { compareDrafts } from './look-alikes.ts';
import type { SeedModels } from './seed-vectors.ts';

export interface PromoteRequest {
  readonly ep_id: string;
  /** The current run if absent. */
  readonly run_id?: string | undefined;
  readonly person: string;
  /** `12`, or a span of it: `12:3400-5200`. Its best faces of different poses are taken. */
  readonly track?: string | undefined;
  /** These very faces instead: `12-3`. */
  readonly faces: readonly string[];
  /** Faces of the track that are taken at most. */
  readonly most: number;
}

/** Room around a face in an episode's thumb, in face sides: as the stage `harvest` cuts it. */
const THUMB_ROOM = 1.5;
/** Two faces of a track that differ by less show the same; degrees of yaw. */
const SAME_POSE_DEG = 8;

/** Faces of an episode as seeds: the same gates, and none that looks like somebody else or unlike its person. */
export async function promoteFaces(engine: Engine, by: By, request: PromoteRequest, watch: Watch): Promise<Added> {
  const run = await openRun(engine, request.ep_id, request.run_id);
  const models = await modelsOf(engine, run);
  const db = await engine.db();
  const known = await findPerson(db, request.person);
  const person = known?.name ?? request.person;
  const unwanted = refuseConsent(known);
  const rows = chosenFaces(run, request);
  const gone = await facesWithoutPictures(
    engine.blobs,
    run,
    rows.map(({ face_id }) => face_id),
  );
  if (gone.length > 0) throw picturesGone(request.ep_id, gone);
  const aspect = await aspectOf(engine, request.ep_id);
  const made: { row: FaceRow; draft: SeedDraft }[] = [];
  for (const [i, row] of rows.entries()) {
    watch.signal.throwIfAborted();
    watch.progress(i, rows.length, row.face_id);
    made.push({ row, draft: await draftOf(engine, run, row, { person, aspect }) });
  }
  watch.progress(rows.length, rows.length, '');
  const suspects = made.map(({ row, draft }) => suspectOf(run, row, draft));
  const accused = await contaminationOf(engine, person, suspects, models);
  const taken = [
    ...(await takenMoments(db, request.ep_id)),
    ...(await takenFaces(
      db,
      made.map(({ draft }) => draft.facts.source_sha256),
    )),
  ];
  const judged = made.map(({ row, draft }, i) => {
    const said = unwanted === undefined ? verdict(engine, draft, taken, accused[i]) : { refusal: unwanted };
    return { row, draft, ...said };
  });
  const drafts = judged.flatMap(({ draft, refusal }) => (refusal === undefined ? [draft] : []));
  const compared = await compareDrafts(engine, drafts, models);
  watch.signal.throwIfAborted(); // from here on it is done whole
  const kept = await keepSeeds(engine, by, drafts, models);
  let next = 0;
  const results = judged.map(({ row, refusal, seed_id }): SeedResult => {
    const named = { file: row.face_id, person, faces: [] };
    if (refusal !== undefined) return { ...named, seed_id: seed_id ?? null, ...refusal };
    const detail = `a face of ${Math.round(row.size_px)} px at ${(row.at_ms / 1000).toFixed(1)} s`;
    return { ...named, seed_id: kept.seed_ids[next++] as string, code: 'added', value: null, threshold: null, detail };
  });
  const { change_id, affected, created } = kept;
  return { change_id, affected, created, results, cast: [], ...compared, models };
}

/** The models that the run was made with: its vectors are used as they are. */
async function modelsOf(engine: Engine, run: OpenRun): Promise<SeedModels> {
  const detector = await engine.models.resolve(run.detector);
  return { detector, embedder: await engine.models.resolve(run.embedder), provider: run.provider };
}

/** In the order of the run. */
function chosenFaces(run: OpenRun, { ep_id, track, faces, most }: PromoteRequest): FaceRow[] {
  const rows = run.faces.rows;
  const missing = faces.filter((id) => !rows.some(({ face_id }) => face_id === id));
  if (missing.length > 0) throw new ScreenalyticsError('TRACK_NOT_FOUND', { episode: ep_id, faces: missing });
  const wanted = new Set(faces);
  if (track !== undefined) {
    const own = facesOf(track, rows);
    if (own.length === 0) throw new ScreenalyticsError('TRACK_NOT_FOUND', { episode: ep_id, track });
    for (const { face_id } of bestDiverse(own, most)) wanted.add(face_id);
  }
  return rows.filter(({ face_id }) => wanted.has(face_id));
}

/** The best, each of a pose that no better one has; nothing hidden or blurred unless that is all there is. */
function bestDiverse(rows: readonly FaceRow[], most: number): FaceRow[] {
  const clear = rows.filter(({ flags }) => !flags.includes('occluded') && !flags.includes('blurred'));
  const sorted = [...(clear.length > 0 ? clear : rows)].sort((a, b) => b.quality - a.quality);
  const kept: FaceRow[] = [];
  for (const row of sorted)
    if (kept.length < most && !kept.some((each) => Math.abs(each.yaw_deg - row.yaw_deg) < SAME_POSE_DEG))
      kept.push(row);
  return kept;
}

/** Width of the episode's frame divided by its height. */
async function aspectOf(engine: Engine, ep_id: string): Promise<number> {
  const episode = await findEpisode(await engine.db(), ep_id);
  return episode?.width && episode.height ? episode.width / episode.height : 16 / 9;
}

async function draftOf(
  engine: Engine,
  run: OpenRun,
  row: FaceRow,
  { person, aspect }: { person: string; aspect: number },
): Promise<SeedDraft> {
  const keys = pictureKeys(run, row.face_id);
  const [chip, thumb] = await Promise.all([engine.blobs.get(keys.chip), engine.blobs.get(keys.thumb)]);
  if (chip === undefined || thumb === undefined) throw picturesGone(run.ep_id, [row.face_id]);
  const index = run.faces.rows.indexOf(row);
  const { landmarks } = run.detections.rows[row.detection] as DetectionRow;
  const pictures: SeedPictures = { chip, photo: thumb, ...inThumb(row.box, landmarks, aspect) };
  const facts: SeedDraft['facts'] = {
    source_sha256: createHash('sha256').update(chip).digest('hex'),
    source_name: `${run.ep_id} ${row.face_id}`,
    origin: 'track',
    ...{ ep_id: run.ep_id, track_id: row.track_id, at_ms: row.at_ms },
    detector: run.detector,
    source_box: row.box,
    ...{ score: row.score, size_px: row.size_px, yaw_deg: row.yaw_deg, roll_deg: row.roll_deg },
    ...{ sharpness: row.sharpness, quality: row.quality },
  };
  return { person, pictures, facts, vector: run.embeddings.faces[index] as Float32Array };
}

/** From fractions of the frame to fractions of the square that was cut around the face. */
export function inThumb(box: Box, landmarks: Landmarks, aspect: number): { box: Box; landmarks: Landmarks } {
  const [x1, y1, x2, y2] = box;
  const side = Math.max((x2 - x1) * aspect, y2 - y1) * THUMB_ROOM; // in heights of the frame
  const x = (v: number) => 0.5 + ((v - (x1 + x2) / 2) * aspect) / side;
  const y = (v: number) => 0.5 + (v - (y1 + y2) / 2) / side;
  const point = ([px, py]: Point): Point => [x(px), y(py)];
  const [a, b, c, d, e] = landmarks;
  return {
    box: [x(x1), y(y1), x(x2), y(y2)],
    landmarks: [point(a), point(b), point(c), point(d), point(e)],
  };
}

function suspectOf(run: OpenRun, row: FaceRow, { vector }: SeedDraft): Suspect {
  const template = run.embeddings.tracks.find((each) => each.track_id === row.track_id);
  const is_mixed = template === undefined || template.suspected_switches_ms.length > 0;
  const { face_id: seed_id, quality, yaw_deg, size_px } = row;
  return { seed: { seed_id, vector, quality, yaw_deg, size_px }, track: is_mixed ? undefined : template.vector };
}

function verdict(
  { config }: Engine,
  { person, facts }: SeedDraft,
  taken: Parameters<typeof refuseDuplicate>[1],
  accused: Accusation | undefined,
): { refusal?: Refusal; seed_id?: string | null } {
  const { score, size_px, sharpness, source_sha256, source_box, at_ms } = facts;
  const refusal =
    judgeValues(score, size_px, gatesFor(config, facts.detector)) ??
    judgeSharpness(sharpness, config.facebank.blur_min);
  if (refusal !== undefined) return { refusal };
  const again = refuseDuplicate({ source_sha256, source_box, at_ms, person }, taken);
  if (again !== undefined) return again;
  return accused === undefined ? {} : { refusal: accused };
}
