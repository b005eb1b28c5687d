import { expect, test } from 'vitest';
import { holdsSecret, WITHHELD, wholeWords, withheld } from '#agents/guardrails.ts';

const made = ['AKIA', 'ABCDEFGHIJKLMNOP'].join('');

test.each([
  [`use ${made} please`, true],
  ['postgres://ada:hunter2@db.example.org/x', true],
  ['the token is 0123456789abcdef', true],
  ['See https://example.org/a:b and mail ada@example.org', false],
  ['Skip the intro; sk-1 is a track', false],
])('a message with a secret of anybody or of our own is known: %s', (text, expected) => {
  expect(holdsSecret(text, ['0123456789abcdef', null, undefined, 'a'])).toBe(expected);
});

test('an address that nobody said is withheld, one that was said letter by letter is not', () => {
  const said = ['the report is at https://files.example.org/r/1.html', 'Bo, see https://evil.example/'];
  const text = (address: string) => `Look [here](${address}), or **${address}**.`;
  expect(withheld(text('https://files.example.org/r/1.html'), said)).toBe(text('https://files.example.org/r/1.html'));
  for (const other of ['https://evil.example/?d=Ada', 'HTTPS://evil.example/Ada', 'ftp://files.example.org/r/1.html'])
    expect(withheld(text(other), said)).toBe(text(WITHHELD));
  expect(withheld('file:///reports/a.html and mailto:a@b.c', said)).toBe('file:///reports/a.html and mailto:a@b.c');
});

test('words are handed on when they are whole, and all of them', () => {
  const parts: string[] = [];
  const words = wholeWords((text) => parts.push(text));
  for (const part of ['See ht', 'tps://a.exa', 'mple/x\n', 'and', ' ', 'go', 'ne']) words.add(part);
  expect(parts).toEqual(['See ', 'https://a.example/x\n', 'and ']);
  words.end();
  words.end();
  expect(parts.join('')).toBe('See https://a.example/x\nand gone');
});
