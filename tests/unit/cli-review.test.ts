import { expect, test } from 'vitest';
import type { z } from 'zod';
import type { listLowConfidenceTracks } from '#mcps/screenalytics/tools/list-low-confidence-tracks.ts';
import { reviewText } from '../../cli/review.ts';

type Queue = z.output<typeof listLowConfidenceTracks.output>;
type Item = Queue['items'][number];

const sheet = { path: '/there.jpg', omitted: 0, without_pictures: [] };
const item = (id: string, over: Partial<Item>): Item => ({
  ...{ id, kind: 'identity', label: id, targets: ['1'], clip: null, seconds: 3, stake_s: 3, probability: 0 },
  ...{ reasons: ['unknown'], why: 'nobody has named it', candidates: [], suggestion: 'a new name', sheet: null },
  ...over,
});
const text = (items: Item[], over: Partial<Queue> = {}) =>
  reviewText(
    {
      ...{ episode: 'clip', items, omitted: 0, unmatched: [], next_steps: [], certainty: { line: 'So much' } },
      ...over,
    } as unknown as Queue,
    { rules: false },
  );

test('the answer that is shown is to the first question with somebody to suggest, with that name', () => {
  const ada = { name: 'Ada', person_id: 'p_1', probability: 0.7 };
  const items = [
    item('Unknown-1', { sheet: { sheet: 'sheet_1', shown: 3, ...sheet } }),
    item('Unknown-2', { sheet: { sheet: 'sheet_2', shown: 3, ...sheet }, candidates: [ada], suggestion: 'Ada? (70%)' }),
  ];
  expect(text(items)).toContain('npx screenalytics assign clip "Ada" --sheet sheet_2 --except "#2"');
  // Too unlikely to be suggested: any name, and of a sheet with one picture nothing can be left out.
  const alone = item('Unknown-1', { sheet: { sheet: 'sheet_1', shown: 1, ...sheet }, candidates: [ada] });
  expect(text([alone])).toMatch(/assign clip "<name>" --sheet sheet_1$/m);
  expect(text([item('decision-c_1', { reasons: ['unmatched'], targets: [] })])).not.toContain('assign');
});

test('pictures that are gone are told of with the command that brings them back', () => {
  const input = { episode: 'clip', action: 'harvest_track', tracks: ['4', '7'] };
  const next_steps = [{ tool: 'mend_episode', input, why: 'pictures of 2 tracks are gone from the cache' }];
  expect(text([], { next_steps })).toMatch(/gone from the cache.*npx screenalytics mend clip --action harvest_track/);
});
