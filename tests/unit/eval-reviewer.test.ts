import { expect, test } from 'vitest';
import type { DetectionRow, FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import type { Decisions, Identities, Piece } from '#engine/core/identities.ts';
import type { Box } from '#engine/core/image.ts';
import { type Desk, type Question, review } from '#engine/eval/reviewer.ts';
import { paintDecisions } from '#engine/math/decide.ts';

const LEFT: Box = [0.1, 0.2, 0.3, 0.5];
const RIGHT: Box = [0.6, 0.2, 0.8, 0.5];
const POINT: [number, number] = [0, 0];
const LENGTH_MS = 1000;

/** One second of track each, one after the other, all on the left; `who` tells whose face is there when. */
function desk(tracks: number, clusters: Record<string, number[]>, who: (at_ms: number) => string | null) {
  const rows: DetectionRow[] = [];
  const trackRows: TrackRow[] = Array.from({ length: tracks }, (_, track_id) => {
    const start_ms = track_id * LENGTH_MS;
    const detections = Array.from({ length: 10 }, (_, i) => {
      const landmarks: DetectionRow['landmarks'] = [POINT, POINT, POINT, POINT, POINT];
      return rows.push({ at_ms: start_ms + i * 100, box: [...LEFT], score: 1, landmarks }) - 1;
    });
    return { track_id, shot_id: 0, start_ms, end_ms: start_ms + LENGTH_MS, detections };
  });
  const faces: FaceRow[] = trackRows.flatMap(({ track_id, detections }) =>
    [1, 4, 7].map((i, n) => ({
      ...{
        face_id: `${track_id}-${n}`,
        track_id,
        detection: detections[i] ?? 0,
        at_ms: rows[detections[i] ?? 0]?.at_ms ?? 0,
      },
      ...{ box: [...LEFT], score: 1, quality: 1, yaw_deg: 0, roll_deg: 0, sharpness: 1, size_px: 100, flags: [] },
    })),
  );
  const embeddings = { model_id: 'made up', dim: 2, faces: faces.map(() => Float32Array.of(1, 0)), tracks: [] };
  const labelOf = new Map(Object.entries(clusters).flatMap(([label, own]) => own.map((id) => [id, label] as const)));

  /** Only what people decided has a name, the rest is its cluster's Unknown. */
  function identify(decisions: Decisions): Identities {
    const { pieces, unmatched, conflicts } = paintDecisions({
      tracks: trackRows,
      detections: rows,
      faces,
      embeddings,
      decisions,
    });
    const names = new Map(decisions.people.map(({ person_id, name }) => [person_id, name]));
    return {
      ...{ model_id: 'made up', rows: [], audit: [], confusion: null, splits: [], unmatched, conflicts },
      pieces: pieces.map(({ track_id, start_ms, end_ms, person_id, dropped, change_id }): Piece => {
        const label = dropped
          ? null
          : person_id === null
            ? (labelOf.get(track_id) ?? null)
            : (names.get(person_id) ?? null);
        return {
          ...{
            track_id,
            start_ms,
            end_ms,
            label,
            person_id,
            change_id,
            cluster_id: null,
            score: null,
            threshold: null,
          },
          ...{ label_source: change_id === null ? 'machine' : 'person', method: 'none', locked: false },
          ...{ band: change_id === null ? 'unknown' : 'decided', probability: null, margin: null, others: [] },
        };
      }),
    };
  }
  const asked: string[] = [];
  const made: Desk = {
    run: { detections: { rows }, tracks: { rows: trackRows } } as Desk['run'],
    identify,
    queue: ({ pieces }) =>
      Object.keys(clusters).flatMap((id): Question[] => {
        const targets = pieces.filter(({ label }) => label === id).map(({ track_id }) => String(track_id));
        return targets.length === 0 ? [] : [{ id, targets }];
      }),
    sheet: ({ id, targets }) => {
      asked.push(id);
      return faces.filter(({ track_id }) => targets.includes(String(track_id)));
    },
    who,
    idOf: (person) => (person === 'Ada' ? 'p_1' : undefined),
    right: ({ pieces }) => {
      const times = rows.map(({ at_ms }) => at_ms);
      const right = times.filter((at_ms) => {
        const piece = pieces.find((each) => each.start_ms <= at_ms && at_ms < each.end_ms);
        return (piece?.label ?? null) === who(at_ms);
      });
      return right.length / times.length;
    },
  };
  return { made, asked };
}

test('two pure clusters take two answers, in the order of the queue', () => {
  const { made, asked } = desk(5, { 'Unknown-1': [0, 2, 4], 'Unknown-2': [1, 3] }, (at_ms) =>
    Math.floor(at_ms / LENGTH_MS) % 2 === 0 ? 'Ada' : 'Ben',
  );
  expect(review(made, 0.99)).toEqual({ decisions: 2, answers: 2, reached: true, share_before: 0, share_after: 1 });
  expect(asked).toEqual(['Unknown-1', 'Unknown-2']);
});

test('it ends as soon as the share is reached', () => {
  const { made } = desk(5, { 'Unknown-1': [0, 1, 2, 3], 'Unknown-2': [4] }, (at_ms) => (at_ms < 4000 ? 'Ada' : 'Ben'));
  expect(review(made, 0.8)).toEqual({ decisions: 1, answers: 1, reached: true, share_before: 0, share_after: 0.8 });
});

test('a mixed sheet is answered with exceptions: one more for each other person on it', () => {
  const people = ['Ada', 'Ada', 'Ben', 'Ada', 'Cid', 'Ben'];
  const { made } = desk(
    6,
    { 'Unknown-1': [0, 1, 2, 3, 4, 5] },
    (at_ms) => people[Math.floor(at_ms / LENGTH_MS)] ?? null,
  );
  expect(review(made, 0.99)).toEqual({ decisions: 3, answers: 1, reached: true, share_before: 0, share_after: 1 });
});

test('a track of two people is divided between the faces that are shown, and no more is known', () => {
  const { made } = desk(2, { 'Unknown-1': [0, 1] }, (at_ms) => (at_ms < 500 ? 'Ben' : 'Ada'));
  // Shown: 100 and 400 Ben, 700 Ada. The border is put at 550; the truth has it at 500.
  const done = review(made, 0.99);
  expect(done).toMatchObject({ decisions: 2, answers: 1, reached: false });
  expect(done.share_after).toBeCloseTo(19 / 20, 12);
});

test('what a sheet does not show is answered like the rest, and a face of nobody is dropped', () => {
  const people = ['Ada', 'Ada', null, 'Ben'];
  const { made } = desk(4, { 'Unknown-1': [0, 1, 2, 3] }, (at_ms) => people[Math.floor(at_ms / LENGTH_MS)] ?? null);
  const sheet: Desk['sheet'] = (question, identities) =>
    made.sheet(question, identities).filter(({ track_id }) => track_id !== 3);
  const done = review({ ...made, sheet }, 0.99);
  expect(done).toMatchObject({ decisions: 2, answers: 1, reached: false, share_after: 0.75 });
});

test('a question that shows nothing, or comes again, is not answered for ever', () => {
  const { made } = desk(2, { 'Unknown-1': [0, 1] }, () => 'Ada');
  const queue: Desk['queue'] = () => [{ id: 'Unknown-1', targets: ['0'] }];
  expect(review({ ...made, queue }, 0.99)).toMatchObject({
    decisions: 1,
    answers: 1,
    reached: false,
    share_after: 0.5,
  });
  expect(review({ ...made, sheet: () => [] }, 0.99)).toMatchObject({ decisions: 0, answers: 0, reached: false });
  expect(review({ ...made, who: (_, box) => (box === RIGHT ? null : 'Ada') }, 0)).toMatchObject({
    answers: 0,
    reached: true,
  });
});

test('what was said of the very same tracks is not said again, and not counted', () => {
  const people = ['Ada', 'Ada', 'Ben'];
  const { made } = desk(3, { 'Unknown-1': [0, 1, 2] }, (at_ms) => people[Math.floor(at_ms / LENGTH_MS)] ?? null);
  // The same tracks under other numbers, as when an answer could not be followed; a share that is never reached.
  const queue: Desk['queue'] = () => [
    { id: 'Unknown-1', targets: ['0', '1', '2'] },
    { id: 'Unknown-7', targets: ['2'] },
    { id: 'Unknown-8', targets: ['0', '1'] },
  ];
  expect(review({ ...made, queue }, 1.1)).toMatchObject({ decisions: 2, answers: 1, reached: false });
});

test('nobody is in two places: who is named elsewhere from then on has left the track that they were on', () => {
  const { made } = desk(1, { 'Unknown-1': [0] }, (at_ms) => (at_ms < 500 ? 'Ben' : 'Ada'));
  // Ben, shown here at 100 and 400, is on another track from 500 on; Ada is first shown here at 700.
  const identify: Desk['identify'] = (decisions) => {
    const own = made.identify(decisions);
    const elsewhere = own.pieces.map((piece) => ({ ...piece, track_id: 9, start_ms: 500, person_id: 'p_Ben' }));
    return { ...own, pieces: [...own.pieces, ...elsewhere] };
  };
  expect(review({ ...made, identify }, 0.99)).toMatchObject({ decisions: 2, reached: true, share_after: 1 });
});
