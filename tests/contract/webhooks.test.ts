import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { projectRoot } from '#config/load.ts';
import { EVENTS, EventBody } from '#engine/core/events.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { isAlive, workerPid } from '#engine/queue/worker-process.ts';
import { listAudit } from '#engine/store/audit.ts';
import { emitFor } from '#engine/store/events.ts';
import { listProposals } from '#engine/store/proposals.ts';
import { revealSecret } from '#engine/store/webhooks.ts';
import { askTool, runTool } from '#mcps/kit/run-tool.ts';
import { workJobs } from '#mcps/kit/work-jobs.ts';
import { addWebhook } from '#mcps/screenalytics/tools/add-webhook.ts';
import { listDeliveries } from '#mcps/screenalytics/tools/list-deliveries.ts';
import { listWebhooks } from '#mcps/screenalytics/tools/list-webhooks.ts';
import { removeWebhook } from '#mcps/screenalytics/tools/remove-webhook.ts';
import { replayWebhook } from '#mcps/screenalytics/tools/replay-webhook.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import { testWebhook } from '#mcps/screenalytics/tools/test-webhook.ts';
import { webhookCommands } from '../../cli/webhooks.ts';
import { makeHome } from '../support/home.ts';
import { canMakeTerminals, TerminalSession } from '../support/pty.ts';
import { type Behaviour, flawOf, Receiver } from '../support/receiver.ts';
import { testConfig } from '../support/run.ts';

const SETUP_MS_MAX = 600_000;
const LIMITS = {
  ...{ timeout_ms: 60_000, response_bytes_max: 2000, attempts_max: 3, backoff_first_ms: 5, backoff_factor: 2 },
  ...{ backoff_max_ms: 20, jitter: 0.5, retry_after_max_s: 1, look_ms: 20, concurrency: 8, keep_days: 30 },
};

let receiver: Receiver;
let closed: string;
beforeAll(async () => {
  receiver = await new Receiver().listen();
  const gone = await new Receiver().listen();
  closed = gone.host;
  gone.close();
});
afterAll(() => receiver.close());

/** A home whose own configuration every process of it reads, also a worker that the product starts. */
function openHome() {
  const { home, remove } = makeHome();
  const hosts = [receiver.host, closed].map((host) => ({ host, reason: 'a receiver of this test' }));
  const queue = { concurrency: 1, idle_s: 600, lock_s: 1, busy_s: 1, attempts_max: 2 };
  /** Of each attempt what is written at its time holds. */
  const limit = (over: Partial<typeof LIMITS> = {}) => {
    const services = { webhooks: { ...LIMITS, ...over, hosts }, queue, log: 'debug' };
    writeFileSync(join(home, 'config.yaml'), JSON.stringify({ services })); // JSON is YAML
  };
  limit();
  return { home, remove, limit, open: () => openEngine(testConfig(home)) };
}

const signal = new AbortController().signal;
/** A person at a terminal. */
const person = (engine: Engine) => ({
  ...{ engine, signal, surface: 'cli' as const, actor: 'tester' },
  confirm: async () => 'yes' as const,
});

async function add(engine: Engine, url: string, events?: string[]): Promise<{ id: string; secret: string }> {
  const { webhook_id } = await runTool(addWebhook, { url, ...(events && { events }) }, person(engine));
  return { id: webhook_id, secret: (await revealSecret(await engine.db(), webhook_id)) ?? '' };
}

type Delivery = z.output<typeof listDeliveries.output>['deliveries'][number];
const deliveriesOf = async (engine: Engine, webhook?: string): Promise<Delivery[]> =>
  (await runTool(listDeliveries, { ...(webhook && { webhook }), limit: 1000 }, person(engine))).deliveries;
const settled = async (engine: Engine, count: number, webhook?: string): Promise<Delivery[]> => {
  const ended = async () => (await deliveriesOf(engine, webhook)).filter(({ state }) => state !== 'waiting').length;
  await expect.poll(ended).toBe(count);
  return deliveriesOf(engine, webhook);
};

function working(engine: Engine, reopen: () => Engine) {
  const leave = new AbortController();
  const ended = workJobs({ engine, reopen, tools: [], signal: leave.signal });
  return async () => {
    leave.abort();
    await ended;
  };
}

interface Way {
  readonly behave: Behaviour;
  readonly attempts: number;
  readonly state: string;
  readonly status: number | null;
  readonly reason: RegExp | null;
}

/** Answers when others have been told, which come after it: were they kept waiting for it, none of them would ever be. */
let held: (() => void)[] = [];
const release = () => {
  for (const answer of held) answer();
  held = [];
};

/** Every way in which a receiver fails at once, and what becomes of a delivery: attempts, state, and why. */
const WAYS: Record<string, Way> = {
  holds: {
    behave: (r) => void held.push(() => r.writeHead(200).end()),
    ...{ attempts: 1, state: 'delivered', status: 200, reason: null },
  },
  right: { behave: (r) => r.writeHead(200).end('ok'), attempts: 1, state: 'delivered', status: 200, reason: null },
  wrong_then_right: {
    behave: (r, nth) => r.writeHead(nth < 3 ? 500 : 204).end(),
    ...{ attempts: 3, state: 'delivered', status: 204, reason: null },
  },
  always_500: { behave: (r) => r.writeHead(500).end(), attempts: 3, state: 'failed', status: 500, reason: /500/ },
  resets: { behave: (r) => r.destroy(), attempts: 3, state: 'failed', status: null, reason: /ECONNRESET/ },
  resets_amid: {
    behave: (r) => {
      r.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => r.destroy(), 20);
    },
    ...{ attempts: 3, state: 'failed', status: null, reason: /ECONNRESET/ },
  },
  busy: {
    behave: (r, nth) => (nth === 1 ? r.writeHead(429, { 'retry-after': '1' }).end() : r.writeHead(200).end()),
    ...{ attempts: 2, state: 'delivered', status: 200, reason: null },
  },
  endless: {
    behave: (r) => {
      const more = () => {
        while (r.write('x'.repeat(1000)));
      };
      r.writeHead(200).on('drain', more);
      more();
    },
    ...{ attempts: 1, state: 'delivered', status: 200, reason: null },
  },
  redirects: {
    behave: (r) => r.writeHead(302, { location: `http://${receiver.host}/trap` }).end(),
    ...{ attempts: 1, state: 'failed', status: 302, reason: /302/ },
  },
  says_no: { behave: (r) => r.writeHead(400).end(), attempts: 1, state: 'failed', status: 400, reason: /400/ },
  gone: { behave: (r) => r.writeHead(410).end(), attempts: 1, state: 'failed', status: 410, reason: /410/ },
};

const HANGS_MS = 300;
/** Who never answers, or not to the end. */
const HANGS: Record<string, Behaviour> = {
  hangs: () => undefined,
  hangs_amid: (r) => r.writeHead(200, { 'content-length': 100 }).write('half'),
};

describe('webhooks with everything in the home', () => {
  let [world, engine, stop]: [ReturnType<typeof openHome>, Engine, () => Promise<void>] = [] as never;
  const ids: Record<string, { id: string; secret: string }> = {};

  beforeAll(async () => {
    world = openHome();
    engine = world.open();
    await engine.db();
    stop = working(engine, world.open);
  }, SETUP_MS_MAX);
  afterAll(async () => {
    await stop();
    await engine.close();
    await world.remove();
  }, SETUP_MS_MAX);

  test('of what nobody wants to know nothing is kept', async () => {
    await runTool(saveCatalog, { kind: 'show', show: 'quiet' }, person(engine));
    await add(
      engine,
      receiver.on('/deletions', (r) => r.end()),
      ['episode.deleted'],
    );
    await runTool(saveCatalog, { kind: 'show', show: 'still' }, person(engine));
    expect(await (await engine.db()).read((q) => q.query('select type from sa.event'))).toEqual([]);
  });

  test('AUT-01: a receiver may fail in every way: each delivery ends as it should, and no other waits for it', async () => {
    for (const [name, { behave }] of Object.entries(WAYS))
      ids[name] = await add(engine, receiver.on(`/${name}`, behave), ['catalog.changed']);
    ids.refuses = await add(engine, `http://${closed}/`, ['catalog.changed']);
    const private_one = await add(engine, 'https://93.184.216.34/', ['catalog.changed']);
    const db = await engine.db();
    // As if its name had been another's when it was added.
    await db.write((q) =>
      q.query('update sa.webhook set url = $2 where webhook_id = $1', [private_one.id, 'https://127.0.0.1/']),
    );
    await runTool(saveCatalog, { kind: 'show', show: 'demo', title: 'Demo' }, person(engine));
    await settled(engine, Object.keys(WAYS).length + 1); // all others
    release();
    const ended = await settled(engine, Object.keys(WAYS).length + 2);

    const of = (id = '') => ended.find(({ webhook_id }) => webhook_id === id);
    for (const [name, { attempts, state, status, reason }] of Object.entries(WAYS)) {
      const delivery = of(ids[name]?.id);
      const wanted = { attempts, state, status, reason: reason === null ? null : expect.stringMatching(reason) };
      expect(delivery, name).toMatchObject(wanted);
      expect(receiver.of(`/${name}`), name).toHaveLength(attempts);
    }
    expect(of(ids.refuses?.id)).toMatchObject({ attempts: 3, state: 'failed', status: null, reason: 'ECONNREFUSED' });
    expect(of(private_one.id)).toMatchObject({
      attempts: 1,
      state: 'failed',
      reason: expect.stringMatching(/private/),
    });
    expect(receiver.of('/trap')).toEqual([]);
    expect(receiver.of('/deletions')).toEqual([]);
    const [first, second] = receiver.of('/busy');
    expect((second?.at_ms ?? 0) - (first?.at_ms ?? 0), 'as long as it asked for').toBeGreaterThan(990);
  });

  test('AUT-01: who never answers is given up, and tried again', async () => {
    world.limit({ timeout_ms: HANGS_MS });
    const db = await engine.db();
    for (const [name, behave] of Object.entries(HANGS)) {
      const { id } = await add(engine, receiver.on(`/${name}`, behave), ['webhook.test']);
      await db.write((q) => emitFor(q, id, 'webhook.test', { webhook_id: id }));
      const [ended] = await settled(engine, 1, id);
      expect(ended, name).toMatchObject({ attempts: 3, state: 'failed', status: null, reason: /no answer in 300 ms/ });
      expect(ended?.took_ms, name).toBeGreaterThan(HANGS_MS - 10);
      expect(receiver.of(`/${name}`), name).toHaveLength(3);
    }
    world.limit();
  });

  test('every request is signed as the specification says, and its event is the same each time', () => {
    const events = new Set<string>();
    for (const [name, { secret }] of Object.entries(ids))
      for (const got of receiver.of(`/${name}`)) {
        expect(flawOf(secret, got, Date.now() / 1000), name).toBeUndefined();
        expect(
          flawOf(
            ids.right === ids[name] ? (ids.gone?.secret ?? '') : (ids.right?.secret ?? ''),
            got,
            Date.now() / 1000,
          ),
        ).toMatch(/signature/);
        const body = EventBody.parse(JSON.parse(got.body));
        expect(body).toMatchObject({ id: got.headers['webhook-id'], type: 'catalog.changed' });
        expect(EVENTS['catalog.changed'].strict().parse(body.data)).toMatchObject({
          kind: 'show',
          action: 'created',
          show: 'demo',
        });
        expect(got.headers['content-type']).toBe('application/json');
        events.add(got.body);
      }
    expect(events.size).toBe(1);
  });

  test('one that says it is gone is told nothing more; any other is sent an event again when a person wants', async () => {
    const { webhooks } = await runTool(listWebhooks, {}, person(engine));
    const disabled = webhooks.filter((each) => each.disabled !== null);
    expect(disabled).toMatchObject([{ webhook_id: ids.gone?.id, disabled: expect.stringMatching(/410/), failed: 1 }]);
    const [failed] = await deliveriesOf(engine, ids.always_500?.id);
    receiver.on('/always_500', (r) => r.writeHead(200).end());
    const one = await runTool(replayWebhook, { id: failed?.delivery_id ?? '' }, person(engine));
    expect(one.deliveries).toMatchObject([{ webhook_id: ids.always_500?.id, event_id: failed?.event_id }]);
    const [again] = await settled(engine, 2, ids.always_500?.id);
    expect(again).toMatchObject({ state: 'delivered', attempts: 1, event_id: failed?.event_id });
    const got = receiver.of('/always_500');
    expect(got.map(({ headers }) => headers['webhook-id'])).toEqual(got.map(() => failed?.event_id));
    expect(
      flawOf(ids.always_500?.secret ?? '', got.at(-1) ?? { headers: {}, body: '' }, Date.now() / 1000),
    ).toBeUndefined();

    await expect(runTool(replayWebhook, { id: 'evt_nothing' }, person(engine))).rejects.toMatchObject({
      code: 'DELIVERY_NOT_FOUND',
    });
    const lost = (await deliveriesOf(engine, ids.gone?.id))[0]?.delivery_id ?? '';
    await expect(runTool(replayWebhook, { id: lost }, person(engine))).rejects.toMatchObject({
      code: 'DELIVERY_NOT_FOUND',
    });
    const tested = await runTool(testWebhook, { webhook: ids.right?.id ?? '' }, person(engine));
    expect(tested).toMatchObject({ type: 'webhook.test', state: 'delivered', status: 200, attempts: 1 });
    const untaken = await runTool(testWebhook, { webhook: ids.says_no?.id ?? '' }, person(engine));
    expect(untaken).toMatchObject({ state: 'failed', status: 400, attempts: 1 });
    // Whoever stops a test has stopped it: no worker sends it later.
    const stopping = new AbortController();
    receiver.on('/says_no', () => stopping.abort());
    const asked = { ...person(engine), signal: stopping.signal };
    await runTool(testWebhook, { webhook: ids.says_no?.id ?? '' }, asked).catch(() => undefined);
    expect((await deliveriesOf(engine, ids.says_no?.id))[0]).toMatchObject({ type: 'webhook.test', state: 'failed' });
  });

  test('no agent adds, removes, tests or repeats one, whatever its profile; nor does anybody unasked', async () => {
    const tools = [
      { tool: addWebhook, input: { url: `http://${receiver.host}/x` } },
      { tool: removeWebhook, input: { webhook: ids.right?.id ?? '' } },
      { tool: testWebhook, input: { webhook: ids.right?.id ?? '' } },
      { tool: replayWebhook, input: { id: 'evt_x' } },
    ] as const;
    const before = receiver.got.length;
    const { config, origin } = testConfig(world.home);
    for (const profile of ['viewer', 'operator', 'curator', 'scheduled', 'admin'] as const) {
      const held = { ...engine, config: { ...config, services: { ...config.services, profile } }, origin };
      for (const surface of ['agent', 'mcp', 'queue'] as const)
        for (const { tool, input } of tools) {
          const asked = runTool<z.ZodObject, z.ZodObject, 'write'>(tool, input, { ...person(held), surface });
          await expect(asked, `${profile} ${surface} ${tool.name}`).rejects.toMatchObject({ code: 'POLICY_DENIED' });
        }
    }
    const { confirm: _, ...nobody } = person(engine);
    for (const { tool, input } of tools.slice(0, 2))
      expect(await askTool<z.ZodObject, z.ZodObject, 'write'>(tool, input, nobody)).toMatchObject({ kind: 'proposed' });
    const no = { ...nobody, confirm: async () => 'no' as const };
    await expect(runTool(addWebhook, tools[0].input, no)).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    for (const url of ['http://10.0.0.1/', 'https://127.0.0.1/', 'http://example.org/'])
      await expect(runTool(addWebhook, { url }, person(engine))).rejects.toMatchObject({ code: 'URL_REFUSED' });
    expect(receiver.got).toHaveLength(before);
  });

  test('without a terminal nobody adds one', async () => {
    const [word] = webhookCommands.filter(({ words }) => words.join(' ') === 'webhook add');
    const before = (await runTool(listWebhooks, {}, person(engine))).webhooks;
    const session = { engine, signal, progress: () => undefined };
    const added = word?.run({ url: `http://${receiver.host}/x` }, session);
    await expect(added).rejects.toMatchObject({ code: 'APPROVAL_NEEDS_TERMINAL' });
    expect((await runTool(listWebhooks, {}, person(engine))).webhooks).toEqual(before);
  });

  test.skipIf(!canMakeTerminals())(
    'at a terminal a person adds one by the code there, and sees its secret once',
    async () => {
      const url = receiver.on('/terminal-inside-address', (r) => r.end());
      const words = ['webhook', 'add', url, '--events', 'job.failed,qa.ready'];
      const env = { SCREENALYTICS_HOME: world.home, NODE_OPTIONS: '' };
      const terminal = new TerminalSession(
        [process.execPath, join(projectRoot, 'bin/screenalytics.mjs'), ...words],
        env,
      );
      const [, code = ''] = await terminal.until(/Sends job\.failed, qa\.ready to http\S+[\s\S]*Type (\d{6}) to agree/);
      terminal.type(code);
      const { code: exit, text } = await terminal.ended;
      const [secret = ''] = /whsec_[\w+/]{43}=/.exec(text) ?? [];
      const [id = ''] = /wh_[0-9a-f]{12}/.exec(text) ?? [];
      expect({ exit, bytes: Buffer.from(secret.slice(6), 'base64').length }).toEqual({ exit: 0, bytes: 32 });
      expect(await revealSecret(await engine.db(), id)).toBeUndefined();
      await runTool(testWebhook, { webhook: id }, person(engine));
      const [got] = receiver.of('/terminal-inside-address');
      expect(flawOf(secret, got ?? { headers: {}, body: '' }, Date.now() / 1000)).toBeUndefined();
      const rows = (await listAudit(await engine.db(), 50)).filter(({ tool }) => tool === 'add_webhook');
      expect(rows[0]).toMatchObject({ surface: 'cli', decision: 'ask', outcome: 'done' });
    },
  );

  test('a host that the configuration names no longer is told nothing more, also by a worker that runs', async () => {
    const file = join(world.home, 'config.yaml');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace(receiver.host, '127.0.0.1:1'));
    const { id } = await add(
      engine,
      receiver.on('/named', (r) => r.end()),
      ['catalog.changed'],
    );
    await runTool(saveCatalog, { kind: 'show', show: 'late' }, person(engine));
    const [refused] = await settled(engine, 1, id);
    expect(refused).toMatchObject({ state: 'failed', attempts: 1, reason: 'only https is allowed' });
    expect(receiver.of('/named')).toEqual([]);
    writeFileSync(file, before);
  });

  test('a worker that is killed in the middle leaves the rest to the next; neither it nor any list says a secret', async () => {
    receiver.on('/holds', (r) => r.writeHead(200).end());
    let is_killed = false;
    // However long it takes until it is killed: it is told nothing before.
    world.limit({ timeout_ms: 2000, attempts_max: 20 });
    const url = receiver.on('/killed?key=inside-address', (r) => void (is_killed && r.writeHead(200).end()));
    const { id, secret } = await add(engine, url, ['catalog.changed']);
    await stop(); // only now: what is due again would have started a worker, and a second would take over from the one that is killed
    await runTool(saveCatalog, { kind: 'show', show: 'demo', title: 'Another' }, person(engine)); // which starts a worker
    await expect.poll(() => receiver.of('/killed?key=inside-address').length).toBeGreaterThan(0);
    const log = () => readFileSync(join(world.home, 'queue/worker.log'), 'utf8');
    await expect.poll(log).toContain('"msg":"webhook"'); // of others, which do not wait for it
    process.kill(workerPid(world.home) ?? 0, 'SIGKILL');
    await expect.poll(() => isAlive(world.home)).toBe(false);
    const [left] = await deliveriesOf(engine, id);
    expect(left).toMatchObject({ state: 'waiting' });
    is_killed = true;
    const next = world.open();
    const leave = working(next, world.open);
    stop = () => leave().then(() => next.close());
    const [ended] = await settled(engine, 1, id);
    expect(ended).toMatchObject({ state: 'delivered', attempts: (left?.attempts ?? 0) + 1, status: 200 });
    const got = receiver.of('/killed?key=inside-address');
    expect(new Set(got.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([ended?.event_id]));
    for (const each of got) expect(flawOf(secret, each, Date.now() / 1000)).toBeUndefined();

    const db = await engine.db();
    const secrets = await db.read((q) => q.query<{ secret: string }>('select secret from sa.webhook'));
    expect(secrets.map((row) => row.secret)).toContain(secret);
    expect(await revealSecret(db, id), 'it is shown once').toBeUndefined();
    const views = `select definition from pg_views where schemaname in ('sa_report', 'sa_all')`;
    const said = JSON.stringify([
      ...[log(), await runTool(listWebhooks, {}, person(engine)), await deliveriesOf(engine)],
      ...[await listAudit(db, 10_000), (await listProposals(db, 'all', 100)).map(({ result }) => result)],
    ]);
    for (const each of secrets) expect(said).not.toContain(each.secret.slice(6));
    expect(said).not.toContain('inside-address');
    const definitions = JSON.stringify(await db.read((q) => q.query(views)));
    expect(definitions).not.toMatch(/webhook|delivery|sa\.event\b/);
  });
});
