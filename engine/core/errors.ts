/** Who must act: the caller (wrong input), the owner (policy, licence), the operator (machine, disk, network), or us (a bug). */
export type Actor = 'caller' | 'owner' | 'operator' | 'us';

/** Every failure a user can meet, with what to do next. Codes are permanent: deprecate, never rename. */
export const ERRORS = {
  INPUT_INVALID: {
    exit: 2,
    actor: 'caller',
    message: 'The input does not match what this command accepts.',
    hint: 'Correct the listed fields and call again.',
  },
  CONFIG_INVALID: {
    exit: 2,
    actor: 'operator',
    message: 'The configuration is not valid.',
    hint: 'Correct the listed keys in config/ or in your own file.',
  },
  MEDIA_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no file at that path.',
    hint: 'Check the path; quotes are needed around spaces.',
  },
  MEDIA_UNREADABLE: {
    exit: 3,
    actor: 'operator',
    message: 'The file cannot be read.',
    hint: 'Check its permissions, or copy it to a folder that this user can read.',
  },
  MEDIA_EMPTY: {
    exit: 3,
    actor: 'caller',
    message: 'The file is empty (zero bytes).',
    hint: 'Copy or download it again: the transfer stopped before it began.',
  },
  MEDIA_NOT_VIDEO: {
    exit: 3,
    actor: 'caller',
    message: 'The file is not a video that can be decoded.',
    hint: 'Give an mp4, mov, mkv, avi, webm or ts file.',
  },
  MEDIA_NO_VIDEO: {
    exit: 3,
    actor: 'caller',
    message: 'The file has no video track.',
    hint: 'Screen time needs pictures; give the episode itself, not its sound.',
  },
  MEDIA_DECODE_FAILED: {
    exit: 3,
    actor: 'caller',
    message: 'Decoding stopped before any frame could be read.',
    hint: 'Play the file to see whether it is damaged, or re-encode it: ffmpeg -i in -c:v libx264 out.mp4',
  },
  EPISODE_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such episode.',
    hint: 'Run it first: screenalytics run episode path/to/video.mp4',
  },
  RUN_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'That episode has no finished run, or what its run found is not there any more.',
    hint: 'Run it; an erasure or a cleared cache takes faces away: screenalytics run episode <source>',
  },
  SHOW_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such show.',
    hint: 'Create it: screenalytics catalog show <slug> --title ...',
  },
  SEASON_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such season.',
    hint: 'Create it: screenalytics catalog season <show> <number>',
  },
  PERSON_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no person of that name.',
    hint: 'Look at the names: screenalytics people; or create the person.',
  },
  PERSON_EXISTS: {
    exit: 3,
    actor: 'caller',
    message: 'Another person already has that name.',
    hint: 'Use a fuller name, or merge the two people.',
  },
  NO_FACEBANK: {
    exit: 3,
    actor: 'caller',
    message: 'Nobody has a seed yet, so nobody can be recognised.',
    hint: 'Add photos: screenalytics seeds add <folder with one sub-folder per person>',
  },
  SEED_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such seed.',
    hint: 'List them: screenalytics facebank <person>',
  },
  TRACK_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'That run has no such track or cluster.',
    hint: 'List them: screenalytics tracks <episode>, or clusters <episode>',
  },
  PICTURES_GONE: {
    exit: 3,
    actor: 'caller',
    message: 'Pictures of faces are gone from the cache.',
    hint: 'Cut them from the footage again: screenalytics mend <episode>',
  },
  OBJECT_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such file in the storage.',
    hint: 'List them: screenalytics storage list',
  },
  UPLOAD_REFUSED: {
    exit: 3,
    actor: 'caller',
    message: 'An upload was not kept.',
    hint: 'Ask for another URL with the size and sha256 of the file; to replace what is there, say so.',
  },
  CHANGE_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such change.',
    hint: 'List them: screenalytics history',
  },
  CHANGE_FINAL: {
    exit: 4,
    actor: 'caller',
    message: 'That change cannot be undone.',
    hint: 'Erasing a person is final; add photos again if the person agrees.',
  },
  CHANGE_CONFLICT: {
    exit: 6,
    actor: 'caller',
    message: 'Somebody else changed the same faces since you looked.',
    hint: 'Look at what changed (listed below), then decide again.',
  },
  SAME_FRAME: {
    exit: 3,
    actor: 'caller',
    message: 'Two faces in one frame cannot be one person.',
    hint: 'Correct one of the two tracks first; they are listed below.',
  },
  LOCKED: {
    exit: 4,
    actor: 'owner',
    message: 'A person locked that, so it is not changed.',
    hint: 'Unlock it first: screenalytics edit <episode> --action unlock',
  },
  CLIENT_FILE_REFUSED: {
    exit: 2,
    actor: 'caller',
    message: "Another program's settings were left as they are.",
    hint: 'Correct that file, or add what this shows by hand: screenalytics connect <client> --dry-run',
  },
  HISTORY_BROKEN: {
    exit: 7,
    actor: 'operator',
    message: 'The log of changes was altered outside the product.',
    hint: 'Restore it from a backup; the first row that does not fit is named below.',
  },
  SQL_REFUSED: {
    exit: 4,
    actor: 'caller',
    message: 'That SQL is not taken: only one query that reads the reporting views is.',
    hint: 'Ask a SELECT over the views: screenalytics views',
  },
  SQL_FAILED: {
    exit: 3,
    actor: 'caller',
    message: 'The database could not answer that query.',
    hint: 'Correct the query; the columns: screenalytics views <view>',
  },
  SQL_LIMIT: {
    exit: 4,
    actor: 'caller',
    message: 'The query took more than a query may take, so it was ended.',
    hint: 'Ask for less: fewer episodes, a sum instead of rows, a tighter join.',
  },
  ANALYTICS_UNAVAILABLE: {
    exit: 6,
    actor: 'operator',
    message: 'The place where free queries run could not be made ready.',
    hint: 'See mcps/postgres/README.md for the login that a server needs; the reason is below.',
  },
  POLICY_DENIED: {
    exit: 4,
    actor: 'owner',
    message: 'The write policy does not allow that.',
    hint: 'See config/policy.yaml and services.profile; the owner can choose another profile.',
  },
  PROPOSED: {
    exit: 4,
    actor: 'owner',
    message: 'That needs a person, so it was not done: it waits as a proposal.',
    hint: 'A person decides at a terminal: screenalytics proposals',
  },
  PROPOSAL_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such proposal.',
    hint: 'List them: screenalytics proposals',
  },
  PROPOSAL_STALE: {
    exit: 6,
    actor: 'caller',
    message: 'That proposal can no longer be run as it was proposed.',
    hint: 'Look at what is there now, and ask for it again.',
  },
  APPROVAL_NEEDS_TERMINAL: {
    exit: 4,
    actor: 'owner',
    message: 'Only a person at a terminal can decide on a proposal.',
    hint: 'Type it in a terminal of your own, not through a program: screenalytics proposals',
  },
  MODEL_MISSING: {
    exit: 5,
    actor: 'operator',
    message: 'A model file is not here yet.',
    hint: 'Fetch it: screenalytics models prepare',
  },
  MODEL_CORRUPT: {
    exit: 5,
    actor: 'operator',
    message: 'A model file is not the file it should be (sha256 differs).',
    hint: 'Fetch it again: screenalytics models prepare',
  },
  MODEL_UNKNOWN: {
    exit: 2,
    actor: 'caller',
    message: 'No model of that name is in config/models.yaml.',
    hint: 'See the names: screenalytics models list',
  },
  MODEL_LICENCE: {
    exit: 4,
    actor: 'owner',
    message: 'That model may be used only after its licence is accepted.',
    hint: 'Read the licence, then add its id to models.accepted_licences in your configuration.',
  },
  MODEL_DOWNLOAD: {
    exit: 5,
    actor: 'operator',
    message: 'A model could not be downloaded.',
    hint: 'Check the network, or put the file into the mirror folder (models.mirror).',
  },
  DEVICE_UNAVAILABLE: {
    exit: 5,
    actor: 'operator',
    message: 'The device that was asked for cannot run the models here.',
    hint: 'Use --device auto or --device cpu, or install the driver of that device.',
  },
  FFMPEG_MISSING: {
    exit: 5,
    actor: 'operator',
    message: 'ffmpeg and ffprobe are not on this machine.',
    hint: 'Install them (Debian: apt-get install ffmpeg; macOS: brew install ffmpeg) and run again.',
  },
  DISK_FULL: {
    exit: 6,
    actor: 'operator',
    message: 'The disk is full; nothing that was finished is lost.',
    hint: 'Free some space and run the same command: it continues where it stopped.',
  },
  HOME_BUSY: {
    exit: 6,
    actor: 'operator',
    message: 'Another process is at work on the same.',
    hint: 'Wait for it to end, or stop it, then run again.',
  },
  DATABASE_UNAVAILABLE: {
    exit: 6,
    actor: 'operator',
    message: 'The database cannot be reached.',
    hint: 'Check DATABASE_URL and that the server runs; without DATABASE_URL the embedded one is used.',
  },
  QUEUE_UNAVAILABLE: {
    exit: 5,
    actor: 'operator',
    message: 'The queue of jobs does not answer.',
    hint: 'Check REDIS_URL and that the server runs, or unset it to keep the queue in the database.',
  },
  JOB_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no job with that id.',
    hint: 'get_job without an id lists the latest ones.',
  },
  JOB_LOST: {
    exit: 70,
    actor: 'operator',
    message: 'The processes that worked on this job ended without a word, again and again.',
    hint: 'Look at queue/worker.log in the home folder; memory may be short (--profile fast, --workers 1).',
  },
  STORAGE_UNAVAILABLE: {
    exit: 6,
    actor: 'operator',
    message: 'The storage does not answer.',
    hint: 'Look at the log that is named below, then call again.',
  },
  INVARIANT_BROKEN: {
    exit: 7,
    actor: 'us',
    message: 'The result breaks a rule that must always hold, so it was not published.',
    hint: 'Please report it with the details below.',
  },
  CANCELED: {
    exit: 130,
    actor: 'caller',
    message: 'Canceled; what was finished is kept.',
    hint: 'Run the same command to continue.',
  },
  INTERNAL: {
    exit: 70,
    actor: 'us',
    message: 'Something failed that should not have.',
    hint: 'This is a bug; the log line with this id has the details.',
  },
} as const satisfies Record<string, { exit: number; actor: Actor; message: string; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorReport {
  code: ErrorCode;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

/** An expected failure. Anything else that is thrown is a bug. */
export class ScreenalyticsError extends Error {
  override readonly name = 'ScreenalyticsError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(ERRORS[code].message, options);
    this.code = code;
    this.details = details;
  }
}

/** The one place where an error becomes words. Only our own sentences reach a user; the cause goes to the log. */
export function report(error: unknown): ErrorReport {
  const known = toKnown(error);
  const { message, hint } = ERRORS[known.code];
  return { code: known.code, message, hint, details: known.details };
}

/** Operating-system and abort errors that a caller can act on; the rest is a bug. */
export function toKnown(error: unknown): ScreenalyticsError {
  if (error instanceof ScreenalyticsError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ScreenalyticsError('DISK_FULL', {}, { cause: error });
  if (error instanceof Error && error.name === 'AbortError')
    return new ScreenalyticsError('CANCELED', {}, { cause: error });
  return new ScreenalyticsError('INTERNAL', {}, { cause: error });
}
