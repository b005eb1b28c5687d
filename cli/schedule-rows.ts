import type { Problem } from '#agents/playbook/lint.ts';
import { canonical } from '#engine/core/stage.ts';
import type { Engine } from '#engine/engine.ts';
import { queueName } from '#engine/queue/queue.ts';
import { listSchedules, type Schedule } from '#engine/store/schedules.ts';
import { type Look, table } from './table.ts';
import { plain } from './terminal.ts';

/** A schedule as people and programs are told of it. */
export interface ScheduleRow
  extends Pick<Schedule, 'playbook' | 'source' | 'cron' | 'timezone' | 'inputs' | 'missed' | 'within_s'> {
  /** ISO; null: it is not run any more. */
  readonly next_at: string | null;
  readonly last_at: string | null;
  /** `missed`, `overlapped`, or how its job stands. */
  readonly last: string | null;
  readonly job_id: string | null;
  readonly transcript: string | null;
  readonly problem: string | null;
}

export async function schedulesOf(engine: Pick<Engine, 'config' | 'db'>): Promise<ScheduleRow[]> {
  return (await listSchedules(await engine.db(), queueName(engine.config.home))).map(rowOf);
}

function rowOf(schedule: Schedule): ScheduleRow {
  const { playbook, source, cron, timezone, inputs, missed, within_s, next_at, last_at, last_what, erased } = schedule;
  const { job_id, job_state, job_result, job_error, problem } = schedule;
  const wrong = problem ?? (job_state === 'failed' ? job_error : null);
  return {
    ...{ playbook, source, cron, timezone, inputs, missed, within_s, job_id },
    next_at: erased ? null : next_at.toISOString(),
    last_at: last_at?.toISOString() ?? null,
    last: last_what === 'asked' ? job_state : last_what,
    transcript: typeof job_result?.transcript === 'string' ? job_result.transcript : null,
    problem: wrong && `${wrong.code}: ${wrong.message}`,
  };
}

/** Those that an owner has scheduled, and under the table what is wrong with them. Nothing where there are none. */
export function schedulesText(rows: readonly (ScheduleRow & { problems: readonly Problem[] })[], look: Look): string[] {
  if (rows.length === 0) return [];
  const head = ['scheduled', 'times', 'inputs', 'next run', 'last run', 'how it went', 'transcript'];
  const cells = rows.map(({ playbook, cron, timezone, inputs, next_at, last_at, last, transcript }) => [
    ...[plain(playbook), plain(`${cron} ${timezone}`), plain(canonical(inputs))],
    ...[next_at === null ? 'never' : minute(next_at), last_at && minute(last_at), last, transcript],
  ]);
  const wrong = rows.flatMap(({ playbook, problem, problems }) => [
    ...(problem === null ? [] : [`${playbook}: ${problem}`]),
    ...problems.map(({ where, problem: what }) => `${playbook}: ${where}: ${what}`),
  ]);
  return [table(head, cells, look), ...(wrong.length === 0 ? [] : [wrong.map(plain).join('\n')])];
}

function minute(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')}Z`;
}
