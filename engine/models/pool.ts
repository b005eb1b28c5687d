import type { Device } from '#config/schema.ts';
import type { Face, Image } from '#engine/core/image.ts';
import { openCrew } from './crew.ts';
import type { OpenableModel } from './open.ts';
import type { DetectOptions, FaceDetector, Provider, Tally } from './types.ts';

export interface DetectorPoolConfig {
  readonly detector: OpenableModel;
  readonly device: Device;
  /** Threads, each with sessions of its own. */
  readonly workers: number;
  readonly options: Omit<DetectOptions, 'tally'>;
  /** When given, each face also gets its vector (for trackers that compare appearances). */
  readonly embedder?: OpenableModel;
}

export interface Detected {
  readonly faces: Face[];
  /** What the detector saw in this picture beside them. */
  readonly tally: Tally;
  /** One per face, when the pool has an embedder. */
  readonly vectors?: Float32Array[];
}

/** Several threads that find faces. The result of a picture does not depend on which thread took it. */
export interface DetectorPool {
  readonly model_id: string;
  readonly alignment: FaceDetector['alignment'];
  readonly provider: Provider;
  /**
   * The picture is not copied when its `rgb` lies in a SharedArrayBuffer; leave it alone until the promise settles.
   * Results come in any order; keep no more than a few pictures per worker under way.
   */
  detect(image: Image): Promise<Detected>;
  /** Waits for what is under way, then lets the threads leave. */
  close(): Promise<void>;
}

/** What each thread says of itself when it has its models. */
export type DetectorReady = Pick<FaceDetector, 'model_id' | 'alignment' | 'provider'>;

/** Starts the workers and waits until every one has its models. If one cannot, none stays. */
export async function openDetectorPool(config: DetectorPoolConfig): Promise<DetectorPool> {
  const script = new URL('./pool-worker.ts', import.meta.url);
  const crew = await openCrew<DetectorReady, Image, Detected>(script, config, config.workers);
  return { ...crew.ready, detect: crew.ask, close: crew.close };
}
