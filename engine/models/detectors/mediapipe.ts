import type { Box, Face, Image } from '#engine/core/image.ts';
import { weightedNms } from '#engine/math/nms.ts';
import { type ColourFormat, type Placement, planLetterbox, pyramid, type Region, type Size } from '../letterbox.ts';
import type { ModelSession } from '../session.ts';
import { type FaceDetector, PROPOSED_MIN, type Tally } from '../types.ts';
import { logit, type Outputs, outputsOfWidth, pick, placeFace, reaches, sigmoid, type Tensor } from './place.ts';
import { remember } from './single-shot.ts';

/** The converted graph normalises by itself. */
const FORMAT: ColourFormat = { order: 'rgb', mean: [0, 0, 0], std: 1 };
const CELLS = 48; // per side of the square input
const VALUES = 16; // per cell: box centre and size, six points
/** Half a mouth's width in distances between the eyes, on the ArcFace template. */
const MOUTH = 0.414;
/** A box that ends this near an inner edge of its tile (in tile sides) is cut off there; a neighbour sees it whole. */
const EDGE = 0.003;

/**
 * MediaPipe draws squares from the brows to the chin, the other detectors and the labelled sets boxes from the hairline to
 * the chin, narrower than high. Shares of the square by which its left, top, right and bottom edge move outwards: medians
 * over 83 labelled television faces and 153 boxes of MSDWild, averaged over both sets and over both sides.
 */
const OUTWARDS = { side: -0.07, top: 0.15, bottom: 0.025 };

/** One layer of square tiles over a picture. */
export interface TileLayer {
  /** Side of a tile in shorter sides of the picture, 0..1. */
  readonly side: number;
  /** How much tile length is spent per picture length, at least 1: more means more overlap. */
  readonly cover: number;
}

/**
 * Squares as high as the picture: three of them on 16:9. Finer layers, alone or added, find more faces of 40 px (recall
 * at IoU 0.3 from 61 to 80% with sides of 0.75) at two to three times the cost, but their boxes fit the labelled ones of
 * usual size worse (at IoU 0.5 from 97 to 93% on msdwild), so that they are not the default.
 */
export const TILES: readonly TileLayer[] = [{ side: 1, cover: 1.15 }];

/**
 * MediaPipe face detection, full range (Bazarevsky et al., BlazeFace, 2019; face_detection_full_range.tflite). It sees
 * 192 x 192 pixels, so the picture is shown whole and again in tiles; what several of them see is averaged.
 * `together`: all tiles of a picture in one batch. That saves trips to a graphics card; a processor gains nothing by it.
 */
export function mediapipeDetector(
  model_id: string,
  session: ModelSession,
  input: Size,
  layers: readonly TileLayer[] = TILES,
  together = session.provider !== 'cpu',
): FaceDetector {
  const [name] = session.inputNames;
  if (name === undefined) throw new RangeError(`${model_id}: the network has no input`);
  const plans = remember((picture) =>
    tile(picture, layers).map((region) => ({
      region,
      letterbox: planLetterbox(picture, region, input, FORMAT),
    })),
  );
  return {
    model_id,
    provider: session.provider,
    alignment: 'four',
    async detect(image: Image, { confidence_th, iou_th, tally }) {
      const source = pyramid(image);
      const tiles = plans(image);
      const batch = together ? tiles.length : 1;
      const values = 3 * input.width * input.height;
      const data = new Float32Array(batch * values);
      const faces: Face[] = [];
      let sure = 0;
      for (let from = 0; from < tiles.length; from += batch) {
        const group = tiles.slice(from, from + batch);
        group.forEach(({ letterbox }, i) => {
          letterbox.fill(source, data, i * values);
        });
        const outputs = await session.run({ [name]: { data, dims: [batch, 3, input.height, input.width] } });
        group.forEach(({ region, letterbox }, i) => {
          const found = decodeMediapipe(outputsOfTile(outputs, i), input, letterbox.placement, confidence_th, tally);
          sure += found.length;
          faces.push(...found.filter((face) => !isCutOff(face, region, image)));
        });
      }
      const boxed = weightedNms(faces, iou_th).map((face) => ({ ...face, box: hairlineBox(face.box) }));
      const kept = withoutEchoes(boxed, image);
      if (tally !== undefined) tally.overlap += sure - kept.length;
      return kept;
    },
    close: () => session.close(),
  };
}

/** One tile's share of the outputs of a batch: (batch, ...) to (1, ...), without a copy. */
function outputsOfTile(outputs: Outputs, index: number): Outputs {
  const share = ({ data, dims: [batch = 1, ...rest] }: Tensor): Tensor => {
    const size = data.length / batch;
    return { data: data.subarray(index * size, (index + 1) * size), dims: [1, ...rest] };
  };
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, share(tensor)]));
}

/**
 * On a profile this detector often sees a second, unsure face at the ear. Two heads of one size cannot be nearer than a head is
 * wide, some four fifths of hairline to chin: of two such faces an unsure one goes, unless its size says that it is farther away.
 */
const ECHO = { score_max: 0.6, distance_max: 0.75, size_ratio_min: 0.6 };

export function withoutEchoes(faces: readonly Face[], { width, height }: Size): Face[] {
  const sorted = [...faces].sort((a, b) => b.score - a.score);
  const kept: Face[] = [];
  for (const face of sorted) if (!kept.some((other) => isEcho(face, other))) kept.push(face);
  return kept;

  function isEcho(face: Face, other: Face): boolean {
    if (face.score >= ECHO.score_max) return false;
    const [own, its] = [face, other].map(({ box }) => (box[3] - box[1]) * height) as [number, number];
    if (Math.min(own, its) < ECHO.size_ratio_min * Math.max(own, its)) return false;
    const dx = ((face.box[0] + face.box[2] - other.box[0] - other.box[2]) / 2) * width;
    const dy = ((face.box[1] + face.box[3] - other.box[1] - other.box[3]) / 2) * height;
    return Math.hypot(dx, dy) < (ECHO.distance_max * (own + its)) / 2;
  }
}

/** From MediaPipe's square to the box that the other detectors draw. */
export function hairlineBox([x1, y1, x2, y2]: Box): Box {
  const width = x2 - x1;
  const height = y2 - y1;
  return [
    x1 - OUTWARDS.side * width,
    y1 - OUTWARDS.top * height,
    x2 + OUTWARDS.side * width,
    y2 + OUTWARDS.bottom * height,
  ];
}

/** The whole picture first, then each layer's tiles, evenly spaced from edge to edge. */
export function tile(picture: Size, layers: readonly TileLayer[]): Region[] {
  const regions: Region[] = [{ x: 0, y: 0, width: picture.width, height: picture.height }];
  for (const { side, cover } of layers) {
    const length = Math.round(Math.min(picture.width, picture.height) * side);
    const columns = count(picture.width, length, cover);
    const rows = count(picture.height, length, cover);
    if (columns * rows === 1) continue;
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        regions.push({
          x: columns > 1 ? Math.round(((picture.width - length) * column) / (columns - 1)) : 0,
          y: rows > 1 ? Math.round(((picture.height - length) * row) / (rows - 1)) : 0,
          width: length,
          height: length,
        });
  }
  return regions;
}

function count(length: number, side: number, cover: number): number {
  return length <= side ? 1 : Math.max(2, Math.ceil((length / side) * cover));
}

/**
 * One anchor in the middle of each of 48 x 48 cells; box and points are offsets from it in input pixels; scores are
 * logits. Outputs: (1, 2304, 16) and (1, 2304, 1). The six points are two eyes (image-left first), nose tip, mouth
 * centre and two ear tragions; mouth corners are put beside the mouth's centre, along the line of the eyes.
 */
export function decodeMediapipe(
  outputs: Outputs,
  input: Size,
  place: Placement,
  confidence_th: number,
  tally?: Tally,
): Face[] {
  const values = pick(outputsOfWidth(outputs, VALUES), 0, 'boxes');
  const scores = pick(outputsOfWidth(outputs, 1), 0, 'scores');
  const threshold = logit(confidence_th);
  const floor = logit(PROPOSED_MIN);
  const stepX = input.width / CELLS;
  const stepY = input.height / CELLS;
  const faces: Face[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (!reaches(score, threshold, tally, floor)) continue;
    const ax = ((i % CELLS) + 0.5) * stepX;
    const ay = (Math.floor(i / CELLS) + 0.5) * stepY;
    const value = (n: number) => values[i * VALUES + n] as number;
    const cx = ax + value(0);
    const cy = ay + value(1);
    const halfWidth = value(2) / 2;
    const halfHeight = value(3) / 2;
    const [lx, ly, rx, ry, nx, ny, mx, my] = Array.from({ length: 8 }, (_, n) => value(4 + n) + (n % 2 ? ay : ax)) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const dx = MOUTH * (rx - lx);
    const dy = MOUTH * (ry - ly);
    faces.push(
      placeFace(
        {
          score: sigmoid(score),
          box: [cx - halfWidth, cy - halfHeight, cx + halfWidth, cy + halfHeight],
          points: [lx, ly, rx, ry, nx, ny, mx - dx, my - dy, mx + dx, my + dy],
        },
        place,
      ),
    );
  }
  return faces;
}

function isCutOff({ box }: Face, tile: Region, picture: Size): boolean {
  const margin = EDGE * tile.width;
  const left = box[0] * picture.width - tile.x < margin && tile.x > 0;
  const top = box[1] * picture.height - tile.y < margin && tile.y > 0;
  const right = tile.x + tile.width - box[2] * picture.width < margin && tile.x + tile.width < picture.width;
  const bottom = tile.y + tile.height - box[3] * picture.height < margin && tile.y + tile.height < picture.height;
  return left || top || right || bottom;
}
