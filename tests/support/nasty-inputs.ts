import { z } from 'zod';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { NEARLY_RIGHT } from './nearly-right.ts';

interface Field {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Field;
  readonly minimum?: number;
  readonly maximum?: number;
}
type Pick = <T>(list: readonly T[]) => T;

/** Stands for a number that JSON can say and no computer can hold. */
const TOO_LARGE = '@too-large@';

const TEXTS = [
  ...[
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\u001b[2J\u0007',
    '\r\n',
    '\u202e\u2066evil',
    '\ud800',
    '\ufeff',
    'e\u0301'.repeat(300),
  ],
  ...[
    '𝕬𝖇𝖈',
    '👩‍👩‍👧‍👦',
    'İstanbul',
    'ß',
    '\uffff',
    'x'.repeat(100_000),
    '%',
    '%00',
    '%s%n',
    '{{7*7}}',
    '`id`',
    '$(id)',
  ],
  ...[
    '../../../../etc/passwd',
    '..\\..\\windows',
    '/etc/passwd',
    '/',
    '.',
    '..',
    '~',
    '//',
    '/proc/self/environ',
    '/dev/zero',
    '/dev/stdin',
  ],
  ...[
    'file:///etc/passwd',
    'http://127.0.0.1:1/',
    'http://169.254.169.254/latest',
    'ftp://x',
    'data:,x',
    'sa://episode/pilot',
  ],
  ...[
    "' or 1=1 --",
    "'; drop table sa.episode; --",
    '\\',
    '\\x00',
    '$$;select 1;$$',
    'select pg_sleep(100)',
    '(?:a+)+$',
    '['.repeat(5_000),
  ],
  ...[
    'NaN',
    'Infinity',
    '-0',
    '1e999',
    'null',
    'undefined',
    'true',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ],
  ...[
    'pilot',
    'PILOT',
    'pilot ',
    'no-such-id',
    'r_000000000000',
    '00000000-0000-4000-8000-000000000000',
    '#1',
    '#999999',
    '0:5-1',
    '0:-5-1',
    '999999',
  ],
] as const;
const NUMBERS = [-1, 0, 1, 0.5, -0.5, 1e9, 2 ** 31, 2 ** 53, -(2 ** 53), 1e300, 5e-324, TOO_LARGE, `-${TOO_LARGE}`];
const OTHERS: readonly unknown[] = [
  null,
  true,
  false,
  [],
  {},
  [[]],
  [null],
  { __proto__: 1, length: -1 },
  ['a', 1, null],
  nested(2_000),
];

function nested(depth: number): unknown {
  let value: unknown = 'x';
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

/** Bodies of calls of a tool, as text: some nearly right, some far from it. The same for the same chance. */
export function nastyBodies(tool: AnyTool, chance: () => number, count: number): string[] {
  const pick: Pick = (list) => list[Math.floor(chance() * list.length)] as (typeof list)[number];
  const { properties = {}, required = [] } = z.toJSONSchema(tool.input, { io: 'input' });
  const fields = Object.entries(properties as Record<string, Field>);
  const whole = [
    'null',
    '[]',
    '"x"',
    '7',
    '[{}]',
    '{}',
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
  ];
  const made = Array.from({ length: count }, () => {
    const known = NEARLY_RIGHT[tool.name];
    const given = new Map<string, unknown>(Object.entries(known === undefined ? {} : pick(known)));
    for (const [name, field] of fields)
      if (!given.has(name) && (required.includes(name) || chance() < 0.05)) given.set(name, rightly(field, pick));
    if (fields.length > 0 && chance() < 0.9) {
      const [name, field] = pick(chance() < 0.7 ? fields.filter(([each]) => given.has(each)) : fields) ?? pick(fields);
      if (chance() < 0.1) given.delete(name);
      else given.set(name, wrongly(field, pick, chance));
    }
    if (chance() < 0.05) given.set(pick(['__proto__', 'constructor', 'extra', '', 'toString']), pick(OTHERS));
    return textOf(Object.fromEntries(given));
  });
  return [...whole, ...made];
}

function textOf(value: unknown): string {
  return JSON.stringify(value).replaceAll(`"-${TOO_LARGE}"`, '-1e999').replaceAll(`"${TOO_LARGE}"`, '1e999');
}

function rightly(field: Field, pick: Pick): unknown {
  if (field.enum !== undefined) return pick(field.enum);
  if (field.type === 'array') return [rightly(field.items ?? {}, pick)];
  if (field.type === 'integer' || field.type === 'number') return 1;
  return field.type === 'boolean' ? pick([true, false]) : 'a';
}

/** Mostly of the right type, since a wrong type is refused at once. */
function wrongly(field: Field, pick: Pick, chance: () => number): unknown {
  if (chance() < 0.1) return pick(OTHERS);
  if (field.type === 'array') {
    const many = pick([1, 1, 2, 3, 1_000]);
    return Array.from({ length: many }, () => wrongly(field.items ?? {}, pick, chance)).slice(0, many);
  }
  if (field.type === 'integer' || field.type === 'number')
    return pick([...NUMBERS, field.minimum ?? 0, field.maximum ?? 2 ** 31, 2 ** 31]);
  if (field.enum !== undefined && chance() < 0.5) return pick(field.enum);
  return pick(TEXTS);
}
