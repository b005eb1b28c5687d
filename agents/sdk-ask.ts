import { Agent, MaxTurnsExceededError, tool } from '@openai/agents';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Part, ToolShown } from '#mcps/kit/model-answer.ts';
import type { Line } from './lines.ts';
import { endpointError, itemOf, openRunner, tell } from './sdk.ts';

/** One answer of the model. */
export interface ModelTurn {
  readonly text: string;
  /** Calls that it asks for. */
  readonly calls: number;
  /** As the endpoint counts; 0 where it does not. */
  readonly tokens_in: number;
  readonly tokens_out: number;
}

export interface Asking {
  readonly config: Config['agents'];
  readonly key: string | undefined;
  readonly model: string | undefined;
  readonly instructions: string;
  readonly tools: readonly ToolShown[];
  /** What was said so far: the question, and of a model that goes on all that followed. */
  readonly lines: readonly Line[];
  readonly turns_max: number;
  readonly signal: AbortSignal;
  /** A call of one of the tools, one after another; `said` is JSON, most of the time. */
  call(name: string, said: string, call_id: string): Promise<readonly Part[]>;
  /** Asked after the calls of a turn: true ends it there. */
  waits(): boolean;
  turn(now: ModelTurn): void;
  line(line: Line): void;
}

/** `turns`: it did not come to an end in as many as it may. */
export type Asked =
  | { readonly how: 'done'; readonly answer: string }
  | { readonly how: 'waits' }
  | { readonly how: 'turns' };

const NAME = 'playbook';

/** Asks a model until it has no more calls, waits, or has had its turns. CHAT_UNAVAILABLE, and what the signal is aborted with. */
export async function askModel(asking: Asking): Promise<Asked> {
  const { config, signal, lines } = asking;
  const { runner, provider } = openRunner(config, asking.key);
  const late = AbortSignal.timeout(config.answer_s_max * 1000);
  let at_once: Promise<unknown> = Promise.resolve();
  const inTurn = (name: string, said: string, call_id: string) => {
    const answer = at_once.then(() => asking.call(name, said, call_id));
    at_once = answer.catch(() => undefined);
    return answer;
  };
  const agent = new Agent({
    name: NAME,
    instructions: asking.instructions,
    model: asking.model ?? config.endpoint.model,
    tools: asking.tools.map((each) => toolOf(each, inTurn)),
    toolUseBehavior: () =>
      asking.waits()
        ? { isFinalOutput: true, isInterrupted: undefined, finalOutput: '' }
        : { isFinalOutput: false, isInterrupted: undefined },
  });
  try {
    const on = { stream: true, maxTurns: asking.turns_max, signal: AbortSignal.any([signal, late]) } as const;
    const told = lines.flatMap(itemOf);
    const result = await runner.run(agent, told, { ...on, toolNotFoundBehavior: 'return_error_to_model' });
    for await (const event of result) {
      if (event.type === 'run_item_stream_event') tell(event.item, { line: (line) => asking.line(line) });
      else if (event.type === 'raw_model_stream_event' && event.data.type === 'response_done')
        asking.turn(turnOf(event.data.response));
    }
    await result.completed;
    signal.throwIfAborted();
    if (late.aborted) throw new ScreenalyticsError('CHAT_UNAVAILABLE', { seconds: config.answer_s_max });
    return asking.waits() ? { how: 'waits' } : { how: 'done', answer: result.finalOutput ?? '' };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MaxTurnsExceededError) return { how: 'turns' };
    throw endpointError(error);
  } finally {
    await at_once;
    await provider.close();
  }
}

function toolOf({ name, description, parameters }: ToolShown, call: Asking['call']) {
  return tool({
    name,
    description,
    strict: false,
    // The door is the one that refuses what is not among them.
    parameters: { type: 'object' as const, ...parameters, additionalProperties: true as const },
    errorFunction: null, // what is no refusal is a bug, and ends the step
    execute: async (_, __, details) => {
      const { arguments: said = '{}', callId = '' } = details?.toolCall ?? {};
      return (await call(name, said, callId)).map((part) =>
        'text' in part
          ? ({ type: 'text', text: part.text } as const)
          : ({ type: 'image', image: `data:${part.mime};base64,${part.image}` } as const),
      );
    },
  });
}

interface Response {
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
  readonly output: readonly { readonly type?: string | undefined }[];
}

function turnOf({ usage, output }: Response): ModelTurn {
  const texts = output.flatMap((item) => ('content' in item && Array.isArray(item.content) ? item.content : []));
  const words = texts.flatMap((part: unknown) =>
    typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string' ? [part.text] : [],
  );
  const calls = output.filter(({ type }) => type === 'function_call').length;
  return { text: words.join('\n'), calls, tokens_in: usage.inputTokens, tokens_out: usage.outputTokens };
}
