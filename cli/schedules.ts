import { parse, resolve } from 'node:path';
import { z } from 'zod';
import { readAssignments } from '#agents/playbook/inputs.ts';
import { requireSound } from '#agents/playbook/lint.ts';
import { isPath, readPlaybook } from '#agents/playbook/read.ts';
import { scheduledAs } from '#agents/playbook/schedule.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { canonical } from '#engine/core/stage.ts';
import { queueName } from '#engine/queue/queue.ts';
import { ensureWorker } from '#engine/queue/worker-process.ts';
import { Missed, removeSchedule } from '#engine/store/schedules.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import { keepSchedule } from '#mcps/kit/schedules.ts';
import type { Command } from './commands.ts';
import { playbookTools } from './playbook.ts';
import { type ScheduleRow, schedulesOf } from './schedule-rows.ts';
import { facts } from './table.ts';
import { plain } from './terminal.ts';

const scheduleInput = z.object({
  playbook: z.string().min(1).describe('Name (see playbook list), or path of a file (./mine.yaml)'),
  input: z
    .array(z.string())
    .optional()
    .describe('What each run is given, as name=value; a list by several of one name'),
  cron: z
    .string()
    .optional()
    .describe('minute hour day month weekday, such as "0 3 * * *"; as the playbook says if absent'),
  timezone: z.string().optional().describe('Such as Europe/Paris; as the playbook says, or UTC, if absent'),
  missed: Missed.optional().describe('When nobody worked at its time: one run later, or none'),
  within_h: z
    .number()
    .min(0.1)
    .max(168)
    .optional()
    .describe('Hours after its time in which a missed run is made up for'),
});

const scheduleCommand: Command = {
  words: ['playbook', 'schedule'],
  about:
    'Has a playbook run at certain times by the worker of this home, under the profile `scheduled`. Given again, it replaces what was said before.',
  input: scheduleInput,
  positional: 'playbook input',
  everyday: true,
  run: async (raw, { engine }) => {
    const { playbook: named, input = [], ...wish } = readInput('playbook schedule', scheduleInput, raw);
    const playbook = await readPlaybook(named);
    requireSound(playbook, playbookTools);
    const wanted = scheduledAs(playbook, { ...wish, inputs: readAssignments(playbook, input) });
    const source = isPath(named) ? resolve(named) : named;
    const before = (await schedulesOf(engine)).find((each) => each.playbook === playbook.name);
    await keepSchedule(engine, { ...wanted, source, actor: 'operator' });
    ensureWorker(engine.config);
    const schedule = (await schedulesOf(engine)).find((each) => each.playbook === playbook.name);
    return { output: schedule, ok: true, text: () => (schedule === undefined ? '' : scheduledText(schedule, before)) };
  },
};

const unscheduleInput = z.object({ playbook: z.string().min(1).describe('Its name, or the path of its file') });

const unscheduleCommand: Command = {
  words: ['playbook', 'unschedule'],
  about: 'A scheduled playbook is run by itself no longer. A run that is under way goes on (see jobs, cancel).',
  input: unscheduleInput,
  positional: 'playbook',
  everyday: true,
  run: async (raw, { engine }) => {
    const { playbook: named } = readInput('playbook unschedule', unscheduleInput, raw);
    const playbook = isPath(named) ? parse(named).name : named; // a file is named as what is in it
    const removed = await removeSchedule(await engine.db(), queueName(engine.config.home), playbook);
    if (!removed) throw new ScreenalyticsError('PLAYBOOK_NOT_FOUND', { playbook, problem: 'is not scheduled' });
    return {
      output: { playbook, scheduled: false },
      ok: true,
      text: () => plain(`${playbook} is not scheduled any more`),
    };
  },
};

export const scheduleCommands: readonly Command[] = [scheduleCommand, unscheduleCommand];

function scheduledText(
  { playbook, cron, timezone, next_at, inputs, missed, within_s }: ScheduleRow,
  before: ScheduleRow | undefined,
): string {
  const late = missed === 'skip' ? 'passed over' : `made up for once, up to ${within_s / 3600} h later`;
  return facts([
    ['playbook', plain(playbook)],
    ['times', plain(`${cron} (${timezone})`)],
    ['first run', next_at],
    ['inputs', plain(canonical(inputs))],
    ...(before === undefined
      ? []
      : [['instead of', plain(`${before.cron} (${before.timezone}) ${canonical(before.inputs)}`)] as const]),
    ['missed runs are', late],
    [
      'looked after by',
      'screenalytics work: this home has one now; after a restart of the machine start it, or let anything else that needs it',
    ],
  ]);
}
