import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig, projectRoot } from '#config/load.ts';
import { EVENTS, EventBody, EventType } from '#engine/core/events.ts';
import { requireAddress, shownAddress } from '#engine/webhooks/address.ts';
import { pauseAfter, retryAfterMs } from '#engine/webhooks/pause.ts';
import { signed } from '#engine/webhooks/sign.ts';
import { flawOf } from '../support/receiver.ts';

const limits = loadConfig({}).config.services.webhooks;

test('signs as the specification does: its own example', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const [id, at, body] = ['msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}'] as const;
  const headers = signed(secret, id, at, body);
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  expect(flawOf(secret, { headers, body }, at)).toBeUndefined();
  expect(flawOf(secret, { headers, body: `${body} ` }, at)).toMatch(/signature/);
  expect(flawOf(`${secret.slice(0, -1)}x`, { headers, body }, at)).toMatch(/signature/);
  expect(flawOf(secret, { headers: { ...headers, 'webhook-id': 'msg_2' }, body }, at)).toMatch(/signature/);
  expect(flawOf(secret, { headers, body }, at + 301)).toMatch(/old/);
});

test('pauses grow to a bound, keep what a receiver asks for to another, and end', () => {
  const own = {
    ...limits,
    attempts_max: 6,
    backoff_first_ms: 100,
    backoff_factor: 3,
    backoff_max_ms: 1000,
    jitter: 0.5,
  };
  const pauses = [1, 2, 3, 4, 5, 6].map((n) => pauseAfter(own, n, 0));
  expect(pauses).toEqual([100, 300, 900, 1000, 1000, undefined]);
  expect([0.5, 1].map((random) => pauseAfter(own, 2, random))).toEqual([225, 150]);
  expect(pauseAfter({ ...own, retry_after_max_s: 2 }, 1, 0, 1500)).toBe(1500);
  expect(pauseAfter({ ...own, retry_after_max_s: 2 }, 1, 0, 900_000)).toBe(2000);
  expect(pauseAfter({ ...own, retry_after_max_s: 2 }, 6, 0, 1500)).toBeUndefined();
  const now = Date.parse('2030-01-01T00:00:00Z');
  const headers = [
    '7',
    ' 7 ',
    'Tue, 01 Jan 2030 00:00:09 GMT',
    'Tue, 01 Jan 2019 00:00:00 GMT',
    'soon',
    '-1',
    undefined,
  ];
  expect(headers.map((header) => retryAfterMs(header, now))).toEqual([7000, 7000, 9000, 0, 0, 0, 0]);
});

test('only public https is taken, and hosts of its own that the configuration names', async () => {
  const refused = [
    ...['http://93.184.216.34/x', 'https://10.0.0.1/x', 'https://127.0.0.1/', 'https://[::1]/', 'https://0x7f.1/'],
    ...['https://[::ffff:192.168.0.1]/', 'https://169.254.169.254/latest', 'https://localhost/', 'nonsense'],
    ...['https://me:secret@93.184.216.34/', 'ftp://93.184.216.34/', 'file:///etc/passwd', 'https://93.184.216.34/#x'],
  ];
  for (const url of refused)
    await expect(requireAddress(limits, url), url).rejects.toMatchObject({ code: 'URL_REFUSED' });
  expect(await requireAddress(limits, 'https://93.184.216.34/hooks?a=1')).toBe('https://93.184.216.34/hooks?a=1');
  const own = { hosts: [{ host: '127.0.0.1:5678', reason: 'n8n on this machine' }] };
  expect(await requireAddress(own, 'http://127.0.0.1:5678/webhook/x')).toBe('http://127.0.0.1:5678/webhook/x');
  await expect(requireAddress(own, 'http://127.0.0.1:5679/')).rejects.toMatchObject({ code: 'URL_REFUSED' });
});

test('an address is shown as far as it is known by, not as far as it can be used', () => {
  expect(shownAddress('https://hooks.example.org/hooks/catch/123456/abcdefgh/')).toBe(
    'https://hooks.example.org/...defgh/',
  );
  expect(shownAddress('https://example.org/in')).toBe('https://example.org/in');
});

test('texts of others are cut, and made such as JSON and the database take', () => {
  const long = `${'x'.repeat(199)}\u{1F600}`;
  const told = { kind: 'episode', action: 'a\0b', show: long, season: 1, episode: null, person_ids: [] } as const;
  const { show, action } = EVENTS['catalog.changed'].parse(told);
  expect([show?.length, show?.isWellFormed(), action]).toEqual([200, true, 'ab']);
});

const document = readFileSync(join(projectRoot, 'docs/webhooks.md'), 'utf8');
const blocks = (kind: string) =>
  [...document.matchAll(new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``, 'g'))].map((found) => found[1] ?? '');

test('the document shows every kind of event as it is sent, and no other', () => {
  const shown = blocks('json').map((text) => EventBody.strict().parse(JSON.parse(text)));
  expect(shown.map(({ type }) => type).sort()).toEqual(EventType.options.toSorted());
  for (const { type, data } of shown) expect(EVENTS[type].strict().parse(data), type).toEqual(data);
});

test('the check that the document gives to receivers takes what is ours, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sa-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [code = ''] = blocks('js');
  writeFileSync(join(folder, 'check.mjs'), code);
  const { isOurs } = (await import(join(folder, 'check.mjs'))) as { isOurs(...given: unknown[]): boolean };
  const [secret, other, body] = ['whsec_c2VjcmV0IG9mIHRoaXM=', 'whsec_YW5vdGhlciBzZWNyZXQ=', '{"id":"evt_1"}'];
  const headers = signed(secret, 'evt_1', 1000, body);
  expect(isOurs(secret, headers, body, 1200)).toBe(true);
  const rotated = { ...headers, 'webhook-signature': `v1,AAAA ${headers['webhook-signature']}` };
  expect(isOurs(secret, rotated, body, 1000)).toBe(true);
  const wrong = [
    ...[
      [other, headers, body, 1000],
      [secret, headers, `${body}\n`, 1000],
      [secret, headers, body, 1301],
    ],
    ...[
      [secret, {}, body, 1000],
      [secret, { ...headers, 'webhook-timestamp': '1001' }, body, 1000],
    ],
    ...[[secret, { ...headers, 'webhook-timestamp': 'now' }, body, 1000]],
    [secret, { ...headers, 'webhook-signature': 'v1,' }, body, 1000],
  ];
  expect(wrong.map((given) => isOurs(...given))).toEqual(wrong.map(() => false));
});
