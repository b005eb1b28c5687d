import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';

const FOLDER = resolve(dirname(fileURLToPath(import.meta.url)), 'instructions');
/** What everybody is told before their own instructions. */
const FOR_ALL = 'all.md';

export type Member = Config['agents']['team'][number] & {
  /** The words themselves. */
  readonly told: string;
};

export interface Graph {
  readonly first: Member;
  readonly team: ReadonlyMap<string, Member>;
}

/** The servers that there are, by name. */
export type Servers = Readonly<Record<string, { readonly tools: readonly Pick<AnyTool, 'name'>[] }>>;

/** The team with its instructions; CONFIG_INVALID with all that is wrong. `first`: with whom it begins, if not with the configured one. */
export function readGraph(config: Config['agents'], servers: Servers, first = config.first): Graph {
  const problems = problemsOf(config, servers);
  if (problems.length > 0) throw new ScreenalyticsError('CONFIG_INVALID', { problems });
  const forAll = readFileSync(resolve(FOLDER, FOR_ALL), 'utf8');
  const told = (file: string) => `${forAll}\n${readFileSync(resolve(FOLDER, file), 'utf8')}`;
  const team = new Map(config.team.map((each) => [each.name, { ...each, told: told(each.instructions) }]));
  const found = team.get(first);
  if (found === undefined) {
    const fields = [{ field: 'agent', problem: `one of ${[...team.keys()].join(', ')}` }];
    throw new ScreenalyticsError('INPUT_INVALID', { fields });
  }
  return { first: found, team };
}

function problemsOf({ first, team }: Config['agents'], servers: Servers): string[] {
  const names = team.map(({ name }) => name);
  const twice = names
    .filter((name, at) => names.indexOf(name) !== at)
    .map((name) => `agents.team: ${name} is there twice`);
  const missing = names.includes(first) ? [] : [`agents.first: nobody in the team is ${first}`];
  const each = team.flatMap((member) => {
    const problem = (text: string) => `agents.team.${member.name}: ${text}`;
    const known = member.servers.filter((name) => name in servers);
    const there = new Map(known.map((name) => [name, servers[name]?.tools.map((tool) => tool.name) ?? []]));
    const offered = [...there.values()].flat();
    return [
      ...member.servers.filter((name) => !(name in servers)).map((name) => problem(`there is no server ${name}`)),
      ...member.tools
        .filter((name) => !offered.includes(name))
        .map((name) => problem(`its servers have no tool ${name}`)),
      ...[...there]
        .filter(([, tools]) => !tools.some((name) => member.tools.includes(name)))
        .map(([name]) => problem(`it uses no tool of ${name}`)),
      ...member.handoffs
        .filter((name) => name === member.name || !names.includes(name))
        .map((name) => problem(`it cannot hand over to ${name}`)),
      ...(existsSync(resolve(FOLDER, member.instructions)) ? [] : [problem(`there is no ${member.instructions}`)]),
    ];
  });
  return [...twice, ...missing, ...each];
}
