import process from 'node:process';
import { z } from 'zod';
import { readGraph } from '#agents/graph.ts';
import { modelKey } from '#agents/model-key.ts';
import type { Program } from '#agents/sdk.ts';
import { projectRoot } from '#config/load.ts';
import type { ProfileName } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import { jobNews } from './chat/job-news.ts';
import { converse } from './chat/loop.ts';
import { type Chat, newsOf, type Said, say, stillOpen } from './chat/say.ts';
import { type Conversation, openConversation } from './chat/store.ts';
import { lines, outcomeLines, waitingLines } from './chat/words.ts';
import type { Answer, Command } from './commands.ts';
import { keyOf, programs, type ServerName, serverNames, startHere } from './connect/programs.ts';
import { servers } from './mcp.ts';

const input = z.object({
  once: z.string().min(1).max(20_000).optional().describe('One message: prints the answer, and ends'),
  resume: z
    .string()
    .regex(/^chat_[0-9a-f]{12}$/, 'an id such as chat_0123456789ab')
    .optional()
    .describe('Goes on with this conversation'),
  agent: z.string().min(1).optional().describe('Who answers first (agents.first); config/agents.sdk.yaml has them'),
  model: z.string().min(1).max(200).optional().describe('Model, by its name at the endpoint (agents.endpoint.model)'),
});

/** A conversation with agents that ask the three servers as any client does. What needs a person is asked at the terminal alone. */
export const chatCommand: Command = {
  words: ['chat'],
  about: 'Talks with you about your episodes by a language model of your choice; --once for one message.',
  input,
  everyday: true,
  run: async (raw, session) => {
    const { once, resume, agent, model } = readInput('chat', input, raw);
    const { engine, signal } = session;
    const { agents: config } = engine.config;
    const key = modelKey(config);
    const graph = readGraph(config, servers, agent);
    const talk = await openConversation(engine, resume);
    // The SDK takes more than a second to read: nobody else should wait for it.
    const { openTeam } = await import('#agents/sdk.ts');
    const team = openTeam({
      config,
      graph,
      key,
      model,
      programOf: (name, profile) => programOf(engine, name, profile),
    });
    const last = talk.lines.findLast((line) => line.kind === 'ended');
    const again = agent === undefined && last !== undefined && graph.team.has(last.agent) ? last.agent : undefined;
    const chat: Chat = { engine, team, talk, agent: again ?? graph.first.name };
    try {
      if (once !== undefined) {
        const news = [...(await newsOf(chat)), ...(await jobNews(chat).words())];
        const said = await say(chat, [...news, once].join('\n'), {}, signal);
        return onceAnswer(chat, { ...said, waiting: await stillOpen(chat) });
      }
      await converse(chat, session);
      return { output: undefined, ok: true, text: () => '' };
    } finally {
      await team.close();
    }
  },
};

/** As every client starts them, with all that this process was told but the key. */
function programOf({ config }: Engine, name: string, profile: ProfileName | null): Program {
  const server = z.enum(serverNames).parse(name);
  const start = startHere(projectRoot, process.env, config);
  const found = programs({ ...start, profile: profile ?? undefined, servers: [server] })[keyOf(server)];
  if (found === undefined) throw new Error(`no program for ${server satisfies ServerName}`);
  const told = Object.entries(process.env).filter(
    (each): each is [string, string] => each[1] !== undefined && each[0] !== 'OPENAI_API_KEY',
  );
  return { ...found, env: { ...Object.fromEntries(told), ...found.env } };
}

function onceAnswer({ talk, agent, engine }: Chat, said: Said): Answer {
  if (said.how === 'stopped') throw new ScreenalyticsError('CANCELED', { chat: talk.id });
  if (said.how === 'turns')
    throw new ScreenalyticsError('TURN_LIMIT', { chat: talk.id, turns: engine.config.agents.turns_max });
  const { answer, calls, waiting } = said;
  return { output: { chat: talk.id, agent, answer, calls, waiting }, ok: true, text: () => onceText(talk, said) };
}

function onceText({ id }: Conversation, { answer, calls, waiting }: Said): string {
  return [
    ...calls.flatMap((each) => [`> ${each.tool}`, ...outcomeLines(each)]),
    lines(answer),
    ...waiting.flatMap((each) => ['', ...waitingLines(each), `  approve it with: ${each.approve}`]),
    '',
    `To go on: npx screenalytics chat --resume ${id}`,
  ].join('\n');
}
