import { expect, test } from 'vitest';
import type { Piece } from '#engine/core/identities.ts';
import { evidenceFor } from '#engine/review/evidence-for.ts';
import type { NamedRun } from '#engine/review/open-review.ts';

const ADA = { person_id: 'p_a', name: 'Ada' };

function piece(track_id: number, over: Partial<Piece>): Piece {
  return {
    ...{ track_id, start_ms: 0, end_ms: 1000, cluster_id: null, label: 'Unknown-1', person_id: null },
    ...{ label_source: 'machine', method: 'cluster_match', band: 'ask', score: 0.5, threshold: 0.4, probability: 0.2 },
    ...{ margin: null, others: [], locked: false, change_id: null },
    ...over,
  };
}

/** Only what targets are resolved by. */
function named(...pieces: Piece[]): NamedRun {
  const ids = [...new Set(pieces.map(({ track_id }) => track_id))];
  const tracks = { rows: ids.map((track_id) => ({ track_id, start_ms: 0, end_ms: 1000 })) };
  const labels = new Map(pieces.map(({ label, person_id }) => [label ?? '', person_id]));
  const rows = [...labels].map(([label, person_id]) => ({ label, person_id }));
  return { run: { tracks }, identities: { pieces, rows } } as unknown as NamedRun;
}

const claim = (targets: string[], over: object = {}) => ({ ...ADA, targets, except: [], not: false, ...over });

test('the evidence of a claim is that of its least certain target, and its lead over the likeliest other answer', () => {
  const run = named(
    piece(1, { label: 'Ada', person_id: 'p_a', probability: 0.95, others: [{ label: 'Ben', probability: 0.03 }] }),
    piece(2, {
      probability: 0.3,
      others: [
        { label: 'Ada', probability: 0.6 },
        { label: 'Ben', probability: 0.1 },
      ],
    }),
  );
  expect(evidenceFor(run, claim(['1']))).toEqual({ score: 0.95, margin: expect.closeTo(0.92) });
  expect(evidenceFor(run, claim(['1', '2']))).toEqual({ score: 0.6, margin: expect.closeTo(0.3) });
  expect(evidenceFor(run, claim(['1', '2'], { except: ['2'] }))).toMatchObject({ score: 0.95 });
  expect(evidenceFor(run, claim(['2'], { person_id: 'p_c', name: 'Carl' }))).toEqual({ score: 0, margin: -0.6 });
});

test('that it is not somebody is as sure as that it is somebody else', () => {
  const run = named(
    piece(1, { label: 'Ben', person_id: 'p_b', probability: 0.9, others: [{ label: 'Ada', probability: 0.05 }] }),
  );
  expect(evidenceFor(run, claim(['1'], { not: true }))).toEqual({ score: 0.95, margin: expect.closeTo(0.9) });
});

test('of a target without a face, and of what a person said, the machine has no evidence', () => {
  const blind = piece(2, { label: null, probability: null });
  const said = piece(3, { label: 'Ada', person_id: 'p_a', label_source: 'person', probability: 1 });
  const run = named(piece(1, { label: 'Ada', person_id: 'p_a', probability: 0.95 }), blind, said);
  for (const targets of [['2'], ['1', '2'], ['3'], ['1', '3']]) expect(evidenceFor(run, claim(targets))).toEqual({});
});

test('a span is judged by the pieces that it touches', () => {
  const run = named(
    piece(1, { end_ms: 500, label: 'Ada', person_id: 'p_a', probability: 0.95 }),
    piece(1, { start_ms: 500, probability: 0.4, others: [{ label: 'Ada', probability: 0.2 }] }),
  );
  expect(evidenceFor(run, claim(['1:0-500']))).toMatchObject({ score: 0.95 });
  expect(evidenceFor(run, claim(['1:400-600']))).toMatchObject({ score: 0.2 });
});
