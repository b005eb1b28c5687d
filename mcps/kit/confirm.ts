import { createHash, randomUUID } from 'node:crypto';
import {
  CLIENT_CAPABILITIES_META_KEY,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Answered, Question } from './caller.ts';
import { oneLine } from './fence.ts';

/** What travels with a question through the client and back, signed: the answer holds for exactly this call. */
export interface Asked {
  readonly call: string;
  /** An answer is good once: the same words sent again are a new question. */
  readonly once: string;
}

export interface Asking {
  readonly codec: RequestStateCodec<Asked>;
  /** Answers that were taken, of the whole process. */
  readonly taken: Set<string>;
}

const TAKEN_MAX = 100_000;

const KEY = 'confirm';
const Form = z.object({ confirm: z.boolean().describe('Do it?') });

/**
 * A question to the person at the client. In protocol 2026-07-28 the call ends with the question and comes again with the answer;
 * with older clients the SDK does the same over the open connection. So the first time `confirm` never answers: `needed`
 * does, and whoever waits for the tool leaves.
 */
export function confirmer(server: McpServer, ctx: ServerContext, { codec, taken }: Asking, raw: unknown) {
  const needed = Promise.withResolvers<InputRequiredResult>();
  const confirm = async ({ tool, summary, phrase }: Question): Promise<Answered> => {
    // A phrase is typed at a terminal, where no model can type it.
    if (phrase !== undefined || !canAsk(server, ctx)) return 'cannot';
    // The world may have moved on while somebody thought: then it is another question, and asked anew.
    const call = callId(tool, raw, summary);
    const answer = inputResponse(ctx.mcpReq.inputResponses, KEY);
    const state = ctx.mcpReq.requestState<Asked>();
    if (answer.kind === 'elicit' && state?.call === call && taken.size < TAKEN_MAX && !taken.has(state.once)) {
      taken.add(state.once);
      // Clients without a person decline or cancel by themselves, so only a form that was filled in is somebody's no.
      if (answer.action !== 'accept') return 'cannot';
      return Form.safeParse(answer.content).data?.confirm === true ? 'yes' : 'no';
    }
    const message = `${tool}: ${oneLine(summary)}`; // names may come from media
    const question = inputRequired.elicit({ message, requestedSchema: Form });
    const requestState = await codec.mint({ call, once: randomUUID() }, ctx);
    needed.resolve(inputRequired({ inputRequests: { [KEY]: question }, requestState }));
    return new Promise(() => {});
  };
  return { confirm, needed: needed.promise };
}

/** Names a call by what is asked and what that would change. */
function callId(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

const Declared = z.looseObject({
  elicitation: z.looseObject({ form: z.unknown().optional(), url: z.unknown().optional() }).optional(),
});

function canAsk(server: McpServer, ctx: ServerContext): boolean {
  const envelope: Record<string, unknown> = { ...ctx.mcpReq.envelope };
  const declared = Declared.safeParse(envelope[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities());
  const elicitation = declared.data?.elicitation;
  // Before forms had a name, an empty object meant them.
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}
