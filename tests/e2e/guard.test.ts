import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { overrideConfig, projectRoot } from '#config/load.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { listAudit } from '#engine/store/audit.ts';
import { historyOf, verifyHistory } from '#engine/store/changes.ts';
import { findEpisode } from '#engine/store/episodes.ts';
import { listProposals, requireProposal } from '#engine/store/proposals.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { askTool, runTool } from '#mcps/kit/run-tool.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { deleteData } from '#mcps/screenalytics/tools/delete-data.ts';
import { editTracks } from '#mcps/screenalytics/tools/edit-tracks.ts';
import { getHistory } from '#mcps/screenalytics/tools/get-history.ts';
import { listModels } from '#mcps/screenalytics/tools/list-models.ts';
import { searchCatalog } from '#mcps/screenalytics/tools/search-catalog.ts';
import { plain } from '../../cli/terminal.ts';
import { temporaryHome } from '../support/home.ts';
import { some } from '../support/long.ts';
import { type MadeEpisode, madeEngine, makeEpisode } from '../support/made-episode.ts';
import { canMakeTerminals, TerminalSession } from '../support/pty.ts';

const PLAIN = { period_ms: 200, missed: 0, jitter: 0.02, scale: 1, breaks: 0, joins: false };
const EP = 'guard-pilot';
const home = temporaryHome();
const engine: Engine = madeEngine(home);
const signal = new AbortController().signal;
const terminals = canMakeTerminals();
let made: MadeEpisode;

beforeAll(async () => {
  made = await makeEpisode(engine, EP, 3, PLAIN);
  await changePeople(engine, { actor: 'operator', surface: 'cli' }, { act: 'create', name: 'Ada' });
});
afterAll(() => engine.close());

function caller(over: Partial<Caller> = {}): Caller {
  return { engine, surface: 'mcp', actor: 'model', signal, ...over };
}

/** The same database under other rules. */
function ruled(policy: object, services: object = {}): Engine {
  const { config } = overrideConfig({ config: engine.config, origin: new Map() }, { policy, services });
  return { ...engine, config };
}

function tracksOf(person: string): string[] {
  return made.seen.input.tracks.flatMap(({ track_id }) => (made.personOf(track_id) === person ? [`${track_id}`] : []));
}

const ada = () => ({ episode: EP, person: 'Ada', targets: tracksOf('Ada').slice(0, 1) });

async function changes(): Promise<number> {
  return (await historyOf(await engine.db(), undefined, { limit: 1000 })).length;
}

async function lastAudit() {
  return (await listAudit(await engine.db(), 1))[0];
}

/** A call that waits for a person: the input of each is its own. */
async function proposal(reason: string): Promise<string> {
  const asked = await askTool(assignIdentity, { ...ada(), reason }, caller({ profile: 'scheduled' }));
  if (asked.kind !== 'proposed') throw new Error('it was done');
  return asked.proposal_id;
}

const command = [process.execPath, join(projectRoot, 'bin/screenalytics.mjs')] as const;

function environment(over: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { SCREENALYTICS_HOME: home, NODE_OPTIONS: '', ...over };
}

/** As a program has it that was started by an agent: a shell, pipes, and no terminal of its own. */
function shell(line: string, { env = {}, stdin = '' }: { env?: NodeJS.ProcessEnv; stdin?: string } = {}) {
  const child = spawn('sh', ['-c', line], {
    env: { ...process.env, ...environment(env), CLI: command.join(' ') },
    detached: true,
    stdio: 'pipe',
  });
  child.stdin.on('error', () => undefined).end(stdin);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()));
  return new Promise<{ code: number | null; text: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, text }));
  });
}

test('a viewer reads and changes nothing; each call leaves its row, and no row has an input', async () => {
  const before = await changes();
  await expect(runTool(assignIdentity, ada(), caller({ profile: 'viewer' }))).rejects.toMatchObject({
    code: 'POLICY_DENIED',
    details: { tool: 'assign_identity', profile: 'operator+viewer' },
  });
  expect(await changes()).toBe(before);
  const row = { actor: 'model', surface: 'mcp', tool: 'assign_identity', profile: 'operator+viewer', change_id: null };
  expect(await lastAudit()).toMatchObject({ ...row, decision: 'deny', outcome: 'POLICY_DENIED' });
  await runTool(getHistory, { episode: EP }, caller({ profile: 'viewer' }));
  expect(await lastAudit()).toMatchObject({ tool: 'get_history', decision: 'allow', outcome: 'done' });
  expect(JSON.stringify(await listAudit(await engine.db(), 100))).not.toContain('Ada');
});

test('what a preview shows needs no leave, also of what destroys', async () => {
  const [track = ''] = tracksOf('Ada');
  const split = { episode: EP, action: 'propagate', person: 'Ada', targets: [track] };
  const outcome = await askTool(editTracks, split, caller({ profile: 'viewer' })).catch((error) => error.code);
  expect(outcome).not.toBe('POLICY_DENIED');
  const preview = await runTool(deleteData, { what: 'episode', episode: EP }, caller({ profile: 'viewer' }));
  expect(preview).toMatchObject({ deleted: false, confirm: `DELETE ${EP}` });
});

test('an installation that is held to a profile cannot be asked with a wider one', async () => {
  const held = ruled({}, { profile: 'viewer' });
  const asked = runTool(assignIdentity, ada(), caller({ engine: held, profile: 'admin' }));
  await expect(asked).rejects.toMatchObject({ code: 'POLICY_DENIED' });
});

test('a machine that is not sure proposes; the same call asked again is the same proposal', async () => {
  const before = await changes();
  const first = await askTool(assignIdentity, { ...ada(), reason: 'unsure' }, caller({ profile: 'scheduled' }));
  const again = await askTool(assignIdentity, { ...ada(), reason: 'unsure' }, caller({ profile: 'scheduled' }));
  expect(first).toMatchObject({ kind: 'proposed', proposal_id: /^prop_/, why: /evidence/ });
  expect(again).toEqual(first);
  expect(await changes()).toBe(before);
  const { proposal_id } = first as { proposal_id: string };
  expect(await lastAudit()).toMatchObject({ decision: 'ask', outcome: 'proposed', proposal_id });
  const stored = await requireProposal(await engine.db(), proposal_id);
  expect(stored).toMatchObject({ tool: 'assign_identity', status: 'open', actor: 'model', input: { person: 'Ada' } });
  await expect(
    runTool(assignIdentity, { ...ada(), reason: 'unsure' }, caller({ profile: 'scheduled' })),
  ).rejects.toMatchObject({ code: 'PROPOSED', details: { proposal_id } });
});

test('no caller can say that it was approved: the database knows, and no tool takes such a word', async () => {
  const before = await changes();
  const proposal_id = await proposal('approve me');
  const { input } = await requireProposal(await engine.db(), proposal_id);
  for (const approved of [proposal_id, 'prop_000000000000'])
    await expect(askTool(assignIdentity, input, caller({ approved }))).rejects.toMatchObject({
      code: 'PROPOSAL_STALE',
    });
  for (const field of ['approved', 'confirm', 'proposal_id', 'profile'])
    await expect(runTool(assignIdentity, { ...ada(), [field]: proposal_id }, caller())).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  expect(await changes()).toBe(before);
  expect(await requireProposal(await engine.db(), proposal_id)).toMatchObject({ status: 'open', started_at: null });
});

test('POL-03, POL-05: limits of a session and of a place: what is over them waits, and what failed is not counted', async () => {
  const rule = { tools: 'edit_tracks', action: 'allow', reason: 'few' };
  const limited = ruled({ operator: { rules: [{ ...rule, limits: { writes_per_run: 2, episodes: [EP] } }] } });
  const session = caller({ engine: limited, run_limits: new Map() });
  const lock = (action: string, targets: string[], episode = EP) =>
    askTool(editTracks, { episode, action, targets }, session);
  const [one = '', two = ''] = tracksOf('Ada');
  await expect(lock('lock', ['99999'])).rejects.toMatchObject({ code: 'TRACK_NOT_FOUND' });
  expect(await lock('remove', [one, two])).toMatchObject({ kind: 'done' });
  expect(await lock('remove', [one])).toMatchObject({ kind: 'proposed', why: /more than 2/ });
  // Another session begins anew.
  const fresh = caller({ engine: limited, run_limits: new Map() });
  expect(await askTool(editTracks, { episode: EP, action: 'remove', targets: [one] }, fresh)).toMatchObject({
    kind: 'done',
  });
  // Words that fit an episode are that episode.
  const elsewhere = ruled({ operator: { rules: [{ ...rule, limits: { episodes: ['other'] } }] } });
  const outside = askTool(editTracks, { episode: EP, action: 'remove', targets: [two] }, caller({ engine: elsewhere }));
  expect(await outside).toMatchObject({ kind: 'proposed', why: /outside/ });
  const barred = ruled({
    operator: { rules: [rule, { ...rule, action: 'deny', limits: { episodes: [EP] }, reason: 'sealed' }] },
  });
  const words = { episode: 'GUARD pilot', action: 'remove', targets: [two] };
  await expect(askTool(editTracks, words, caller({ engine: barred }))).rejects.toMatchObject({ code: 'POLICY_DENIED' });
});

test('calls at one moment are counted all', async () => {
  const rule = { tools: 'slow_write', action: 'allow', limits: { writes_per_run: 2 }, reason: 'few' };
  const session = caller({ engine: ruled({ operator: { rules: [rule] } }), run_limits: new Map() });
  const done: number[] = [];
  const slow = defineTool({
    ...{ name: 'slow_write', title: 'Slow', description: 'Writes.', effect: 'write' as const },
    ...{ errors: [], example: { n: 1 } },
    input: z.object({ n: z.int() }),
    output: z.object({ n: z.int() }),
    run: async ({ n }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      done.push(n);
      return { n };
    },
  });
  const outcomes = await Promise.all([1, 2, 3, 4, 5].map((n) => askTool(slow, { n }, session)));
  expect(outcomes.filter(({ kind }) => kind === 'done')).toHaveLength(2);
  expect(done).toHaveLength(2);
});

test('a person who is asked decides; but what cannot be undone is never agreed to in a client', async () => {
  const asks = ruled({ operator: { rules: [{ tools: '*', effect: 'destroy', action: 'ask', reason: 'final' }] } });
  const [one = ''] = tracksOf('Ada');
  const input = { episode: EP, action: 'remove', targets: [one], reason: 'asked' };
  const seen: unknown[] = [];
  const says = (answer: 'yes' | 'no' | 'cannot') =>
    caller({
      engine: asks,
      confirm: async (question) => {
        seen.push(question);
        return answer;
      },
    });
  const before = await changes();
  await expect(askTool(editTracks, input, says('no'))).rejects.toMatchObject({ code: 'POLICY_DENIED' });
  expect(await askTool(editTracks, input, says('cannot'))).toMatchObject({ kind: 'proposed' });
  expect(await changes()).toBe(before);
  expect(await askTool(editTracks, input, says('yes'))).toMatchObject({ kind: 'done' });
  expect(await changes()).toBe(before + 1);
  expect(seen[0]).toMatchObject({ tool: 'edit_tracks', summary: /remove/ });
  seen.length = 0;
  const destroy = { what: 'episode', episode: EP, dry_run: false, confirm: `DELETE ${EP}` };
  expect(await askTool(deleteData, destroy, says('yes'))).toMatchObject({ kind: 'proposed' });
  expect(seen).toEqual([]);
  expect(await findEpisode(await engine.db(), EP)).not.toBeNull();
});

test('a client with a shell tries every other way: stdin, arguments, environment, a file for a terminal, the tool itself', async () => {
  const proposal_id = await proposal('let me in');
  const before = await changes();
  const fake = join(home, 'tty');
  mkdirSync(join(home, 'dev'));
  writeFileSync(fake, '123456\nyes\n');
  symlinkSync(fake, join(home, 'dev', 'tty'));
  const everything = ruled({ operator: { rules: [{ tools: '*', action: 'allow', reason: 'mine' }] } }).config.policy;
  const own = join(home, 'own.yaml');
  writeFileSync(own, JSON.stringify({ policy: everything }));
  const id = proposal_id;
  const tries: Parameters<typeof shell>[] = [
    [`$CLI approve ${id}`, { stdin: 'yes\n000000\n123456\nDELETE ALL\n' }],
    [`yes | $CLI approve ${id}`],
    [`$CLI approve ${id} < ${fake} > ${fake}.out 2>&1; code=$?; cat ${fake}.out; exit $code`],
    [`$CLI approve ${id} --yes`],
    [`$CLI approve ${id}`, { env: { SCREENALYTICS_APPROVE: '1', CI: '1', TTY: fake, SSH_TTY: fake, GPG_TTY: fake } }],
    [`$CLI approve ${id}`, { env: { SCREENALYTICS_PROFILE: 'admin', SCREENALYTICS_CONFIG: own } }],
    [`cd ${home} && $CLI approve ${id} 0<>${fake} 1<>${fake} 2<>${fake}; code=$?; cat ${fake}; exit $code`],
    [`$CLI reject ${id}`, { stdin: 'yes\n' }],
    [`$CLI assign-identity --approved ${id}`],
    [
      `$CLI forget episode ${EP} --no-dry-run --confirm "DELETE ${EP}"`,
      { env: { SCREENALYTICS_PROFILE: 'admin', SCREENALYTICS_CONFIG: own }, stdin: `yes\nDELETE ${EP}\n` },
    ],
  ];
  for (const [line, options] of some(tries, [1, 2, 4, 6, 8, 9])) {
    const { code, text } = await shell(line, options);
    expect(code, `${line}: ${text}`).not.toBe(0);
    const wanted = /--/.test(line) ? /INPUT_INVALID|PROPOSED/ : /APPROVAL_NEEDS_TERMINAL/;
    expect(text, line).toMatch(wanted);
  }
  expect(await changes()).toBe(before);
  expect(await findEpisode(await engine.db(), EP)).not.toBeNull();
  expect((await requireProposal(await engine.db(), id)).status).toBe('open');
});

test.skipIf(!terminals)(
  'at a terminal a person approves with the code that stands there, and it is done once',
  async () => {
    const proposal_id = await proposal('a person will look');
    const before = await changes();
    const wrong = new TerminalSession([...command, 'approve', proposal_id], environment());
    await wrong.until(/Type (\d{6}) to agree/);
    wrong.type('no');
    expect(await wrong.ended).toMatchObject({ code: 4, text: /POLICY_DENIED/ });
    expect(await changes()).toBe(before);

    const right = new TerminalSession([...command, 'approve', proposal_id], environment());
    const shown = await right.until(/assign_identity[\s\S]*?Type (\d{6}) to agree/);
    expect(shown[0]).toContain('a person will look');
    right.type(shown[1] ?? '');
    expect(await right.ended).toMatchObject({ code: 0, text: /Done, as prop_/ });
    expect(await changes()).toBe(before + 1);
    const db = await engine.db();
    const [change] = await historyOf(db, { ep_id: EP }, { limit: 1 });
    const done = await requireProposal(db, proposal_id);
    expect(done).toMatchObject({ status: 'done', result: { change_id: change?.change_id } });
    expect(change).toMatchObject({ actor: 'model', surface: 'mcp', by: 'agent' });
    const row = { decision: 'approved', outcome: 'done', proposal_id, change_id: change?.change_id };
    expect(await lastAudit()).toMatchObject(row);

    const twice = new TerminalSession([...command, 'approve', proposal_id], environment());
    expect(await twice.ended).toMatchObject({ code: 6, text: /PROPOSAL_STALE/ });
    await expect(askTool(assignIdentity, done.input, caller({ approved: proposal_id }))).rejects.toMatchObject({
      code: 'PROPOSAL_STALE',
    });
    expect(await changes()).toBe(before + 1);
  },
);

test.skipIf(!terminals)('rejected is rejected; and what rests on a world that has moved on is stale', async () => {
  const before = await changes();
  const refused = await proposal('to be refused');
  const session = new TerminalSession([...command, 'reject', refused], environment());
  session.type((await session.until(/Type (\d{6}) to agree/))[1] ?? '');
  expect(await session.ended).toMatchObject({ code: 0 });
  expect(await changes()).toBe(before);
  expect(await requireProposal(await engine.db(), refused)).toMatchObject({ status: 'rejected' });
  expect(await lastAudit()).toMatchObject({ decision: 'rejected', proposal_id: refused });

  const old = await proposal('too late');
  const [, two = ''] = tracksOf('Ada');
  await runTool(editTracks, { episode: EP, action: 'remove', targets: [two] }, caller({ surface: 'cli' }));
  const late = new TerminalSession([...command, 'approve', old], environment());
  expect(await late.ended).toMatchObject({ code: 6, text: /PROPOSAL_STALE/ });
  expect(await requireProposal(await engine.db(), old)).toMatchObject({ status: 'stale' });
  expect(await changes()).toBe(before + 1);
});

test.skipIf(!terminals)('destroying needs the phrase as well, typed there', async () => {
  const gone = 'guard-second';
  await makeEpisode(engine, gone, 5, PLAIN);
  const input = { what: 'episode', episode: gone, dry_run: false, confirm: `DELETE ${gone}` };
  const asked = await askTool(deleteData, input, caller());
  const { proposal_id } = asked as { proposal_id: string };
  const approve = () => new TerminalSession([...command, 'approve', proposal_id], environment());
  const agree = async (session: TerminalSession, phrase: string) => {
    session.type((await session.until(/Type (\d{6}) to agree/))[1] ?? '');
    await session.until(/Type DELETE guard-second to do it/);
    session.type(phrase);
    return session.ended;
  };
  expect(await agree(approve(), 'yes')).toMatchObject({ code: 4 });
  expect(await findEpisode(await engine.db(), gone)).not.toBeNull();
  expect(await agree(approve(), `DELETE ${gone}`)).toMatchObject({ code: 0 });
  expect(await findEpisode(await engine.db(), gone)).toBeNull();

  // The same as a question at the terminal, without a proposal.
  await makeEpisode(engine, gone, 5, PLAIN);
  const words = ['forget', 'episode', gone, '--no-dry-run', '--confirm', `DELETE ${gone}`];
  const direct = new TerminalSession([...command, ...words], environment());
  expect(await agree(direct, `DELETE ${gone}`)).toMatchObject({ code: 0 });
  expect(await findEpisode(await engine.db(), gone)).toBeNull();
});

test('words of others cannot draw on the terminal', () => {
  expect(plain('a\u001b[2Jb\u009bc\u202ed\u2028e\nf')).toBe('a\\u{1b}[2Jb\\u{9b}c\\u{202e}d\\u{2028}e\\u{a}f');
});

test('what needs no database opens none for its row: the row waits in a file and is taken over later', async () => {
  const { config, origin } = engine;
  const dead = openEngine({
    config: { ...config, database_url: 'postgres://nobody@127.0.0.1:1/none' },
    origin: new Map(origin),
  });
  const file = join(home, 'audit', 'waiting.jsonl');
  await runTool(listModels, {}, { ...caller(), engine: dead, actor: 'early' });
  await expect(runTool(getHistory, {}, { ...caller(), engine: dead, actor: 'early' })).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
  });
  await dead.close();
  expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
  await runTool(getHistory, {}, caller());
  expect(existsSync(file)).toBe(false);
  const rows = (await listAudit(await engine.db(), 3)).filter(({ actor }) => actor === 'early');
  expect(rows.map(({ tool, outcome }) => `${tool} ${outcome}`).sort()).toEqual([
    'get_history DATABASE_UNAVAILABLE',
    'list_models done',
  ]);
});

test('proposals are listed for who decides', async () => {
  const { code, text } = await shell('$CLI proposals all --json');
  expect(code, text).toBe(0);
  const { proposals } = JSON.parse(text.trim().split('\n').at(-1) ?? '{}');
  expect(proposals).toHaveLength((await listProposals(await engine.db(), 'all', 500)).length);
});

// DEL-04
test.skipIf(!terminals)(
  'everything goes by the code and DELETE ALL, typed there; no program gets it otherwise',
  async () => {
    const input = { what: 'everything', dry_run: false, confirm: 'DELETE ALL' };
    for (const wrong of [{ confirm: 'DELETE' }, { confirm: undefined }, { person: 'Ada' }, { episode: EP }])
      await expect(askTool(deleteData, { ...input, ...wrong }, caller())).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
    const night = askTool(deleteData, input, caller({ surface: 'agent', profile: 'scheduled' }));
    await expect(night).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    const preview = await runTool(deleteData, { what: 'everything' }, caller({ profile: 'viewer' }));
    expect(preview).toMatchObject({ deleted: false, episodes: [EP], confirm: 'DELETE ALL' });
    expect(preview.people).toBeGreaterThan(0);

    const confirm = async () => 'yes' as const;
    for (const surface of ['mcp', 'agent', 'queue'] as const)
      expect(await askTool(deleteData, input, caller({ surface, confirm }))).toMatchObject({ kind: 'proposed' });
    const asked = await askTool(deleteData, input, caller({ profile: 'admin' }));
    expect(asked).toMatchObject({ kind: 'proposed' });
    expect(await findEpisode(await engine.db(), EP)).not.toBeNull();

    const { proposal_id } = asked as { proposal_id: string };
    const session = new TerminalSession([...command, 'approve', proposal_id], environment());
    session.type((await session.until(/Deletes everything: 1 episodes[\s\S]*Type (\d{6}) to agree/))[1] ?? '');
    await session.until(/Type DELETE ALL to do it/);
    session.type('DELETE ALL');
    expect(await session.ended).toMatchObject({ code: 0 });
    const found = await runTool(searchCatalog, { kind: 'people' }, caller());
    expect({ people: found.people, episode: await findEpisode(await engine.db(), EP) }).toEqual({
      people: [],
      episode: null,
    });
    const { changes: kept, erased } = await verifyHistory(await engine.db());
    expect(kept).toBe(erased + 1);
    expect((await requireProposal(await engine.db(), proposal_id)).status).toBe('done');
  },
);
