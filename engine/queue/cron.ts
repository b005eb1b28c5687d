/** When something is due: five fields of cron, in a time zone. */
export interface Times {
  readonly cron: string;
  /** IANA, such as Europe/Paris. */
  readonly timezone: string;
}

const FIELDS = ['minute', 'hour', 'day of the month', 'month', 'day of the week'];
/** What a field may be written with. `H`, which some read, is chance. */
const FIELD = /^(?!.*H)[0-9A-Z*,/-]{1,40}$/i;
/** Slots that are looked through for the latest: those of a week in which every minute is one, with both ends. */
const SLOTS_MAX = 10_081;

/** Read only when something is scheduled: it has hundreds of files. Nothing else here knows how cron is read. */
async function reader() {
  return (await import('./bullmq.ts')).nextTime;
}

/** What is wrong with it, and where; undefined where nothing is. */
export async function timesProblem({
  cron,
  timezone,
}: Times): Promise<{ field: keyof Times; problem: string } | undefined> {
  if (!isTimezone(timezone)) return { field: 'timezone', problem: `${timezone} is no time zone, such as Europe/Paris` };
  const fields = cron.trim().split(/\s+/);
  const say = (problem: string) => ({ field: 'cron', problem }) as const;
  if (fields.length !== FIELDS.length) return say(`needs five fields: ${FIELDS.join(', ')}`);
  const next = await reader();
  const can = (text: string) => next({ cron: text, timezone }, new Date(0)) !== undefined;
  for (const [at, field] of fields.entries()) {
    const alone = FIELDS.map((_, each) => (each === at ? field : '*')).join(' ');
    if (!FIELD.test(field) || !can(alone)) return say(`${field} cannot be the ${FIELDS[at]}`);
  }
  return can(cron) ? undefined : say('there is never such a day');
}

function isTimezone(timezone: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The first time after `after`. Only for what `timesProblem` has nothing against. */
export async function nextAfter(times: Times, after: Date): Promise<Date> {
  const next = (await reader())(times, after);
  if (next === undefined) throw new Error(`${times.cron} in ${times.timezone} never comes`);
  return next;
}

/** The latest time from `from` to `until`, both included; undefined where there is none. */
export async function latestWithin(times: Times, from: Date, until: Date): Promise<Date | undefined> {
  const next = await reader();
  let latest: Date | undefined;
  let before = new Date(from.getTime() - 1);
  for (let slots = 0; slots < SLOTS_MAX; slots += 1) {
    const slot = next(times, before);
    if (slot === undefined || slot > until) break;
    [latest, before] = [slot, slot];
  }
  return latest;
}
