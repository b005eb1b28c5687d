import type { Config } from '#config/schema.ts';
import type { Artifacts, FaceRow } from '#engine/core/artifacts.ts';
import type { Face, Frame, Image } from '#engine/core/image.ts';
import type { StageFace } from '#engine/core/stage.ts';
import { type Alignment, alignFace } from '#engine/math/align.ts';
import { assessFace } from '#engine/math/quality.ts';
import { createSelection, offer, type Selection } from '#engine/math/select.ts';
import { cropSquare } from '#engine/media/pictures.ts';

export const harvest = {
  name: 'harvest',
  version: 2,
  needs: ['media', 'tracks'],
  makes: 'faces',
} as const satisfies StageFace;

/** Room around a face in the picture that people see, in face sizes. */
const THUMB_ROOM = 1.5;

/** (chip_size, chip_size, 3): a face as recognition sees it. */
export function cutChip(
  frame: Image,
  { landmarks }: Pick<Face, 'landmarks'>,
  { chip_size }: Pick<Config['faces'], 'chip_size'>,
  alignment: Alignment,
): Image {
  return alignFace(frame, landmarks, chip_size, alignment);
}

/** (thumb_size, thumb_size, 3): a face as people see it, upright and with some room. */
export function cutThumb(
  frame: Image,
  { box }: Pick<Face, 'box'>,
  { thumb_size }: Pick<Config['faces'], 'thumb_size'>,
): Image {
  return cropSquare(frame, box, THUMB_ROOM, thumb_size);
}

/** A crop that is kept so far: what is known of it, and its pixels. */
interface Kept {
  readonly row: Omit<FaceRow, 'face_id'>;
  /** (chip_size, chip_size, 3), aligned. */
  readonly chip: Uint8Array;
  /** (thumb_size, thumb_size, 3), upright, with some room. */
  readonly thumb: Uint8Array;
}

export interface HarvestState {
  readonly tracks: readonly {
    readonly track_id: number;
    readonly selection: Selection;
    readonly kept: readonly { id: string; row: Omit<FaceRow, 'face_id'>; chip: string; thumb: string }[];
  }[];
  readonly rejects: Artifacts['faces']['rejects'];
}

/** A face of a track that ended, ready to be written. */
export interface Harvested {
  readonly row: FaceRow;
  readonly chip: Image;
  readonly thumb: Image;
}

export interface HarvestConsumer {
  /** A tracked face while its frame is at hand. `others`: all faces of the frame. */
  offer(track_id: number, detection: number, frame: Frame, face: Face, others: readonly Face[]): void;
  /** The track ended: its crops in time order; an unknown track has none. */
  collect(track_id: number): Harvested[];
  rejects(): Artifacts['faces']['rejects'];
  state(): HarvestState;
}

export function createHarvest(params: Config['faces'], alignment: Alignment, from?: HarvestState): HarvestConsumer {
  const tracks = new Map<number, { selection: Selection; kept: Map<string, Kept> }>(
    (from?.tracks ?? []).map((each) => [each.track_id, revive(each)]),
  );
  const rejects = { too_small: from?.rejects.too_small ?? 0, low_conf: from?.rejects.low_conf ?? 0 };

  function isFit(face: Face, frame: Frame): boolean {
    const side = Math.min((face.box[2] - face.box[0]) * frame.width, (face.box[3] - face.box[1]) * frame.height);
    if (side < params.min_face_size) rejects.too_small++;
    else if (face.score < params.min_face_conf) rejects.low_conf++;
    else return true;
    return false;
  }

  return {
    offer(track_id, detection, frame, face, others) {
      if (!isFit(face, frame)) return;
      const chip = cutChip(frame, face, params, alignment);
      const found = assessFace({ face, others, frame, chip }, params);
      if (found.sharpness === 0) return; // one flat colour: landmarks that span no face, and nothing to recognise
      const track = tracks.get(track_id) ?? { selection: createSelection(params.top_k), kept: new Map<string, Kept>() };
      tracks.set(track_id, track);
      const id = String(detection);
      const { yaw_deg, quality } = found;
      const answer = offer(track.selection, { id, at_ms: frame.at_ms, yaw_deg, quality });
      if (!answer.kept) return;
      if (answer.evicted !== undefined) track.kept.delete(answer.evicted);
      const row = {
        track_id,
        detection,
        at_ms: frame.at_ms,
        box: [...face.box].map((v) => round(v, 5)) as [number, number, number, number],
        score: round(face.score, 4),
        quality: round(quality, 4),
        yaw_deg: round(yaw_deg, 1),
        roll_deg: round(found.roll_deg, 1),
        sharpness: round(found.sharpness, 4),
        size_px: round(found.size_px, 1),
        flags: found.flags,
      };
      const thumb = cutThumb(frame, face, params);
      track.kept.set(id, { row, chip: chip.rgb, thumb: thumb.rgb });
    },
    collect(track_id) {
      const track = tracks.get(track_id);
      tracks.delete(track_id);
      const kept = [...(track?.kept.values() ?? [])].sort((a, b) => a.row.at_ms - b.row.at_ms);
      const square = (side: number, rgb: Uint8Array): Image => ({ width: side, height: side, rgb });
      return kept.map(({ row, chip, thumb }, n) => ({
        row: { face_id: `${track_id}-${n}`, ...row },
        chip: square(params.chip_size, chip),
        thumb: square(params.thumb_size, thumb),
      }));
    },
    rejects: () => ({ ...rejects }),
    state: () => ({ tracks: [...tracks].map(([id, track]) => freeze(id, track)), rejects: { ...rejects } }),
  };
}

function freeze(
  track_id: number,
  track: { selection: Selection; kept: Map<string, Kept> },
): HarvestState['tracks'][number] {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const kept = [...track.kept].map(([id, k]) => ({ id, row: k.row, chip: base64(k.chip), thumb: base64(k.thumb) }));
  return { track_id, selection: structuredClone(track.selection), kept };
}

function revive(each: HarvestState['tracks'][number]): { selection: Selection; kept: Map<string, Kept> } {
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
  const kept = each.kept.map(({ id, row, chip, thumb }): [string, Kept] => [
    id,
    { row, chip: bytes(chip), thumb: bytes(thumb) },
  ]);
  return { selection: structuredClone(each.selection), kept: new Map(kept) };
}

function round(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
