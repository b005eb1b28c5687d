import { expect, test } from 'vitest';
import { fromCsv, toCsv } from '#engine/core/csv.ts';

test('the header is there above no rows', () => {
  expect(toCsv(['person', 'visual_s'], [])).toBe('person,visual_s\n');
});

test('columns come in the order asked for; null is empty and a list is joined with spaces', () => {
  const rows = [{ ids: [1, 2], note: null, person: 'Unknown-1', n: -1.5 }];
  expect(toCsv(['person', 'n', 'ids', 'note'], rows)).toBe('person,n,ids,note\nUnknown-1,-1.5,1 2,\n');
});

test('what would break a row is quoted, and quotes are doubled', () => {
  const rows = [{ a: 'A "B", C', b: 'two\nlines', c: 'plain' }];
  expect(toCsv(['a', 'b', 'c'], rows)).toBe('a,b,c\n"A ""B"", C","two\nlines",plain\n');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1'])('%j does not run in a spreadsheet', (name) => {
  expect(toCsv(['a', 'b'], [{ a: name, b: [name] }])).toBe(`a,b\n'${name},'${name}\n`);
});

test('a quoted formula is disarmed inside its quotes; numbers are left alone', () => {
  expect(toCsv(['a', 'b'], [{ a: '=HYPERLINK("x","y")', b: -2 }])).toBe(`a,b\n"'=HYPERLINK(""x"",""y"")",-2\n`);
  expect(toCsv(['a'], [{ a: '\r=1' }])).toBe(`a\n"'\r=1"\n`);
});

test('what was written is read again, and files of spreadsheets are', () => {
  const rows = [
    { person: 'Ada, "the first"', visual_s: '1.5' },
    { person: 'Ben\nof two lines', visual_s: '2' },
  ];
  expect(fromCsv(toCsv(['person', 'visual_s'], rows))).toEqual(rows);
  expect(fromCsv('\ufeffperson,visual_s,note\r\nAda,3,\r\n\r\nBen,4\r\n')).toEqual([
    { person: 'Ada', visual_s: '3', note: '' },
    { person: 'Ben', visual_s: '4', note: '' },
  ]);
  expect(fromCsv('')).toEqual([]);
});
