import { expect, test } from 'vitest';
import { readGraph } from '#agents/graph.ts';
import { loadConfig, overrideConfig } from '#config/load.ts';
import { servers } from '../../cli/mcp.ts';

const loaded = loadConfig({});
const { agents } = loaded.config;
const [orchestrator] = agents.team;

function refused(change: object): unknown {
  const team = [{ ...orchestrator, ...change }, ...agents.team.slice(1)];
  const { config } = overrideConfig(loaded, { agents: { team } });
  try {
    return readGraph(config.agents, servers);
  } catch (error) {
    return (error as { details: { problems: string[] } }).details.problems;
  }
}

test('CFG-04: the team as it is shipped fits the tools that there are, and everybody can be reached', () => {
  const { first, team } = readGraph(agents, servers);
  const reached = new Set([first.name]);
  for (const name of reached) for (const other of team.get(name)?.handoffs ?? []) reached.add(other);
  expect([...reached].sort()).toEqual([...team.keys()].sort());
  expect([...team.keys()]).toEqual(['orchestrator', 'ingest', 'labelling', 'quality', 'analytics']);
});

test('instructions are short, and name only tools that their agent is shown', () => {
  const every = new Set<string>(Object.values(servers).flatMap(({ tools }) => tools.map(({ name }) => name)));
  for (const { name, told, tools } of readGraph(agents, servers).team.values()) {
    const named = [...told.matchAll(/`([a-z_]+)`/g)].map((found) => found[1] ?? '').filter((word) => every.has(word));
    expect(told.length, name).toBeLessThan(2_500);
    expect(tools, name).toEqual(expect.arrayContaining(named));
  }
});

test('whoever meets the operator, and whoever judges, is shown what only reads; what destroys is shown to one', () => {
  const { team } = readGraph(agents, servers);
  const every = Object.values(servers).flatMap(({ tools }): readonly { name: string; effect: string }[] => tools);
  const shown = (effect: string) =>
    [...team.values()].filter(({ tools }) => every.some((tool) => tool.effect === effect && tools.includes(tool.name)));
  expect(shown('write').map(({ name }) => name)).toEqual(['ingest', 'labelling', 'analytics']);
  expect(shown('destroy').map(({ name }) => name)).toEqual(['ingest']);
  expect(team.get('quality')?.profile).toBe('viewer');
});

test.each([
  ['a tool that is nowhere', { tools: ['search_catalog', 'delete_all'] }, /no tool delete_all/],
  ['a tool of another server', { tools: ['search_catalog', 'query_views'] }, /no tool query_views/],
  ['a server that is nowhere', { servers: ['screenalytics', 'mail'] }, /no server mail/],
  ['a server without a tool', { servers: ['screenalytics', 'postgres'] }, /no tool of postgres/],
  ['a handoff to nobody', { handoffs: ['lawyer'] }, /hand over to lawyer/],
  ['a handoff to oneself', { handoffs: ['orchestrator'] }, /hand over to orchestrator/],
  ['a name that is there twice', { name: 'ingest' }, /ingest is there twice/],
  ['a first one who is not there', { name: 'other' }, /nobody in the team is orchestrator/],
  ['instructions that are not there', { instructions: 'none.md' }, /there is no none\.md/],
])('%s is refused', (_, change, problem) => {
  expect(refused(change)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
});

test('somebody else can begin, if there is one of that name', () => {
  expect(readGraph(agents, servers, 'quality').first.name).toBe('quality');
  expect(() => readGraph(agents, servers, 'nobody')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
});
