import { unended } from '#agents/lines.ts';
import { toKnown } from '#engine/core/errors.ts';
import { type Job, requireJob } from '#engine/store/jobs.ts';
import { plain } from '../terminal.ts';
import type { Chat } from './say.ts';

const LOOK_EVERY_MS = 2000;

export interface JobNews {
  /** What has ended since the model heard of it, in words that it is told once. */
  words(): Promise<string[]>;
  /** From now on they are told as they end, until what it gives is called. */
  watch(tell: (text: string) => void): () => void;
}

/** Jobs that the conversation began, told when they end: also while the operator sits at the prompt, and after it was resumed. */
export function jobNews(chat: Chat): JobNews {
  let tell: ((text: string) => void) | undefined;
  const told = new Map<string, string>();
  const look = async () => {
    for (const id of unended(chat.talk.lines).jobs) {
      if (told.has(id)) continue;
      const text = await endOf(chat, id);
      if (text === undefined) continue;
      told.set(id, text);
      tell?.(text);
    }
  };
  // One look at a time; a database that cannot be had now may be had at the next.
  let looking: Promise<void> | undefined;
  const lookOnce = () => {
    looking ??= look()
      .catch(() => undefined)
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
  return {
    async words() {
      await lookOnce();
      const words: string[] = [];
      for (const id of unended(chat.talk.lines).jobs) {
        const text = told.get(id);
        if (text === undefined) continue;
        words.push(text);
        await chat.talk.add({ kind: 'heard', job_id: id });
      }
      return words;
    },
    watch(whom) {
      tell = whom;
      const timer = setInterval(lookOnce, LOOK_EVERY_MS);
      return () => clearInterval(timer);
    },
  };
}

/** Undefined while it goes on. */
async function endOf({ engine }: Chat, id: string): Promise<string | undefined> {
  const job = await requireJob(await engine.db(), id).catch((thrown: unknown) => {
    if (toKnown(thrown).code === 'JOB_NOT_FOUND') return undefined; // erased meanwhile
    throw thrown;
  });
  if (job === undefined) return `${id} is gone.`;
  const { state, tool, episode, error } = job;
  const what = plain(`${id} (${tool}${episode === null ? '' : ` of ${episode}`})`);
  switch (state) {
    case 'succeeded':
      return `${what} is done, after ${seconds(job)} s.`;
    case 'failed':
      return `${what} failed: ${error === null ? 'no reason is known' : `${error.code}: ${error.message}`}`;
    case 'canceled':
      return `${what} was canceled.`;
    default:
      return undefined;
  }
}

function seconds({ queued_at, started_at, ended_at }: Job): number {
  return Math.round(((ended_at ?? queued_at).getTime() - (started_at ?? queued_at).getTime()) / 1000);
}
