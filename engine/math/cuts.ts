/**
 * Hard cuts and fades from small copies of every frame.
 *
 * The distance of two frames is the L1 distance of their colour histograms, block by block, so 0..2 (Boreczky & Rowe 1996
 * found block histograms the most reliable; Zhang, Kankanhalli & Smoliar 1993 introduced them for cuts). A cut is a distance
 * that passes a threshold and stands out from its neighbours (adaptive ratio, Yusoff, Christmas & Kittler 2000). A flash is a
 * jump after which the picture soon looks as before, and the jump back. A fade is a run of black; the new shot begins in its
 * middle. A black that lasts longer than LONG_BLACK is a shot of its own (credits, a dark scene): nobody can wait for its end.
 */
export interface CutParams {
  readonly threshold: number;
  readonly ratio_min: number;
  readonly window: number;
  readonly min_len: number;
  readonly fade_luma_max: number;
}

export interface CutFound {
  /** Index of the first frame of the new shot, counted from the first frame ever pushed. */
  readonly frame: number;
  readonly at_ms: number;
  readonly kind: 'cut' | 'fade';
  readonly score: number;
}

interface Entry {
  readonly at_ms: number;
  readonly luma: number;
  /** Distance to the frame before. */
  readonly distance: number;
  readonly histogram: readonly number[];
}

/** JSON-safe; what is needed to go on as if never stopped. */
export interface CutState {
  readonly next: number;
  readonly entries: readonly Entry[];
  readonly last_cut: number;
  /** The run of black that has not ended; `is_shot` once it has lasted too long to be a fade. */
  readonly dark: { readonly from: number; readonly from_ms: number; readonly is_shot: boolean } | null;
}

export interface CutFinder {
  /** rgb: (height, width, 3). Gives the cuts that became certain; they lag by `delay` frames. */
  push(at_ms: number, rgb: Uint8Array): CutFound[];
  /** The video ended: what was waiting for later frames is decided. */
  finish(): CutFound[];
  /** No cut earlier than this will be reported any more, ms. */
  decidedUntil(): number;
  state(): CutState;
}

const BLOCKS_X = 4;
const BLOCKS_Y = 3;
const BINS = 8;
/** Frames. */
const LONG_BLACK = 32;

/** How many frames must have been pushed after a moment, at most, until it is decided. */
export function lagOf({ window, min_len }: Pick<CutParams, 'window' | 'min_len'>): number {
  return Math.max(window, min_len) + LONG_BLACK / 2 + 1;
}

export function createCutFinder(
  params: CutParams,
  size: { width: number; height: number },
  from?: CutState,
): CutFinder {
  const delay = Math.max(params.window, params.min_len);
  const keep = 2 * delay + 1;
  const entries: Entry[] = [...(from?.entries ?? [])];
  let next = from?.next ?? 0;
  let last_cut = from?.last_cut ?? 0;
  let dark = from?.dark ?? null;

  const entry = (frame: number): Entry | undefined => entries[frame - (next - entries.length)];

  /** Largest distance among the neighbours, leaving out the frame itself. */
  function neighbourhood(frame: number): number {
    const around: number[] = [];
    for (let i = frame - params.window; i <= frame + params.window; i++) {
      const near = i === frame ? undefined : entry(i);
      if (near !== undefined && i > 0) around.push(near.distance);
    }
    around.sort((a, b) => a - b);
    // The second largest: one other jump nearby (a cut back) must not hide a cut, steady motion must.
    return around.at(-2) ?? around.at(-1) ?? 0;
  }

  const areAlike = (a: Entry, b: Entry): boolean => l1(a.histogram, b.histogram) < params.threshold * 0.6;

  /** Soon after the jump the picture is as before it, or soon before the jump it was as after it. */
  function isFlash(frame: number, here: Entry): boolean {
    const before = entry(frame - 1);
    if (before === undefined) return false;
    for (let n = 1; n < params.min_len; n++) {
      const after = entry(frame + n);
      if (after !== undefined && areAlike(before, after)) return true;
      const earlier = entry(frame - 1 - n);
      if (earlier !== undefined && areAlike(earlier, here)) return true;
    }
    return false;
  }

  function decide(frame: number): CutFound[] {
    const here = entry(frame);
    if (here === undefined) return [];
    const fade = boundaryOfBlack(frame, here);
    if (fade !== undefined) {
      last_cut = fade.frame;
      return [fade];
    }
    const stands_out = here.distance >= params.threshold && here.distance >= params.ratio_min * neighbourhood(frame);
    if (!stands_out || frame === 0 || frame - last_cut < params.min_len || isFlash(frame, here)) return [];
    last_cut = frame;
    return [{ frame, at_ms: here.at_ms, kind: 'cut', score: here.distance }];
  }

  /** Black at the very beginning and black that began with a cut make no boundary: the shot began before it. */
  const isPending = (run: NonNullable<typeof dark>): boolean => !run.is_shot && run.from > 0 && last_cut < run.from;

  function boundaryOfBlack(frame: number, here: Entry): CutFound | undefined {
    const run = dark;
    const is_dark = here.luma <= params.fade_luma_max;
    if (is_dark && run === null) dark = { from: frame, from_ms: here.at_ms, is_shot: false };
    if (run === null || (is_dark && (run.is_shot || frame - run.from < LONG_BLACK))) return undefined;
    const pending = isPending(run);
    dark = is_dark ? { ...run, is_shot: true } : null;
    const of = { kind: 'fade', score: here.distance } as const;
    if (!is_dark && run.is_shot)
      return frame - last_cut < params.min_len || run.from === 0
        ? undefined
        : { frame, at_ms: here.at_ms, ...of, kind: here.distance >= params.threshold ? 'cut' : 'fade' };
    const middle = (run.from + frame) >> 1;
    if (!pending || middle - last_cut < params.min_len || isBlackout(run.from, frame, here)) return undefined;
    return { frame: middle, at_ms: Math.round((run.from_ms + here.at_ms) / 2), ...of };
  }

  /** Someone turned the light off and on: short, sudden on both sides, and the same picture again. */
  function isBlackout(from: number, frame: number, here: Entry): boolean {
    const [first, before] = [entry(from), entry(from - 1)];
    if (frame - from >= params.min_len || first === undefined || before === undefined) return false;
    return first.distance >= params.threshold && here.distance >= params.threshold && areAlike(before, here);
  }

  function push(at_ms: number, rgb: Uint8Array): CutFound[] {
    const { histogram, luma } = describe(rgb, size.width, size.height);
    const before = entries.at(-1);
    const distance = before === undefined ? 0 : l1(before.histogram, histogram);
    entries.push({ at_ms, luma, distance, histogram });
    if (entries.length > keep) entries.shift();
    next++;
    return next > delay ? decide(next - 1 - delay) : [];
  }

  function finish(): CutFound[] {
    const found: CutFound[] = [];
    for (let frame = Math.max(0, next - delay); frame < next; frame++) found.push(...decide(frame));
    return found;
  }

  function decidedUntil(): number {
    const undecided = entry(Math.max(0, next - delay));
    if (undecided === undefined || dark === null || !isPending(dark)) return undecided?.at_ms ?? 0;
    // A black that has not ended may still become a boundary in its middle, which moves half as fast as its end.
    return Math.floor((dark.from_ms + undecided.at_ms) / 2);
  }

  return { push, finish, decidedUntil, state: () => ({ next, entries: [...entries], last_cut, dark }) };
}

/** Histogram: (blocks x 3 channels x bins), each block and channel summing to 1; luma 0..1, Rec. 601. */
export function describe(rgb: Uint8Array, width: number, height: number): { histogram: number[]; luma: number } {
  const histogram = new Array<number>(BLOCKS_X * BLOCKS_Y * 3 * BINS).fill(0);
  const weight = (BLOCKS_X * BLOCKS_Y) / (width * height);
  let luma = 0;
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * BLOCKS_Y) / height) * BLOCKS_X;
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const block = (row + Math.floor((x * BLOCKS_X) / width)) * 3 * BINS;
      for (let c = 0; c < 3; c++) {
        const bin = block + c * BINS + ((rgb[at + c] as number) >> 5);
        histogram[bin] = (histogram[bin] as number) + weight;
      }
      luma += 0.299 * (rgb[at] as number) + 0.587 * (rgb[at + 1] as number) + 0.114 * (rgb[at + 2] as number);
    }
  }
  return { histogram, luma: luma / (255 * width * height) };
}

/** Mean over blocks and channels of the L1 distance, 0..2. */
function l1(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] as number) - (b[i] as number));
  return sum / (BLOCKS_X * BLOCKS_Y * 3);
}
