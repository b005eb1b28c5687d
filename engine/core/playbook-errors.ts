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
  TRANSCRIPT_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such transcript.',
    hint: 'List them: screenalytics playbook show',
  },
} as const satisfies Record<string, { exit: number; actor: Actor; message: string; hint: string }>;
