import { toKnown } from '#engine/core/errors.ts';
import { endCutOffCalls } from '#mcps/kit/approved-call.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { openTranscript, readTranscript, type Transcript } from '#mcps/kit/transcript.ts';
import { endLostRuns } from '#mcps/kit/waiting-runs.ts';
import { tellPlaybookEnded } from '#mcps/kit/wake.ts';

/**
 * Gives an end to what processes left that are gone: calls that a person had approved, and runs that went on after they had waited. Such a
 * run is over where it stopped, and not begun again, since its calls were made. Says how many runs that were.
 */
export async function endCutOff(engine: Caller['engine']): Promise<number> {
  await endCutOffCalls(engine);
  const lost = await endLostRuns(engine);
  for (const { run_id } of lost) {
    const transcript = await transcriptOf(engine, run_id);
    if (transcript !== undefined) await closeTranscript(engine, transcript); // that of another home is not here
  }
  return lost.length;
}

export async function transcriptOf(engine: Caller['engine'], id: string): Promise<Transcript | undefined> {
  return readTranscript(engine, id).catch((error: unknown) => {
    if (toKnown(error).code === 'TRANSCRIPT_NOT_FOUND') return undefined;
    throw error;
  });
}

/** Of a run that was cut off. */
export async function closeTranscript(engine: Caller['engine'], { id, playbook, lines }: Transcript): Promise<void> {
  await (await openTranscript(engine, playbook, id)).add({ kind: 'ended', status: 'failed', took_ms: 0 });
  const calls = lines.filter((line) => line.kind === 'call');
  const proposals = calls.filter(({ outcome }) => outcome === 'proposed').length;
  await tellPlaybookEnded(engine, { playbook, transcript: id, status: 'failed', calls: calls.length, proposals });
}
