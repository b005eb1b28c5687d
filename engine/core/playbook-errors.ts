import type { Actor } from './error-catalog.ts';

/** The part of the catalogue that is about playbooks. */
export const PLAYBOOK_ERRORS = {
  PLAYBOOK_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such playbook.',
    hint: 'List them: screenalytics playbook list; your own is named by its path, ./mine.yaml',
  },
  PLAYBOOK_INVALID: {
    exit: 2,
    actor: 'caller',
    message: 'The playbook cannot be run as it is written.',
    hint: 'Correct what is listed, and look again: screenalytics playbook check',
  },
  PLAYBOOK_NOT_WAITING: {
    exit: 4,
    actor: 'caller',
    message: 'This run of a playbook cannot go on now.',
    hint: 'It goes on once, when everything that it waits for is decided: screenalytics proposals, then screenalytics approve or reject.',
  },
  PLAYBOOK_CUT_OFF: {
    exit: 70,
    actor: 'operator',
    message: 'The process that ran this playbook ended before it did.',
    hint: 'What was done stays, the rest is not done, and it is not begun again: its transcript says how far it came. The next time of a schedule is as planned.',
  },
  TASK_NOT_FOUND: {
    exit: 1,
    actor: 'caller',
    message: 'There is no such task.',
    hint: 'Those that come with the program are in agents/tasks; your own is named by its path, ./mine.json',
  },
  TASK_INVALID: {
    exit: 1,
    actor: 'caller',
    message: 'The task cannot be done as it is written.',
    hint: 'Correct what is listed; agents/tasks has examples.',
  },
  TASK_FAILED: {
    exit: 1,
    actor: 'caller',
    message: 'The task did not come to its result.',
    hint: 'The code below says why (screenalytics explain); the transcript says how far it came: screenalytics playbook show.',
  },
  TRANSCRIPT_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such transcript.',
    hint: 'List them: screenalytics playbook show',
  },
} as const satisfies Record<string, { exit: number; actor: Actor; message: string; hint: string }>;
