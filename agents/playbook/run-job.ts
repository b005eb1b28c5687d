import { ERRORS, type ErrorCode, ScreenalyticsError } from '#engine/core/errors.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { PlaybookJob } from '#mcps/kit/schedules.ts';
import type { Status, Transcript } from '#mcps/kit/transcript.ts';
import { errorOf } from '#mcps/kit/work-job.ts';
import type { OtherJob } from '#mcps/kit/work-jobs.ts';
import { closeTranscript, transcriptOf } from './cut-off.ts';
import { readPlaybook } from './read.ts';
import { type Ran, runPlaybook } from './run.ts';
import type { Offered } from './running.ts';

type JobEnd = Awaited<ReturnType<OtherJob>>;

/**
 * Runs the playbook of a job, once: a run that was begun and cut off, by a kill or because its worker had to leave, has made calls that are not to be made
 * again, so it is over. Its transcript says how far it came.
 */
export function runPlaybookJobs(offered: Offered): OtherJob {
  return async (job, caller) => {
    const { playbook: name, source, inputs } = PlaybookJob.parse(job.input);
    const { engine, signal, progress, profile } = caller;
    const transcript = transcriptIdOf(job);
    const begun = await transcriptOf(engine, transcript);
    if (begun !== undefined) return endOfBegun(engine, begun);
    const playbook = await readPlaybook(source);
    const session = { engine, signal, ...(progress && { progress }), ...(profile && { profile }) };
    const ran = await runPlaybook({ ...offered, playbook, inputs, caller: session, transcript });
    const left = ran.status === 'canceled' && caller.job?.goesOn('CANCELED') === true;
    return left ? cutOff(name, transcript) : { ...endOf(ran.status, transcript), ...failureOf(ran) };
  };
}

/** The same for every worker that begins with it. */
function transcriptIdOf({ job_id, started_at }: Parameters<OtherJob>[0]): string {
  const time = (started_at ?? new Date()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${time}-${job_id.slice(-6)}`;
}

async function endOfBegun(engine: Caller['engine'], transcript: Transcript): Promise<JobEnd> {
  const { id, playbook, lines } = transcript;
  const ended = lines.findLast((line) => line.kind === 'ended');
  if (ended !== undefined) return endOf(ended.status, id); // only its row did not hear of it
  await closeTranscript(engine, transcript);
  return cutOff(playbook, id);
}

function cutOff(playbook: string, transcript: string): JobEnd {
  const error = errorOf(new ScreenalyticsError('PLAYBOOK_CUT_OFF', { playbook, transcript }), 'run');
  return { state: 'failed', result: { transcript }, error };
}

/** What waits for a person has not failed: the proposals and the transcript say so. */
function endOf(status: Status, transcript: string): JobEnd {
  const state = status === 'failed' || status === 'canceled' ? status : 'succeeded';
  return { state, result: { transcript, status } };
}

/** In the words of the call that stopped it. */
function failureOf({ status, calls }: Ran): Pick<JobEnd, 'error'> {
  const last = calls.at(-1);
  if (status !== 'failed' || last === undefined) return {};
  const code = isCode(last.outcome) ? last.outcome : 'INTERNAL';
  return { error: errorOf(new ScreenalyticsError(code), last.step) };
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}
