import type { Artifacts, DetectionRow } from './artifacts.ts';

/** When and where faces were seen, by place in the list of detections: an hour has a hundred thousand, of which most are asked for their moment alone. */
export interface Detected {
  readonly length: number;
  /** Undefined where there is none. */
  at_ms(i: number): number | undefined;
  box(i: number): DetectionRow['box'] | undefined;
}

type Detections = Pick<Artifacts['detections'], 'rows'>;

const kept = new WeakMap<Detections, Detected>();

/** Of an artifact; without making a row of each where it was opened from its packed form. */
export function detectedIn(detections: Detections): Detected {
  return kept.get(detections) ?? detectedOf(detections.rows);
}

/** For who holds them in another form than rows. */
export function keepDetected<D extends Detections>(detections: D, detected: Detected): D {
  kept.set(detections, detected);
  return detections;
}

/** Of what is given rows, and perhaps the same without them. */
export function detectedBy(input: {
  readonly detections: readonly Pick<DetectionRow, 'at_ms' | 'box'>[];
  readonly detected?: Detected | undefined;
}): Detected {
  return input.detected ?? detectedOf(input.detections);
}

function detectedOf(rows: readonly Pick<DetectionRow, 'at_ms' | 'box'>[]): Detected {
  return { length: rows.length, at_ms: (i) => rows[i]?.at_ms, box: (i) => rows[i]?.box };
}
