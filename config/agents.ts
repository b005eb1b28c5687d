import { z } from 'zod';
import { ProfileName } from './profile-name.ts';

const word = z.string().regex(/^[a-z][a-z0-9_]*$/, 'small letters, digits and _');

/** One who is talked to: what they are told, and what they may ask. */
const Member = z.strictObject({
  name: word,
  /** When others hand over to it, in words that a model reads. */
  about: z.string().min(1).max(300),
  /** File in agents/instructions, or an absolute path. */
  instructions: z.string().min(1),
  /** Its servers are held to it; it can only be stricter than services.profile. */
  profile: ProfileName.nullable(),
  servers: z.array(word).min(1),
  /** The only tools of these servers that it is shown. */
  tools: z.array(word).min(1),
  /** To whom it may hand over. */
  handoffs: z.array(word),
});

/** `screenalytics chat`: where the model is, what bounds a conversation, and who takes part in it. */
export const AgentGraph = z.strictObject({
  endpoint: z.strictObject({
    /** Null: that of OpenAI. */
    base_url: z.url().nullable(),
    api: z.enum(['responses', 'chat']),
    model: z.string().min(1),
  }),
  turns_max: z.int().min(1).max(200),
  answer_s_max: z.int().min(1).max(86_400),
  told_chars_max: z.int().min(1_000).max(10_000_000),
  /** What holds of every message and answer, whoever is asked. */
  guardrails: z.array(z.enum(['secrets', 'addresses'])),
  first: word,
  team: z.array(Member).min(1).max(20),
});
