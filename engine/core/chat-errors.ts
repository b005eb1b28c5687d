import type { Actor } from './error-catalog.ts';

/** The part of the catalogue that is about conversations with agents. */
export const CHAT_ERRORS = {
  CHAT_NOT_SET_UP: {
    exit: 6,
    actor: 'operator',
    message: 'This needs a language model, and none is set up.',
    hint: 'Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own. Without one: screenalytics connect codex, screenalytics connect claude, playbooks without `ask`, and every other command.',
  },
  CHAT_UNAVAILABLE: {
    exit: 5,
    actor: 'operator',
    message: 'The language model did not answer as it should.',
    hint: 'Check OPENAI_BASE_URL, OPENAI_API_KEY, and agents.endpoint (model, api) of your configuration.',
  },
  CHAT_SECRET: {
    exit: 2,
    actor: 'caller',
    message: 'The message holds what looks like a key or a password, so it was not sent.',
    hint: 'Say it without; keys belong into the environment. agents.guardrails of your configuration has this check.',
  },
  CHAT_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no such conversation.',
    hint: 'They are in the folder chats of the home; one that named a forgotten person is gone.',
  },
  TURN_LIMIT: {
    exit: 7,
    actor: 'caller',
    message: 'The agent took as many turns as it may, and was stopped.',
    hint: 'What it did is kept: resume the conversation and ask for less at once, or raise agents.turns_max (of a playbook max_turns).',
  },
} as const satisfies Record<string, { exit: number; actor: Actor; message: string; hint: string }>;
