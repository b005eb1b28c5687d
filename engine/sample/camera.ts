import type { Composition, Scene, View } from './composition.ts';

/** What one frame of the video shows. */
export interface Shot {
  readonly frame: number;
  readonly scene: number;
  readonly photo: string;
  readonly view: View;
  /** Brightness of a fade: 0 is black, 1 the picture itself. */
  readonly gain: number;
}

/** Half of a fade: the time a scene takes into black, and the next one out of it. */
const FADE_S = 0.48;

export function frameMs({ fps }: Composition): number {
  return 1000 / fps;
}

/** First frame of each scene, and behind them the number of frames in all. */
export function sceneStarts({ scenes, fps }: Composition): number[] {
  const starts = [0];
  for (const { seconds } of scenes) starts.push((starts.at(-1) ?? 0) + Math.max(1, Math.round(seconds * fps)));
  return starts;
}

/** Every frame in order. */
export function* shots(composition: Composition): Generator<Shot> {
  const starts = sceneStarts(composition);
  for (const [index, scene] of composition.scenes.entries()) {
    const start = starts[index] ?? 0;
    const count = (starts[index + 1] ?? start) - start;
    const fadesOut = composition.scenes[index + 1]?.transition === 'fade';
    for (let i = 0; i < count; i++) {
      yield {
        frame: start + i,
        scene: index,
        photo: scene.photo,
        view: viewAt(scene, count > 1 ? i / (count - 1) : 0),
        gain: gainAt(i, count, composition.fps * FADE_S, scene.transition === 'fade', fadesOut),
      };
    }
  }
}

/** u: 0 at the scene's first frame, 1 at its last. */
function viewAt({ from, to, ease }: Scene, u: number): View {
  const t = ease === 'smooth' ? u * u * (3 - 2 * u) : u;
  return { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t, w: from.w + (to.w - from.w) * t };
}

function gainAt(i: number, count: number, fadeFrames: number, fadesIn: boolean, fadesOut: boolean): number {
  const rise = fadesIn ? i / fadeFrames : 1;
  const fall = fadesOut ? (count - 1 - i) / fadeFrames : 1;
  return Math.max(0, Math.min(1, rise, fall));
}
