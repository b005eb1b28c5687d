import type { z } from 'zod';
import { queueName } from '#engine/queue/queue.ts';
import { ensureWorker } from '#engine/queue/worker-process.ts';
import { insertJob } from '#engine/store/jobs.ts';
import type { Caller } from './caller.ts';
import { profilesOf } from './judge.ts';
import type { Effect, Tool } from './tool.ts';

type AnyTool = Tool<z.ZodObject, z.ZodObject, Effect>;
type Input = Record<string, unknown>;

/** Whether this call is kept as a job instead of being waited for: as the input says, else as is usual where it comes from. */
export function becomesJob({ long }: AnyTool, input: Input, { jobs }: Caller): boolean {
  if (long === undefined || jobs === undefined) return false;
  return input.wait === undefined ? jobs === 'by_default' && long.waits?.(input) !== true : input.wait === false;
}

/**
 * Keeps the call for the worker, which decides again with the same caller. First the row, then the queue: of a queue that does not answer
 * the worker finds the row by itself. The same request while one waits or runs is that job.
 */
export async function enqueue(tool: AnyTool, input: Input, caller: Caller, approved: string | undefined) {
  const { engine, surface, actor = 'operator', policies = [] } = caller;
  const about = await tool.long?.job?.(input, engine);
  const { job_id } = await insertJob(await engine.db(), {
    ...{ queue: queueName(engine.config.home), tool: tool.name, input, actor, surface, policies },
    ...{ profiles: profilesOf(caller), proposal_id: approved ?? null },
    ...{ episode: about?.episode ?? null, request: about?.request ?? input },
  });
  try {
    await (await engine.queue()).add(job_id);
  } catch (error) {
    engine.log.warn({ err: error, job_id }, 'not in the queue yet');
  }
  ensureWorker(engine.config);
  return job_id;
}
