import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import type { DecisionDraft } from '#engine/corrections/plan.ts';
import { redoChange, undoChange } from '#engine/corrections/undo.ts';
import type { Engine } from '#engine/engine.ts';
import { uniform as randomFrom } from '#engine/eval/intervals.ts';
import { cancelled, historyOf, verifyHistory } from '#engine/store/changes.ts';
import { stateOf } from '../support/change-rows.ts';
import { makeHome } from '../support/home.ts';
import { some } from '../support/long.ts';
import { type MadeEpisode, madeEngine, makeEpisode } from '../support/made-episode.ts';

const TEST_MS_MAX = 300_000;
const EYES = { period_ms: 250, missed: 0.02, jitter: 0.02, scale: 1, breaks: 0.02, joins: true };
const EXPECTED = [
  'LOCKED',
  'SAME_FRAME',
  'INPUT_INVALID',
  'PERSON_EXISTS',
  'PERSON_NOT_FOUND',
  'CHANGE_CONFLICT',
  'TRACK_NOT_FOUND',
];
const { home, remove } = makeHome();
const me: By = { actor: 'reviewer', surface: 'cli' };
let engine: Engine;
let made: MadeEpisode;
const people: string[] = [];

beforeAll(async () => {
  engine = madeEngine(home);
  made = await makeEpisode(engine, 'pilot', 5, EYES);
  for (const name of ['Ada', 'Ben', 'Cleo', 'Dan', 'Eva'])
    people.push(...(await changePeople(engine, me, { act: 'create', name })).person_ids);
}, TEST_MS_MAX);
afterAll(async () => {
  await engine.close();
  await remove();
}, TEST_MS_MAX);

test(
  'two actors at once: every acknowledged word is in force, in an order that the log knows',
  async () => {
    const other = madeEngine(home);
    try {
      const tracks = apart().slice(0, 8);
      const half = tracks.length >> 1;
      const say = async (on: Engine, actor: string, person: string, own: readonly number[]) => {
        const ids: string[] = [];
        for (const id of own) {
          const by = { actor, surface: 'cli' as const };
          ids.push(
            (await correct(on, by, 'pilot', { act: 'assign', person, targets: [`${id}`], scope: 'frame' })).change_id,
          );
        }
        return ids;
      };
      const [a, b] = await Promise.all([
        say(engine, 'one', 'Ada', tracks.slice(0, half)),
        say(other, 'two', 'Ben', tracks.slice(half)),
      ]);
      expect([a.length, b.length]).toEqual([half, tracks.length - half]);
      await inForce(
        new Map([
          ...tracks.slice(0, half).map((id) => [id, 'Ada'] as const),
          ...tracks.slice(half).map((id) => [id, 'Ben'] as const),
        ]),
      );
      for (const id of [...a, ...b]) await undoChange(engine, me, id);
    } finally {
      await other.close();
    }
  },
  TEST_MS_MAX,
);

test(
  'two processes on one embedded database at once lose nothing',
  async () => {
    const tracks = apart().slice(0, 12);
    const half = tracks.length >> 1;
    const printed = await Promise.all([run('Ada', tracks.slice(0, half)), run('Cleo', tracks.slice(half))]);
    const lines = printed.flatMap((text, i) =>
      text
        .trim()
        .split('\n')
        .map((line) => ({ words: line.split(' '), person: i === 0 ? 'Ada' : 'Cleo' })),
    );
    expect(lines).toHaveLength(tracks.length);
    await inForce(
      new Map(
        lines
          .filter(({ words }) => words[2] === 'done')
          .map(({ words, person }) => [Number(words[0]), person] as const),
      ),
    );
    const db = await engine.db();
    const history = await historyOf(db, { ep_id: 'pilot' }, { limit: 100 });
    for (const { words } of lines) {
      const line = history.find((row) => row.change_id === words[1]);
      expect([line?.kind, line?.undone_by !== null]).toEqual(['assign', words[2] === 'undone']);
    }
    await verifyHistory(db);
  },
  TEST_MS_MAX,
);

test.each(some([1, 2, 3, 4, 5], [0]))(
  'any sequence of corrections, undos and redos returns to its start (seed %i)',
  async (seed) => {
    const db = await engine.db();
    const random = randomFrom(seed);
    const start = await stateOf(db);
    const open: string[] = [];
    const refused: string[] = [];
    let writes = 0;
    for (let step = 0; writes < 14 && step < 100; step++) {
      const before = await stateOf(db);
      try {
        const change_id = await anything(random, step);
        writes++;
        open.push(change_id);
        if (random() < 0.25) {
          // Back and forth: exactly as it was, exactly as it became.
          const after = await stateOf(db);
          await undoChange(engine, me, change_id);
          expect(await stateOf(db)).toEqual(before);
          await redoChange(engine, me, change_id);
          expect(await stateOf(db)).toEqual(after);
        } else if (random() < 0.3) {
          const one = open[Math.floor(random() * open.length)] as string;
          await undoChange(engine, me, one);
          if (random() < 0.5) await redoChange(engine, me, one);
        }
      } catch (error) {
        if (!(error instanceof ScreenalyticsError) || !EXPECTED.includes(error.code)) throw error;
        refused.push(error.code);
      }
    }
    expect({ writes, refused }).toMatchObject({ writes: 14 });
    const gone = await db.read(cancelled);
    const left = open.filter((id) => !gone.has(id)).sort(() => random() - 0.5);
    for (const id of left) await undoChange(engine, me, id);
    expect(await stateOf(db)).toEqual(start);
    expect((await verifyHistory(db)).changes).toBeGreaterThan(writes);
  },
  TEST_MS_MAX,
);

/** One change of any kind on any faces or people. */
async function anything(random: () => number, step: number): Promise<string> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const person = () => pick(people);
  const target = () => {
    const track = pick(made.seen.input.tracks);
    const half = Math.round((track.start_ms + track.end_ms) / 2);
    return pick([
      `${track.track_id}`,
      `${track.track_id}:${track.start_ms}-${half}`,
      pick(['Unknown-1', 'Unknown-2', 'Ada']),
    ]);
  };
  const targets = () => Array.from({ length: random() < 0.7 ? 1 : 3 }, target);
  const act = pick([
    'assign',
    'assign',
    'assign',
    'deny',
    'detach',
    'drop',
    'link',
    'lock',
    'unlock',
    'cut',
    'people',
  ] as const);
  if (act === 'people') {
    const draft = pick([
      { act: 'rename', person: person(), name: `Somebody ${step}` },
      { act: 'merge', person: person(), into: person() },
      { act: 'delete', person: person() },
      { act: 'set_consent', person: person(), consent: 'given' },
    ] as const);
    return (await changePeople(engine, me, draft)).change_id;
  }
  const track = pick(made.seen.input.tracks);
  const at_ms = Math.round(track.start_ms + random() * (track.end_ms - track.start_ms));
  const draft: DecisionDraft =
    act === 'cut'
      ? { act, targets: [`${track.track_id}`], at_ms }
      : act === 'assign' || act === 'deny'
        ? { act, person: person(), targets: targets() }
        : { act, targets: targets() };
  return (await correct(engine, me, 'pilot', draft)).change_id;
}

/** Tracks of which no two share a moment: any of them may be anybody. */
function apart(): number[] {
  let free_ms = -1;
  return made.seen.input.tracks
    .toSorted((x, y) => x.end_ms - y.end_ms)
    .filter(({ start_ms, end_ms }) => {
      if (start_ms < free_ms) return false;
      free_ms = end_ms;
      return true;
    })
    .map(({ track_id }) => track_id);
}

async function inForce(wanted: ReadonlyMap<number, string>): Promise<void> {
  const rows = await (await engine.db()).read((q) =>
    q.query<{ track_id: number; label: string }>(
      `select track_id, label from sa.assignment where label_source = 'person' and track_id = any($1::int[]) order by 1, start_ms`,
      [[...wanted.keys()]],
    ),
  );
  expect(new Map(rows.map((row) => [row.track_id, row.label]))).toEqual(wanted);
}

function run(person: string, tracks: readonly number[]): Promise<string> {
  const script = join(import.meta.dirname, '../support/correct-process.ts');
  const child = spawn(process.execPath, [script, home, 'pilot', person, ...tracks.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return new Promise((done, failed) => {
    child.on('close', (code) =>
      code === 0 ? done(text) : failed(new Error(`${person}'s process ended with ${code}`)),
    );
  });
}
