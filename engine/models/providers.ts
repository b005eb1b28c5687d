import type { Device } from '#config/schema.ts';
import type { Provider } from './types.ts';

/** What onnxruntime-node calls them. */
type RuntimeName = 'cuda' | 'coreml' | 'dml' | 'webgpu' | 'cpu';

const NAMES = {
  cuda: 'cuda',
  coreml: 'coreml',
  directml: 'dml',
  webgpu: 'webgpu',
  cpu: 'cpu',
} as const satisfies Record<Provider, RuntimeName>;

/** Fastest first; the processor is always last. */
const ORDER: readonly Provider[] = ['cuda', 'coreml', 'directml', 'webgpu', 'cpu'];

/**
 * The execution providers to try, in turn. `available`: those that this build of onnxruntime-node lists.
 * A device that was asked for stands alone: there is nothing to fall back to in silence. An empty list: it cannot be had here.
 *
 * `auto` on Linux tries WebGPU only with a graphics card (`hasGpuNode`). Without one, looking for an adapter takes a second and
 * fails at best; at worst Mesa offers its software renderer, which is the processor with a detour.
 */
export function chooseProviders(
  device: Device,
  platform: NodeJS.Platform,
  hasGpuNode: boolean,
  available: readonly string[],
): Provider[] {
  const here = ORDER.filter((provider) => available.includes(NAMES[provider]));
  if (device !== 'auto') return here.filter((provider) => provider === device);
  return here.filter((provider) => provider !== 'webgpu' || platform !== 'linux' || hasGpuNode);
}

export function runtimeName(provider: Provider): RuntimeName {
  return NAMES[provider];
}

/** What the runtime's profile calls them. */
const PROFILE_NAMES: Record<Provider, string> = {
  cuda: 'CUDAExecutionProvider',
  coreml: 'CoreMLExecutionProvider',
  directml: 'DmlExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
  cpu: 'CPUExecutionProvider',
};

/** The operators that take nearly all of the time. The runtime may leave the arithmetic of shapes to the processor, and should. */
const HEAVY = /Conv|Gemm|MatMul/;

interface ProfileEvent {
  readonly cat?: string;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

/**
 * Whether a run really took place on `provider`, by the runtime's own profile (its JSON, parsed): something ran there, and no heavy
 * operator ran on the processor instead.
 */
export function ranOn(provider: Provider, profile: readonly ProfileEvent[]): boolean {
  const nodes = profile.filter((event) => event.cat === 'Node' && event.args?.provider !== undefined);
  const there = nodes.some((event) => event.args?.provider === PROFILE_NAMES[provider]);
  const strayed = nodes.some(
    (event) => event.args?.provider !== PROFILE_NAMES[provider] && HEAVY.test(event.args?.op_name ?? ''),
  );
  return there && !strayed;
}
