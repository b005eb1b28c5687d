import type { Box } from '#engine/core/image.ts';

/**
 * Where a face is and how it moves: centre x, centre y, aspect (width / height), height, each with its speed per step;
 * in pixels. `mean` is (8): four values, then four speeds. `covariance` is (4, 3): for each value the variance of the
 * value, its covariance with its speed, the variance of the speed. Nothing else is ever non-zero, because the noises are
 * diagonal and a value moves only by its own speed: the 8 x 8 filter is four filters of 2 x 2.
 */
export interface Motion {
  readonly mean: readonly number[];
  readonly covariance: readonly number[];
}

/** Standard deviations per unit of height (Wojke et al., "Simple online and realtime tracking", ICIP 2017; ByteTrack). */
const POSITION = 1 / 20;
const SPEED = 1 / 160;
const ASPECT = { start: 1e-2, step: 1e-2, measured: 1e-1, speed: 1e-5 };

/** Box in pixels -> (4): centre x, centre y, aspect, height. */
function measure([x1, y1, x2, y2]: Box): [number, number, number, number] {
  return [(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1];
}

/** A face seen for the first time, at rest. */
export function start(box: Box): Motion {
  const values = measure(box);
  const mean = [...values, 0, 0, 0, 0];
  const covariance: number[] = [];
  for (let i = 0; i < 4; i++) {
    const value = i === 2 ? ASPECT.start : 2 * POSITION * values[3];
    const speed = i === 2 ? ASPECT.speed : 10 * SPEED * values[3];
    covariance.push(value * value, 0, speed * speed);
  }
  return { mean, covariance };
}

/** Where it should be `steps` samples later. A `lost` face keeps its height: its last change of size says little. */
export function predict(motion: Motion, steps = 1, lost = false): Motion {
  const mean = [...motion.mean];
  const covariance = [...motion.covariance];
  for (let step = 0; step < steps; step++) {
    if (lost || step > 0) mean[7] = 0;
    const height = mean[3] as number;
    for (let i = 0; i < 4; i++) {
      const value = i === 2 ? ASPECT.step : POSITION * height;
      const speed = i === 2 ? ASPECT.speed : SPEED * height;
      const [vv, vs, ss] = variances(covariance, i);
      mean[i] = (mean[i] as number) + (mean[i + 4] as number);
      covariance[3 * i] = vv + 2 * vs + ss + value * value;
      covariance[3 * i + 1] = vs + ss;
      covariance[3 * i + 2] = ss + speed * speed;
    }
  }
  return { mean, covariance };
}

/** The prediction corrected by what was seen. */
export function correct(motion: Motion, box: Box): Motion {
  const values = measure(box);
  const mean = [...motion.mean];
  const covariance = [...motion.covariance];
  for (let i = 0; i < 4; i++) {
    const [vv, vs, ss] = variances(covariance, i);
    const spread = vv + noise(motion, i);
    const difference = (values[i] as number) - (mean[i] as number);
    mean[i] = (mean[i] as number) + (vv / spread) * difference;
    mean[i + 4] = (mean[i + 4] as number) + (vs / spread) * difference;
    covariance[3 * i] = vv - (vv * vv) / spread;
    covariance[3 * i + 1] = vs - (vv * vs) / spread;
    covariance[3 * i + 2] = ss - (vs * vs) / spread;
  }
  return { mean, covariance };
}

/** The box in pixels. */
export function boxOf({ mean }: Motion): Box {
  const [x, y, aspect, height] = mean as [number, number, number, number];
  const width = aspect * height;
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** Variance of a measurement of value `i`. */
function noise(motion: Motion, i: number): number {
  const deviation = i === 2 ? ASPECT.measured : POSITION * (motion.mean[3] as number);
  return deviation * deviation;
}

function variances(covariance: readonly number[], i: number): [number, number, number] {
  return [covariance[3 * i] as number, covariance[3 * i + 1] as number, covariance[3 * i + 2] as number];
}
