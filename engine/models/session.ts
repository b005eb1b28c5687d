import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import type { Device } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { chooseProviders, ranOn, runtimeName } from './providers.ts';
import type { Provider } from './types.ts';

/** Row-major float32 numbers. */
export interface Floats {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A loaded graph. Results of `run` are the caller's own. */
export interface ModelSession {
  /** What really runs it. */
  readonly provider: Provider;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Blocks this thread's event loop while it computes: run it in a worker. */
  run(feeds: Readonly<Record<string, Floats>>): Promise<Record<string, Floats>>;
  close(): Promise<void>;
}

interface Options {
  /** One is the fastest per core; parallel sessions use more cores. */
  readonly threads?: number;
  /** Length of a picture's side where the graph leaves it open: for the trial run on a device other than the processor. */
  readonly side?: number;
}

// Failures come as exceptions; the runtime's own lines on stderr would break the log.
env.logLevel = 'fatal';

/**
 * Loads a model on a device. A device that was asked for and cannot run the model is DEVICE_UNAVAILABLE; `auto` takes the first
 * that can, and the session says which. Every device but the processor first proves itself in a trial run.
 */
export async function openSession(path: string, device: Device, options: Options = {}): Promise<ModelSession> {
  const providers = availableProviders(device);
  let cause: unknown;
  for (const provider of providers) {
    try {
      const session = await open(path, provider, options);
      return wrap(session, provider);
    } catch (error) {
      if (provider === 'cpu') throw new ScreenalyticsError('MODEL_CORRUPT', { file: basename(path) }, { cause: error });
      cause = error;
    }
  }
  const reason = cause instanceof Error ? firstLine(cause.message) : 'this build of onnxruntime-node does not have it';
  throw new ScreenalyticsError(
    'DEVICE_UNAVAILABLE',
    { device, reason, available: availableProviders('auto') },
    { cause },
  );
}

/** What this machine may run models on, in the order in which it is tried. */
export function availableProviders(device: Device): Provider[] {
  const built = listSupportedBackends().map((each) => each.name);
  return chooseProviders(device, process.platform, hasGpuNode(), built);
}

function open(path: string, provider: Provider, { threads = 1, side = 640 }: Options): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: [runtimeName(provider)],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // DirectML allows no memory patterns.
    enableMemPattern: provider !== 'directml',
    logSeverityLevel: 4,
  };
  return provider === 'cpu' ? InferenceSession.create(path, options) : openProved(path, provider, options, side);
}

/**
 * The runtime may put any node that a provider does not know on the processor, and says so only in its profile: one run on an
 * empty picture shows what really computes.
 */
async function openProved(
  path: string,
  provider: Provider,
  options: InferenceSession.SessionOptions,
  side: number,
): Promise<InferenceSession> {
  const folder = await mkdtemp(join(tmpdir(), 'screenalytics-profile-'));
  try {
    const profile = { enableProfiling: true, profileFilePrefix: join(folder, 'run') };
    const session = await InferenceSession.create(path, { ...options, ...profile });
    try {
      await session.run(emptyFeeds(session, side));
      session.endProfiling();
      const [file = ''] = await readdir(folder);
      if (ranOn(provider, JSON.parse(await readFile(join(folder, file), 'utf8')))) return session;
      throw new Error(`parts of ${basename(path)} run on the processor instead`);
    } catch (error) {
      await session.release();
      throw error;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function emptyFeeds(session: InferenceSession, side: number): Record<string, Tensor> {
  return Object.fromEntries(
    session.inputMetadata.map((input) => {
      const shape = input.isTensor ? input.shape : [];
      const dims = shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis < 2 ? 1 : side));
      const size = dims.reduce((a, b) => a * b, 1);
      return [input.name, new Tensor('float32', new Float32Array(size), dims)];
    }),
  );
}

function wrap(session: InferenceSession, provider: Provider): ModelSession {
  return {
    provider,
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [name, new Tensor('float32', data, dims)]);
      const results = await session.run(Object.fromEntries(tensors));
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, floats(name, tensor)]));
    },
    close: () => session.release(),
  };
}

function floats(name: string, tensor: Tensor): Floats {
  if (!(tensor.data instanceof Float32Array)) throw new Error(`output ${name} is ${tensor.type}, float32 is expected`);
  return { data: tensor.data, dims: tensor.dims };
}

/** Linux shows each graphics card as a render node. */
function hasGpuNode(): boolean {
  const folder = '/dev/dri';
  return existsSync(folder) && readdirSync(folder).some((each) => each.startsWith('renderD'));
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
