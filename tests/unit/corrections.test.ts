import { describe, expect, test } from 'vitest';
import type { TrackRow } from '#engine/core/artifacts.ts';
import type { LoggedDecision } from '#engine/core/change.ts';
import type { Evidence, Identities, Piece } from '#engine/core/identities.ts';
import { type Folded, foldDecisions } from '#engine/corrections/fold.ts';
import { resolveTargets } from '#engine/corrections/targets.ts';
import { cancelledIn } from '#engine/store/changes.ts';
import type { PersonState } from '#engine/store/person-log.ts';

const evidence = (evidence_id: string): Evidence => ({
  ...{ evidence_id, start_ms: 0, end_ms: 1000, whole_track: true },
  moments: [{ at_ms: 500, box: [0.1, 0.1, 0.2, 0.2] }],
  vector: Float32Array.from([1, 0]),
});
const assign = (person_id: string, locked: boolean, ...ids: string[]): LoggedDecision => ({
  ...{ act: 'assign', scope: 'track', locked, person_id, at_ms: null },
  evidence: ids.map(evidence),
});
const change = (change_id: string, over: Partial<Folded> = {}): Folded => ({
  change_id,
  target: null,
  payload: {},
  ...over,
});
const said = (change_id: string, ...decisions: LoggedDecision[]) =>
  change(change_id, { payload: { decisions, model_id: 'm' } });
const person = (person_id: string, over: Partial<PersonState> = {}): [string, PersonState] => [
  person_id,
  { person_id, root_id: person_id, name: person_id.toUpperCase(), deleted: false, ...over },
];

describe('what the log comes to', () => {
  test('an undo cancels, an undo of it puts back; whatever lies between', () => {
    const log = [
      { change_id: 'a', target: null },
      { change_id: 'b', target: null },
      { change_id: 'undo a', target: 'a' },
      { change_id: 'redo a', target: 'undo a' },
      { change_id: 'undo b', target: 'b' },
      { change_id: 'undo the redo', target: 'redo a' },
    ];
    expect(cancelledIn(log.slice(0, 4))).toEqual(new Map([['undo a', 'redo a']]));
    expect(cancelledIn(log)).toEqual(
      new Map([
        ['redo a', 'undo the redo'],
        ['b', 'undo b'],
        ['a', 'undo a'],
      ]),
    );
  });

  test('people are whom they were merged into; who was deleted or erased is nobody', () => {
    const log = [
      said('1', assign('a', false, 'e1')),
      said('2', assign('b', false, 'e2')),
      said('3', assign('gone', false, 'e3')),
    ];
    const people = new Map([
      person('a', { root_id: 'c', name: 'Cleo' }),
      person('c', { name: 'Cleo' }),
      person('b', { deleted: true }),
    ]);
    const { decisions } = foldDecisions(log, people, 'm');
    expect(decisions.rows.map(({ change_id, person_id, seq }) => [change_id, person_id, seq])).toEqual([['1', 'c', 1]]);
    expect(decisions.people).toEqual([{ person_id: 'c', name: 'Cleo' }]);
  });

  test('places are counted among what is in force, so that other episodes and undone changes move no key', () => {
    const people = new Map([person('a')]);
    const one = said('1', assign('a', false, 'e1'));
    const two = said('2', assign('a', false, 'e2'));
    const plain = foldDecisions([one, two], people, 'm').decisions;
    const busy = [change('0'), one, said('x', assign('a', false, 'e9')), change('undo', { target: 'x' }), two];
    expect(foldDecisions(busy, people, 'm').decisions).toEqual(plain);
    expect(plain.rows.map((row) => row.seq)).toEqual([1, 2]);
  });

  test('unlocking opens what was named and nothing else; undone, it is locked again', () => {
    const people = new Map([person('a')]);
    const log = [said('lock', assign('a', true, 'e1', 'e2')), change('unlock', { payload: { unlocks: ['e2'] } })];
    const locks = (changes: Folded[]) =>
      foldDecisions(changes, people, 'm').decisions.rows.map((row) => [
        row.locked,
        row.evidence.map((e) => e.evidence_id),
      ]);
    expect(locks(log)).toEqual([
      [true, ['e1']],
      [false, ['e2']],
    ]);
    expect(locks([...log, change('undo', { target: 'unlock' })])).toEqual([[true, ['e1', 'e2']]]);
  });

  test('vectors of another model are taken out and listed', () => {
    const { decisions, foreign } = foldDecisions(
      [said('1', assign('a', false, 'e1'))],
      new Map([person('a')]),
      'other',
    );
    expect(decisions.rows[0]?.evidence[0]?.vector).toBeNull();
    expect(foreign).toEqual([{ evidence_id: 'e1' }]);
  });
});

describe('what people type', () => {
  const track = (track_id: number, start_ms: number, end_ms: number): TrackRow => ({
    track_id,
    shot_id: 0,
    start_ms,
    end_ms,
    detections: [0],
  });
  const piece = (track_id: number, start_ms: number, end_ms: number, label: string, person_id: string | null = null) =>
    ({ track_id, start_ms, end_ms, label, person_id, cluster_id: track_id }) as Piece;
  const tracks = [track(3, 0, 1000), track(7, 2000, 3000), track(12, 3000, 6000)];
  const named = {
    tracks: new Map(tracks.map((row) => [row.track_id, row])),
    identities: {
      rows: [
        { label: 'Unknown-1', person_id: null },
        { label: 'Zoë', person_id: 'p_1' },
      ],
      pieces: [
        piece(3, 0, 1000, 'Unknown-1'),
        piece(7, 2000, 3000, 'Unknown-1'),
        piece(12, 3000, 4000, 'Unknown-1'),
        piece(12, 4000, 6000, 'Zoë', 'p_1'),
      ],
    } as unknown as Identities,
  };
  const found = (targets: string[], except: string[] = []) =>
    resolveTargets(named, targets, except).map((t) => [t.track.track_id, t.start_ms, t.end_ms, t.whole, t.scope]);

  test('tracks, spans and identities, each moment once', () => {
    expect(found(['7', '12:3500-9999', '12:3000-6000'])).toEqual([
      [7, 2000, 3000, true, 'track'],
      [12, 3000, 6000, true, 'frame'],
    ]);
    expect(found(['unknown-1'], ['3', '12:3500-4000'])).toEqual([
      [7, 2000, 3000, true, 'cluster'],
      [12, 3000, 3500, false, 'cluster'],
    ]);
    for (const name of ['zoe', 'ZOË', 'p_1']) expect(found([name])).toEqual([[12, 4000, 6000, false, 'cluster']]);
    expect(found(['cluster-3'])).toEqual([[3, 0, 1000, true, 'cluster']]);
  });

  test('what is not there is said, and nothing left is nothing to change', () => {
    for (const wrong of ['99', '12:7000-8000', 'Nobody', 'cluster-99'])
      expect(() => found([wrong]), wrong).toThrow(expect.objectContaining({ code: 'TRACK_NOT_FOUND' }));
    expect(() => found(['3'], ['3'])).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });
});
