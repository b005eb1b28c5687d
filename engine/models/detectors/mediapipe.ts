import type { Box, Face, Image } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';
import { weightedNms } from '#engine/math/nms.ts';
import {
  type ColourFormat,
  type Letterbox,
  type Placement,
  planLetterbox,
  pyramid,
  type Region,
  type Size,
} from '../letterbox.ts';
import type { ModelSession } from '../session.ts';
import { type FaceDetector, PROPOSED_MIN, type Tally } from '../types.ts';
import { type Look, looksAt } from './looks.ts';
import { logit, type Outputs, outputsOfWidth, pick, placeFace, reaches, sigmoid, type Tensor } from './place.ts';
import { remember } from './single-shot.ts';

/** The converted graph normalises by itself. */
const FORMAT: ColourFormat = { order: 'rgb', mean: [0, 0, 0], std: 1 };
const CELL = 4; // pixels of the tensor
const VALUES = 16; // per cell: box centre and size, six points
/** Half a mouth's width in distances between the eyes, on the ArcFace template. */
const MOUTH = 0.414;
/** A box that ends this near an inner edge of its part (in shorter sides of it) is cut off there; a neighbour sees it whole. */
const EDGE = 0.003;

/**
 * MediaPipe draws squares from the brows to the chin, the other detectors and the labelled sets boxes from the hairline to
 * the chin, narrower than high. Shares of the square by which its left, top, right and bottom edge move outwards: medians
 * over 83 labelled television faces and 153 boxes of MSDWild, averaged over both sets and over both sides.
 */
const OUTWARDS = { side: -0.07, top: 0.15, bottom: 0.025 };

/** Height, in pictures, from which a face is looked for with room round the picture, too. */
const LARGE = 0.6;
/** How near the picture's edge the others reach that are, in pictures. */
const AT_EDGE = 0.02;

/** Looks whose tensors are of one size: they may be taken together. */
interface Batch {
  readonly tensor: Size;
  readonly looks: readonly (Look & { readonly letterbox: Letterbox })[];
}

/**
 * MediaPipe face detection, full range (Bazarevsky et al., BlazeFace, 2019; face_detection_full_range.tflite). It was made
 * for 192 x 192 pixels, so the picture is shown small and larger (`looks.ts`); what several looks see is averaged. The look with room round
 * the picture adds faces alone that its edge cuts, or that fill it, and that no other look has.
 * `together`: all looks of a size in one batch. That saves trips to a graphics card; a processor gains nothing by it.
 */
export function mediapipeDetector(
  model_id: string,
  session: ModelSession,
  input: Size,
  together = session.provider !== 'cpu',
): FaceDetector {
  const [name] = session.inputNames;
  if (name === undefined) throw new RangeError(`${model_id}: the network has no input`);
  const plans = remember((picture) => batchesOf(picture, input, together));
  return {
    model_id,
    provider: session.provider,
    alignment: 'four',
    async detect(image: Image, { confidence_th, iou_th, tally }) {
      const source = pyramid(image);
      const faces: Face[] = [];
      const framed: Face[] = [];
      let sure = 0;
      for (const { tensor, looks } of plans(image)) {
        const values = 3 * tensor.width * tensor.height;
        const data = new Float32Array(looks.length * values);
        looks.forEach(({ letterbox }, i) => {
          letterbox.fill(source, data, i * values);
        });
        const outputs = await session.run({ [name]: { data, dims: [looks.length, 3, tensor.height, tensor.width] } });
        looks.forEach(({ region, room, letterbox }, i) => {
          const found = decodeMediapipe(outputsOfLook(outputs, i), tensor, letterbox.placement, confidence_th, tally);
          sure += found.length;
          (room > 0 ? framed : faces).push(...found.filter((face) => !isCutOff(face, region, image)));
        });
      }
      const kept = joined(faces, iou_th, image);
      const isNew = (face: Face) => kept.every((other) => iou(face.box, other.box) < iou_th);
      kept.push(...joined(framed, iou_th, image).filter((face) => needsRoom(face) && isNew(face)));
      if (tally !== undefined) tally.overlap += sure - kept.length;
      return kept;
    },
    close: () => session.close(),
  };
}

function batchesOf(picture: Size, input: Size, together: boolean): Batch[] {
  const planned = looksAt(picture, input).map((look) => {
    return { ...look, letterbox: planLetterbox(picture, look.region, look.tensor, FORMAT, look.room) };
  });
  const groups = Map.groupBy(planned, (look) => (together ? `${look.tensor.width}x${look.tensor.height}` : look));
  return [...groups.values()].flatMap((looks) => looks.slice(0, 1).map(({ tensor }) => ({ tensor, looks })));
}

/** One look's share of the outputs of a batch: (batch, ...) to (1, ...), without a copy. */
function outputsOfLook(outputs: Outputs, index: number): Outputs {
  const share = ({ data, dims: [batch = 1, ...rest] }: Tensor): Tensor => {
    const size = data.length / batch;
    return { data: data.subarray(index * size, (index + 1) * size), dims: [1, ...rest] };
  };
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, share(tensor)]));
}

/** What several looks saw of one face becomes one, with the usual box. */
function joined(faces: readonly Face[], iou_th: number, picture: Size): Face[] {
  const boxed = weightedNms(faces, iou_th).map((face) => ({ ...face, box: hairlineBox(face.box) }));
  return withoutEchoes(boxed, picture);
}

function needsRoom({ box: [x1, y1, x2, y2] }: Face): boolean {
  return y2 - y1 >= LARGE || Math.min(x1, y1) < AT_EDGE || Math.max(x2, y2) > 1 - AT_EDGE;
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

/**
 * One anchor in the middle of each cell of 4 x 4 pixels of the tensor, row by row; box and points are offsets from it in pixels; scores are
 * logits. Outputs: (1, cells, 16) and (1, cells, 1). The six points are two eyes (image-left first), nose tip, mouth
 * centre and two ear tragions; mouth corners are put beside the mouth's centre, along the line of the eyes.
 */
export function decodeMediapipe(
  outputs: Outputs,
  tensor: Size,
  place: Placement,
  confidence_th: number,
  tally?: Tally,
): Face[] {
  const values = pick(outputsOfWidth(outputs, VALUES), 0, 'boxes');
  const scores = pick(outputsOfWidth(outputs, 1), 0, 'scores');
  const threshold = logit(confidence_th);
  const floor = logit(PROPOSED_MIN);
  const columns = tensor.width / CELL;
  const faces: Face[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (!reaches(score, threshold, tally, floor)) continue;
    const ax = ((i % columns) + 0.5) * CELL;
    const ay = (Math.floor(i / columns) + 0.5) * CELL;
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

function isCutOff({ box }: Face, part: Region, picture: Size): boolean {
  const margin = EDGE * Math.min(part.width, part.height);
  const left = box[0] * picture.width - part.x < margin && part.x > 0;
  const top = box[1] * picture.height - part.y < margin && part.y > 0;
  const right = part.x + part.width - box[2] * picture.width < margin && part.x + part.width < picture.width;
  const bottom = part.y + part.height - box[3] * picture.height < margin && part.y + part.height < picture.height;
  return left || top || right || bottom;
}
