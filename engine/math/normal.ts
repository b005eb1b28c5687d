/** Probability that a standard normal value is below z: Abramowitz and Stegun 26.2.17, error under 1e-7. */
export function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))) * bell(z);
  return z < 0 ? tail : 1 - tail;
}

/** The value below which a standard normal one lies with probability p, 0 < p < 1: by halving, error under 1e-9. */
export function normalAt(p: number): number {
  let [low, high] = [-10, 10];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function bell(z: number): number {
  return Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
}
