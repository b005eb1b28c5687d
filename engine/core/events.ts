import { z } from 'zod';

/** Letters of any text in an event: it may come from media, file names and people. */
const TEXT_MAX = 200;
/** People of one export that are told row by row; of more there is only the file. */
export const ROWS_MAX = 200;

/** Cut, and as JSON and the database take it. */
const Text = z.string().transform((text) => text.slice(0, TEXT_MAX).replaceAll('\0', '').toWellFormed());

const Job = z.object({
  job_id: Text,
  tool: Text,
  episode: Text.nullable(),
  attempts: z.int(),
  /** From the first beginning to the end; null: it never began. */
  took_s: z.number().nullable(),
  error: z.object({ code: Text, stage: Text }).nullable(),
});

/** What is told of each kind of event: ids and numbers. Seconds are of face time, if they do not say otherwise. */
export const EVENTS = {
  'job.succeeded': Job,
  'job.failed': Job,
  'job.canceled': Job,
  'qa.ready': z.object({
    episode: Text,
    run_id: Text,
    /** Questions that wait for a person, and the seconds that are expected to be wrong or without a name in them. */
    items: z.int(),
    stake_s: z.number(),
    face_s: z.number(),
    certain_s: z.number(),
  }),
  'export.created': z.object({
    episode: Text,
    run_id: Text,
    format: z.enum(['csv', 'json', 'html']),
    /** Of csv. */
    table: Text.nullable(),
    /** On the machine that wrote it. */
    path: z.string().max(4096),
    bytes: z.int(),
    /** Totals as a sheet takes them: a row for each person. Null: too many, see the file. */
    columns: z.array(Text),
    rows: z
      .array(z.record(z.string(), z.union([Text, z.number(), z.null()])))
      .max(ROWS_MAX)
      .nullable(),
  }),
  /** `files` is null where everything was deleted at once. */
  'episode.deleted': z.object({ episode: Text, change_id: Text, files: z.int().nullable(), changes_erased: z.int() }),
  /** Ids alone: what is known of them elsewhere is to be forgotten, too. */
  'person.forgotten': z.object({
    person_ids: z.array(Text),
    change_id: Text,
    episodes: z.array(Text),
    seeds: z.int(),
    changes_erased: z.int(),
  }),
  /** People by id alone; who they are is asked here. */
  'catalog.changed': z.object({
    kind: z.enum(['show', 'season', 'episode', 'person', 'cast']),
    /** Of people the word of the log: create, rename, merge, consent, ... */
    action: Text,
    show: Text.nullable(),
    season: z.int().nullable(),
    episode: Text.nullable(),
    person_ids: z.array(Text),
  }),
  'playbook.ended': z.object({
    playbook: Text,
    transcript: Text,
    status: Text,
    calls: z.int(),
    proposals: z.int(),
  }),
  /** Sent by `webhook test` alone. */
  'webhook.test': z.object({ webhook_id: Text }),
} as const satisfies Record<string, z.ZodObject>;

export type EventType = keyof typeof EVENTS;
export type EventData<T extends EventType> = z.input<(typeof EVENTS)[T]>;

export const EventType = z.enum(Object.keys(EVENTS) as [EventType, ...EventType[]]);

/** What is sent, as JSON. */
export const EventBody = z.object({
  /** The same in every attempt and replay. */
  id: z.string(),
  type: EventType,
  /** When it happened. */
  timestamp: z.iso.datetime(),
  data: z.record(z.string(), z.unknown()),
});
export type EventBody = z.output<typeof EventBody>;
