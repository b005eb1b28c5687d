import { expect, test } from 'vitest';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { errorJson, errorText } from '../../cli/errors.ts';
import { peopleTable, percent, seconds } from '../../cli/render.ts';
import { facts, table } from '../../cli/table.ts';

const rows = [
  {
    person: 'Unknown-1',
    person_id: null,
    visual_s: 61.25,
    visual_low_s: 58,
    visual_high_s: 62.04,
    confidence: 0.953,
    share: 0.5104,
    first_seen_ms: 0,
    last_seen_ms: 119_960,
    appearances: 3,
    tracks: 4,
  },
  {
    person: 'Unknown-2',
    person_id: null,
    visual_s: 5,
    visual_low_s: null,
    visual_high_s: null,
    confidence: null,
    share: 0.0417,
    first_seen_ms: 12_000,
    last_seen_ms: 17_000,
    appearances: 1,
    tracks: 1,
  },
];

test('the table of people in a pipe is plain columns', () => {
  expect(peopleTable(rows, { rules: false }).split('\n')).toEqual([
    'person        seen  95% interval        sure  share  appearances    first     last  tracks',
    'Unknown-1  01:01.3  00:58.0 - 01:02.0  95.3%  51.0%            3  00:00.0  02:00.0       4',
    'Unknown-2  00:05.0  -                      -   4.2%            1  00:12.0  00:17.0       1',
  ]);
  expect(peopleTable([], { rules: false })).toBe('Nobody was seen.');
});

test('at a terminal it has rules', () => {
  const drawn = peopleTable(rows, { rules: true });
  expect(drawn).toContain('│ Unknown-1 │');
  expect(drawn.split('\n')).toHaveLength(7);
});

test('clocks round to tenths and carry into minutes', () => {
  expect([0, 0.04, 0.05, 59.94, 59.95, 60, 3661.5].map(seconds)).toEqual([
    '00:00.0',
    '00:00.0',
    '00:00.1',
    '00:59.9',
    '01:00.0',
    '01:00.0',
    '61:01.5',
  ]);
  expect(percent(1 / 3)).toBe('33.3%');
});

test('tables and facts without anything', () => {
  expect(table(['a', 'b'], [], { rules: false })).toBe('a  b');
  expect(
    facts([
      ['long name', null],
      ['x', true],
    ]),
  ).toBe('long name  -\nx          yes');
});

test('an error is two lines: what happened, what to do', () => {
  const fields = [
    { field: 'fps', problem: 'too small' },
    { field: 'colour', problem: 'is not a known field' },
  ];
  expect(errorText(new ScreenalyticsError('INPUT_INVALID', { tool: 'run_stage', fields })).split('\n')).toEqual([
    'INPUT_INVALID: The input does not match what this command accepts. (tool: run_stage; fps: too small; colour: is not a known field)',
    'Correct the listed fields and call again.',
  ]);
  expect(errorText(new ScreenalyticsError('CONFIG_INVALID', { problems: 'a\n  → at b' })).split('\n')).toHaveLength(2);
});

test('an error as JSON has code, words and details, and nothing of the cause', () => {
  const error = new ScreenalyticsError('MEDIA_NOT_FOUND', { path: 'x.mp4' }, { cause: new Error('secret words') });
  expect(errorJson(error)).toEqual({
    error: {
      code: 'MEDIA_NOT_FOUND',
      message: 'There is no file at that path.',
      hint: 'Check the path; quotes are needed around spaces.',
      details: { path: 'x.mp4' },
    },
  });
});
