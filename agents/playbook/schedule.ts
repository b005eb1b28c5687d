import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { wrongTimes } from '#mcps/kit/schedules.ts';
import { inputsOf } from './inputs.ts';
import type { Problem } from './lint.ts';
import type { Playbook, Schedule } from './schema.ts';

/** What is wrong with what a file says of its times. Inputs that it leaves to the owner are not missed here. */
export async function scheduleProblems(playbook: Playbook): Promise<Problem[]> {
  const { schedule, inputs } = playbook;
  if (schedule === undefined) return [];
  const open = Object.entries(inputs).map(([name, input]) => [name, { ...input, optional: true }]);
  const given = wrongFields({ ...playbook, inputs: Object.fromEntries(open) }, schedule.inputs);
  return [
    ...(await wrongTimes(schedule)).map(({ field, problem }) => ({ where: `schedule.${field}`, problem })),
    ...given.map(({ field, problem }) => ({ where: `schedule.inputs.${field}`, problem })),
  ];
}

const Fields = z.array(z.object({ field: z.string(), problem: z.string() }));

function wrongFields(playbook: Playbook, given: Schedule['inputs']): z.output<typeof Fields> {
  try {
    inputsOf(playbook, given);
    return [];
  } catch (error) {
    if (!(error instanceof ScreenalyticsError) || error.code !== 'INPUT_INVALID') throw error;
    return Fields.parse(error.details.fields);
  }
}

/** An owner's word: what is absent is as the file says it. */
export interface Wish {
  readonly cron?: string | undefined;
  readonly timezone?: string | undefined;
  readonly missed?: Schedule['missed'] | undefined;
  readonly within_h?: number | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What is kept of it: inputs complete, times of the owner or of the file. INPUT_INVALID where it has none, and for inputs that do not suit it. */
export function scheduledAs(playbook: Playbook, wish: Wish) {
  const { name, schedule } = playbook;
  const cron = wish.cron ?? schedule?.cron;
  if (cron === undefined) {
    const fields = [{ field: 'cron', problem: 'is needed: the playbook says no times of its own' }];
    throw new ScreenalyticsError('INPUT_INVALID', { playbook: name, fields });
  }
  const inputs = Object.fromEntries(inputsOf(playbook, { ...schedule?.inputs, ...wish.inputs }));
  const within_s = Math.round((wish.within_h ?? schedule?.within_h ?? WITHIN_H) * 3600);
  const missed = wish.missed ?? schedule?.missed ?? 'run_once';
  return {
    playbook: name,
    cron,
    timezone: wish.timezone ?? schedule?.timezone ?? 'UTC',
    inputs,
    missed,
    within_s,
  } as const;
}
/** Hours; of a playbook that says nothing of it. */
const WITHIN_H = 12;
