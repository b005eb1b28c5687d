import type { ServerContext } from '@modelcontextprotocol/server';
import type { ToolProgress } from './tool.ts';

/** Between two notes of one phase. */
const PAUSE_MS = 500;

/**
 * Tells a client that asked for it how far a call is. The number may only rise over all phases of a call, so it counts finished
 * phases and adds the part of the present one; how many there will be is not known.
 */
export function progressNotes(ctx: ServerContext): (now: ToolProgress) => void {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  let [phase, phases, said, at] = ['', -1, -1, 0];
  return (now) => {
    const { name, part, message } = factsOf(now);
    if (name === phase && performance.now() - at < PAUSE_MS) return;
    if (name !== phase) phases += 1;
    const progress = Math.max(phases + part, said + 1e-6);
    [phase, said, at] = [name, progress, performance.now()];
    const params = { progressToken, progress, message };
    // A client that is gone is told by its signal.
    ctx.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
  };
}

function factsOf(now: ToolProgress): { name: string; part: number; message: string } {
  if ('item' in now) {
    const { item, bytes_done, bytes_total } = now;
    const of = bytes_total > 0 ? ` of ${megabytes(bytes_total)}` : '';
    return { name: item, part: share(bytes_done, bytes_total), message: `${item}: ${megabytes(bytes_done)}${of}` };
  }
  return { name: now.phase, part: share(now.frames_done, now.frames_total), message: now.line };
}

/** Below 1, which is the next phase's beginning. */
function share(done: number, total: number): number {
  return total > 0 ? Math.min(0.999, done / total) : 0;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
