import {
  Agent,
  type AgentInputItem,
  AgentsError,
  MaxTurnsExceededError,
  MCPServerStdio,
  MCPServerStreamableHttp,
  type MCPToolCustomDataContext,
  OpenAIProvider,
  type RunItem,
  Runner,
  setTracingDisabled,
} from '@openai/agents';
import { z } from 'zod';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Graph, Member } from './graph.ts';
import { type Line, lastOf, Outcome, outcomeOf } from './lines.ts';

/** How one of our servers is started, as any client starts it. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One of our servers that listens already. */
export interface Address {
  readonly url: string;
}

export interface TeamOptions {
  readonly config: Config['agents'];
  readonly graph: Graph;
  readonly key: string | undefined;
  readonly model: string | undefined;
  programOf(server: string, profile: Member['profile']): Program | Address;
}

/** What a turn says while it is under way. */
export interface Hearing {
  text?(delta: string): void;
  line?(line: Line): void;
  outcome?(outcome: Outcome): void;
  /** After each answer of the model: tokens in and out, as the endpoint counts. */
  tokens?(read: number, written: number): void;
}

export interface Turn {
  readonly how: 'done' | 'turns' | 'stopped';
  /** With whom the next message begins. */
  readonly agent: string;
}

export interface Team {
  /** One message of the operator, the last of `lines`: until it is answered, or the limit of turns or the signal ends it. */
  turn(agent: string, lines: readonly Line[], hear: Hearing, signal: AbortSignal): Promise<Turn>;
  close(): Promise<void>;
}

const CONNECT_S = 60;

/** The graph on the SDK: tracing off, no tools but those of our servers, each server started when somebody first needs it. */
export function openTeam(options: TeamOptions): Team {
  const { config, graph } = options;
  const servers = new Map<string, OurServer>();
  const agents = agentsOf(options, servers);
  const { runner, provider } = openRunner(config, options.key);
  return {
    async turn(name, lines, hear, stop) {
      const agent = agents.get(name) ?? agents.get(graph.first.name);
      if (agent === undefined) throw new ScreenalyticsError('CONFIG_INVALID', { problems: ['agents.first'] });
      const signal = AbortSignal.any([stop, AbortSignal.timeout(config.answer_s_max * 1000)]);
      let current = agent.name;
      try {
        const told = lastOf(lines, config.told_chars_max).flatMap(itemOf);
        const on = { stream: true, maxTurns: config.turns_max, signal } as const;
        const result = await runner.run(agent, told, { ...on, toolNotFoundBehavior: 'return_error_to_model' });
        for await (const event of result) {
          if (event.type === 'agent_updated_stream_event') current = event.agent.name;
          else if (event.type === 'run_item_stream_event') tell(event.item, hear);
          else if (event.data.type === 'output_text_delta') hear.text?.(event.data.delta);
          else if (event.data.type === 'response_done') {
            const { inputTokens, outputTokens } = event.data.response.usage;
            hear.tokens?.(inputTokens, outputTokens);
          }
        }
        await result.completed;
        return { how: signal.aborted ? 'stopped' : 'done', agent: result.lastAgent?.name ?? current };
      } catch (error) {
        if (signal.aborted) return { how: 'stopped', agent: current };
        if (error instanceof MaxTurnsExceededError) return { how: 'turns', agent: current };
        throw endpointError(error);
      }
    },
    async close() {
      await Promise.all([...servers.values()].map((server) => server.close()));
      await provider.close();
    },
  };
}

/** The endpoint of the configuration; nothing is traced. */
export function openRunner({ endpoint: { base_url, api } }: Config['agents'], key: string | undefined) {
  setTracingDisabled(true);
  const provider = new OpenAIProvider({
    apiKey: key || 'none',
    useResponses: api === 'responses',
    ...(base_url !== null && { baseURL: base_url }),
  });
  const runner = new Runner({ modelProvider: provider, tracingDisabled: true, traceIncludeSensitiveData: false });
  return { runner, provider };
}

function agentsOf({ config, graph, model, programOf }: TeamOptions, servers: Map<string, OurServer>) {
  const shown = new Map([...graph.team.values()].map(({ name, tools }) => [name, new Set(tools)]));
  const serverOf = (name: string, profile: Member['profile']): OurServer => {
    const key = profile === null ? name : `${name}, ${profile}`;
    const known = servers.get(key);
    if (known !== undefined) return known;
    const common = {
      ...{ name: key, clientSessionTimeoutSeconds: CONNECT_S, timeout: config.answer_s_max * 1000 },
      toolFilter: async ({ agent }: { agent: { name: string } }, tool: { name: string }) =>
        shown.get(agent.name)?.has(tool.name) === true,
      customDataExtractor: ({
        toolName,
        structuredContent,
        resultMeta,
        isError,
        toolOutput,
      }: MCPToolCustomDataContext) =>
        outcomeOf({
          ...{ tool: toolName, data: structuredContent, meta: resultMeta },
          ...{ failed: isError === true, text: textOf(toolOutput) },
        }),
    };
    const started = programOf(name, profile);
    const server =
      'url' in started
        ? new MCPServerStreamableHttp({ ...common, url: started.url })
        : new MCPServerStdio({
            ...{ ...common, command: started.command, args: [...started.args] },
            ...(started.env && { env: { ...started.env } }),
          });
    connectLate(server);
    servers.set(key, server);
    return server;
  };
  const agents = new Map<string, Agent>();
  for (const { name, about, told, servers: own, profile } of graph.team.values()) {
    const mcpServers = own.map((each) => serverOf(each, profile));
    const facts = { name, instructions: told, handoffDescription: about, model: model ?? config.endpoint.model };
    agents.set(name, new Agent({ ...facts, mcpServers }));
  }
  for (const { name, handoffs } of graph.team.values())
    for (const other of handoffs.flatMap((each) => agents.get(each) ?? [])) agents.get(name)?.handoffs.push(other);
  return agents;
}

type OurServer = MCPServerStdio | MCPServerStreamableHttp;

/** A server is connected, and a process of its own started, when its tools are first asked for. */
function connectLate(server: OurServer): void {
  const list = server.listTools.bind(server);
  let ready: Promise<void> | undefined;
  server.listTools = async () => {
    ready ??= server.connect();
    await ready.catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    return list();
  };
}

export function tell(item: RunItem, { line, outcome }: Hearing): void {
  const { type } = item;
  if (type === 'message_output_item') line?.({ kind: 'agent', agent: item.agent.name, text: item.content });
  if (type === 'handoff_call_item' || type === 'tool_call_item') {
    const { rawItem: call, agent } = item;
    if (call.type !== 'function_call') return;
    const { callId: call_id, name: tool, arguments: input } = call;
    line?.({ kind: 'call', agent: agent.name, call_id, tool, input });
  }
  if (type === 'handoff_output_item' || type === 'tool_call_output_item') {
    const { rawItem: answer } = item;
    if (answer.type !== 'function_call_result') return;
    const { callId: call_id, name: tool, output } = answer;
    line?.({ kind: 'answer', call_id, tool, text: textOf(output) });
    const known = type === 'tool_call_output_item' ? Outcome.safeParse(item.customData).data : undefined;
    if (known !== undefined) outcome?.(known);
  }
}

const Part = z.object({ text: z.string() });

/** The words of an answer; a picture or a link is only mentioned. */
function textOf(output: unknown): string {
  if (typeof output === 'string') return output;
  const parts = Array.isArray(output) ? output : [output];
  return parts.map((part) => Part.safeParse(part).data?.text ?? '(picture or link)').join('\n');
}

export function itemOf(line: Line): AgentInputItem[] {
  switch (line.kind) {
    case 'operator':
      return [{ role: 'user', content: line.text }];
    case 'agent':
      return [{ role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: line.text }] }];
    case 'call': {
      const { call_id: callId, tool: name, input } = line;
      return [{ type: 'function_call', callId, name, arguments: input, status: 'completed' }];
    }
    case 'answer': {
      const { call_id: callId, tool: name, text } = line;
      return [{ type: 'function_call_result', callId, name, status: 'completed', output: text }];
    }
    default:
      return [];
  }
}

/** The vendor's words stay away, and the cause too: they may hold parts of the key. What is no answer of a model is a bug of ours. */
export function endpointError(error: unknown): unknown {
  if (!(error instanceof Error) || !(error instanceof AgentsError || 'status' in error)) return error;
  const status = 'status' in error && typeof error.status === 'number' ? error.status : null;
  return new ScreenalyticsError('CHAT_UNAVAILABLE', { status, reason: error.constructor.name });
}
