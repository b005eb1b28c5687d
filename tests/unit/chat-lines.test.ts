import { expect, test } from 'vitest';
import { type Line, lastOf, outcomeOf } from '#agents/lines.ts';
import { fenced } from '#mcps/kit/fence.ts';

const at = '2026-01-01T00:00:00.000Z';
const asked = (text: string): Line => ({ kind: 'operator', at, text });
const said = (text: string): Line => ({ kind: 'agent', agent: 'a', text });
const call = (call_id: string): Line => ({ kind: 'call', agent: 'a', call_id, tool: 't', input: '{}' });
const answer = (call_id: string): Line => ({ kind: 'answer', call_id, tool: 't', text: 'x' });

test('a model is told the last messages that fit, each with all that followed, and the very last always', () => {
  const lines = [asked('one'), said('first'), asked('two'), call('1'), answer('1'), said('second'), asked('three')];
  const size = (part: Line[]) => part.reduce((sum, line) => sum + JSON.stringify(line).length, 0);
  expect(lastOf(lines, 10_000)).toEqual(lines);
  expect(lastOf(lines, size(lines) - 1)).toEqual(lines.slice(2));
  expect(lastOf(lines, size(lines.slice(2)) - 1)).toEqual(lines.slice(6));
  expect(lastOf(lines, 1)).toEqual([asked('three')]);
});

test('of a turn that was stopped, calls without an answer are left out', () => {
  const lines = [asked('one'), call('1'), answer('1'), call('2'), asked('two')];
  expect(lastOf(lines, 10_000)).toEqual([asked('one'), call('1'), answer('1'), asked('two')]);
});

test('an outcome is read from the data, from the error, or from the text that the model is shown', () => {
  const about = { tool: 't', data: undefined, meta: undefined, failed: false, text: '' };
  expect(outcomeOf({ ...about, data: { status: 'queued', job_id: 'job_1' } })).toEqual({
    ...{ tool: 't', status: 'queued', job_id: 'job_1', sheets: [] },
  });
  const meta = { 'screenalytics/error': { code: 'POLICY_DENIED' } };
  expect(outcomeOf({ ...about, failed: true, meta })).toEqual({ tool: 't', status: 'POLICY_DENIED', sheets: [] });
  const data = { items: [{ sheet: { sheet: 's1', path: '/tmp/a.jpg' } }, { sheet: null }] };
  for (const shown of [{ data }, { text: fenced('Pictures.', JSON.stringify(data)) }])
    expect(outcomeOf({ ...about, ...shown })).toEqual({ tool: 't', status: 'done', sheets: ['/tmp/a.jpg'] });
  expect(outcomeOf({ ...about, text: fenced('Pictures.', '{"items": [') }).sheets).toEqual([]);
});
