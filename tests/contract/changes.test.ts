import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { redoChange, undoChange } from '#engine/corrections/undo.ts';
import type { Engine } from '#engine/engine.ts';
import { reidentify } from '#engine/run/reidentify.ts';
import { appendChange, cancelled, historyLines, historyOf, verifyHistory } from '#engine/store/changes.ts';
import type { Db } from '#engine/store/db.ts';
import { INSERT_SEED, labelsOf, stateOf } from '../support/change-rows.ts';
import { type MadeEpisode, madeEngine, makeEpisode } from '../support/made-episode.ts';
import { worldOn } from '../support/world-on.ts';

const TEST_MS_MAX = 240_000;
const PLAIN = { period_ms: 200, missed: 0, jitter: 0.02, scale: 1, breaks: 0, joins: false };
const me: By = { actor: 'reviewer', surface: 'cli' };
const agent: By = { actor: 'helper', surface: 'agent' };

describe.each(['embedded', 'server'] as const)('changes on the %s database', { timeout: TEST_MS_MAX }, (kind) => {
  let url: string | null;
  let db: Db;
  let made: MadeEpisode;
  const { home, contract } = worldOn(kind, 'changes', async (options) => {
    url = options.database_url;
    const engine = madeEngine(options.home, url);
    db = await engine.db();
    made = await makeEpisode(engine, 'pilot', 3, PLAIN);
    return engine;
  });
  /** Tracks that truly are of one person, longest list first. */
  const tracksOf = (person: string) =>
    made.seen.input.tracks.filter(({ track_id }) => made.personOf(track_id) === person).map(({ track_id }) => track_id);

  contract('a word on a track names it, counts at once, and undo and redo give the exact rows', async (on) => {
    const before = await stateOf(db);
    const ada = await changePeople(on, me, { act: 'create', name: 'Ada' });
    expect(ada.person_ids).toHaveLength(1);
    const [one = -1, two = -1] = tracksOf('Ada');
    const began = performance.now();
    const done = await correct(on, me, 'pilot', { act: 'assign', person: 'ada', targets: [`${one}`, `${two}`] });
    expect(performance.now() - began).toBeLessThan(60_000); // a tenth of a second on a quiet machine
    expect(done.held).toEqual([]);
    const labels = await labelsOf(db, 'pilot');
    expect(labels.filter(({ track_id }) => [one, two].includes(track_id)).map(({ label }) => label)).toEqual([
      'Ada',
      'Ada',
    ]);
    const seconds = (rows: typeof done.after) => rows.find(({ person }) => person === 'Ada')?.visual_s ?? 0;
    expect([seconds(done.before), seconds(done.after) > 0]).toEqual([0, true]);
    const after = await stateOf(db);
    const undone = await undoChange(on, me, done.change_id);
    expect(undone).toMatchObject({ kind: 'undo', affected: ['pilot'] });
    expect(await stateOf(db)).toEqual({ ...before, person: after.person });
    await expect(undoChange(on, me, done.change_id)).rejects.toMatchObject({
      code: 'CHANGE_CONFLICT',
      details: { undone_by: undone.change_id },
    });
    await redoChange(on, me, done.change_id);
    expect(await stateOf(db)).toEqual(after);
    await undoChange(on, me, undone.change_id ?? '').then(
      () => expect.unreachable('the undo was undone by the redo already'),
      (error) => expect(error).toMatchObject({ code: 'CHANGE_CONFLICT' }),
    );
    await undoChange(on, me, done.change_id);
    await undoChange(on, me, ada.change_id);
    expect(await stateOf(db)).toEqual(before);
    await verifyHistory(db);
  });

  contract('QA-03: history says who, what, when, why, before and after, and what undid it', async (on) => {
    await changePeople(on, me, { act: 'create', name: 'Ben' });
    const [one = -1] = tracksOf('Ben');
    const { change_id } = await correct(
      on,
      agent,
      'pilot',
      { act: 'assign', person: 'Ben', targets: [`${one}`] },
      { reason: 'his coat' },
    );
    const entity = `track:pilot/${made.run_id}/${one}`;
    const [line] = await historyOf(db, { entity }, { limit: 1 });
    expect(line).toMatchObject({
      ...{
        change_id,
        kind: 'assign',
        ep_id: 'pilot',
        actor: 'helper',
        surface: 'agent',
        by: 'agent',
        reason: 'his coat',
      },
      before: [{ identity: expect.stringMatching(/^Unknown-/) }],
      after: [{ identity: expect.stringMatching(/^person:p_/) }],
      undone_by: null,
    });
    expect(Math.abs((line?.at.getTime() ?? 0) - Date.now())).toBeLessThan(600_000);
    const undo = await undoChange(on, me, change_id);
    const page = await historyOf(db, { entity }, { limit: 2 });
    expect(page.map((row) => [row.kind, row.undone_by, row.target])).toEqual([
      ['undo', null, change_id],
      ['assign', undo.change_id, null],
    ]);
    expect(await historyOf(db, { entity }, { limit: 5, before_seq: line?.seq })).toEqual([]);
    expect((await historyOf(db, { ep_id: 'pilot' }, { limit: 100 })).every((row) => row.ep_id === 'pilot')).toBe(true);
  });

  contract('locked is locked; two faces of one frame are never one person; a lost race is told', async (on) => {
    await changePeople(on, me, { act: 'create', name: 'Cleo' });
    const { tracks } = made.seen.input;
    const pair = tracks.flatMap((a) =>
      tracks
        .filter((b) => b.track_id > a.track_id && b.start_ms < a.end_ms - 1000 && a.start_ms < b.end_ms - 1000)
        .map((b) => [a, b]),
    )[0];
    const [a, b] = (pair ?? []).map((track) => `${track.track_id}`) as [string, string];
    const both = correct(on, me, 'pilot', { act: 'assign', person: 'Cleo', targets: [a, b] });
    await expect(both).rejects.toMatchObject({ code: 'SAME_FRAME', details: { tracks: [[Number(a), Number(b)]] } });

    const first = await correct(on, me, 'pilot', { act: 'assign', person: 'Cleo', targets: [a] });
    const lock = await correct(on, me, 'pilot', { act: 'lock', targets: [a] });
    for (const act of ['detach', 'drop', 'lock'] as const)
      await expect(correct(on, me, 'pilot', { act, targets: [a] })).rejects.toMatchObject({
        code: 'LOCKED',
        details: { changes: [lock.change_id] },
      });
    await expect(
      correct(on, agent, 'pilot', { act: 'detach', targets: [b] }, { expect: first.change_id }),
    ).resolves.toMatchObject({ affected: ['pilot'] });
    await expect(
      correct(on, agent, 'pilot', { act: 'unlock', targets: [a] }, { expect: first.change_id }),
    ).rejects.toMatchObject({
      code: 'CHANGE_CONFLICT',
      details: { changes: [{ change_id: lock.change_id, actor: 'reviewer' }] },
    });
    await correct(on, me, 'pilot', { act: 'unlock', targets: [a] }, { expect: lock.change_id });
    await correct(on, me, 'pilot', { act: 'drop', targets: [a] });
    const labels = await labelsOf(db, 'pilot');
    expect(labels.filter((row) => `${row.track_id}` === a)).toEqual([{ track_id: Number(a), label: null }]);
    // Undone out of order: with the lock back and its unlocking gone, the name holds against the newer drop.
    const unlock = (await historyOf(db, { ep_id: 'pilot' }, { limit: 9 })).find((row) => row.kind === 'unlock');
    const undone = await undoChange(on, me, unlock?.change_id ?? '');
    expect(undone.later).toHaveLength(1);
    expect((await labelsOf(db, 'pilot')).filter((row) => `${row.track_id}` === a)).toEqual([
      { track_id: Number(a), label: 'Cleo' },
    ]);
  });

  contract('CAT-19: people and seeds: undone in any order, the rows are what the rest says', async (on) => {
    const id = async (name: string) => (await changePeople(on, me, { act: 'create', name })).person_ids[0] as string;
    const [dan, eva] = [await id('Dan'), await id('Eva')];
    await db.write((q) => q.query(INSERT_SEED, ['s_1', dan]));
    const start = await stateOf(db);
    await expect(changePeople(on, me, { act: 'create', name: ' dAN ' })).rejects.toMatchObject({
      code: 'PERSON_EXISTS',
    });
    await expect(changePeople(on, me, { act: 'rename', person: 'Eva', name: 'Dan' })).rejects.toMatchObject({
      code: 'PERSON_EXISTS',
    });
    await expect(changePeople(on, me, { act: 'delete', person: 'Nobody' })).rejects.toMatchObject({
      code: 'PERSON_NOT_FOUND',
    });
    const changes = [
      await changePeople(on, me, { act: 'seed_add', seed_ids: ['s_1'] }),
      await changePeople(on, me, { act: 'rename', person: 'Dan', name: 'Daniel' }),
      await changePeople(on, me, { act: 'rename', person: 'Daniel', name: 'Danny' }),
      await changePeople(on, me, { act: 'set_consent', person: 'Danny', consent: 'given', note: 'by letter' }),
      await changePeople(on, me, { act: 'set_retention', person: 'Danny', retain_until: '2031-02-28' }),
      await changePeople(on, me, { act: 'set_featured', person: 'Danny', seed_id: 's_1' }),
      await changePeople(on, me, { act: 'seed_remove', seed_ids: ['s_1'] }),
      await changePeople(on, me, { act: 'merge', person: 'Eva', into: 'Danny' }),
    ].map(({ change_id }) => change_id);
    const row = async (person_id: string) =>
      (
        await db.read((q) =>
          q.query(
            'select name, consent, consent_note, retain_until, featured_seed, deleted from sa.person where person_id = $1',
            [person_id],
          ),
        )
      )[0];
    expect(await row(dan)).toEqual({
      ...{
        name: 'Danny',
        consent: 'given',
        consent_note: 'by letter',
        retain_until: '2031-02-28',
        featured_seed: 's_1',
      },
      deleted: false,
    });
    const end = await stateOf(db);
    // The first renaming undone: the second still holds. Both undone: the first name.
    await undoChange(on, me, changes[1] as string);
    expect(await row(dan)).toMatchObject({ name: 'Danny' });
    await undoChange(on, me, changes[2] as string);
    expect(await row(dan)).toMatchObject({ name: 'Dan' });
    const order = [7, 0, 6, 3, 5, 4];
    for (const i of order) await undoChange(on, me, changes[i] as string);
    expect(await stateOf(db)).toEqual(start);
    for (const i of [4, 1, 0, 7, 5, 2, 3, 6]) await redoChange(on, me, changes[i] as string);
    expect(await stateOf(db)).toEqual(end);

    // Two merges in a ring, after undoing and redoing: the older one holds.
    await undoChange(on, me, changes[7] as string);
    const back = await changePeople(on, me, { act: 'merge', person: 'Danny', into: 'Eva' });
    await redoChange(on, me, changes[7] as string);
    const merged = await db.read((q) => q.query('select person_id from sa.person where merged_into is not null'));
    expect(merged).toEqual([{ person_id: eva }]);
    await undoChange(on, me, back.change_id);
  });

  contract(
    'corrections, people, seeds and naming anew at once, from two programs: nothing waits for ever, nothing is lost',
    async (on) => {
      const other = madeEngine(home, url);
      try {
        const [finn = ''] = (await changePeople(on, me, { act: 'create', name: 'Finn' })).person_ids;
        const start = await stateOf(db);
        const ids = made.seen.input.tracks.map(({ track_id }) => `${track_id}`);
        const say = async (engine: Engine, own: readonly string[]) => {
          const changes: string[] = [];
          for (const id of own)
            changes.push((await correct(engine, me, 'pilot', { act: 'detach', targets: [id] })).change_id);
          return changes;
        };
        // Once: a correction begins anew five times at most, and there are no more than four others.
        const people = async (engine: Engine) => {
          const renamed = await changePeople(engine, me, { act: 'rename', person: finn, name: 'Finn B' });
          return [renamed.change_id];
        };
        const kept = 'select track_id from sa.assignment where locked';
        const locked = (await db.read((q) => q.query<{ track_id: number }>(kept))).map((row) => `${row.track_id}`);
        const free = ids.filter((id) => !locked.includes(id)).slice(0, 4);
        const done = await Promise.all([
          say(on, free.slice(0, 2)),
          say(other, free.slice(2)),
          people(on),
          reidentify(other, ['pilot'], { cause: 'test', change_id: null }).then(() => []),
        ]);
        const labels = await labelsOf(db, 'pilot');
        for (const id of free) expect(labels.find(({ track_id }) => `${track_id}` === id)?.label).toMatch(/^Unknown-/);
        expect((await db.read(cancelled)).size).toBeGreaterThan(0);
        const mine = await historyOf(db, undefined, { limit: 20 });
        expect(done.flat().filter((id) => !mine.some((row) => row.change_id === id && row.undone_by === null))).toEqual(
          [],
        );
        for (const id of done.flat()) await undoChange(on, me, id);
        expect(await stateOf(db)).toEqual(start);
      } finally {
        await other.close();
      }
    },
  );

  contract(
    'SEC-03: an event that was altered, taken out or added by hand is found, and erasing leaves a whole chain',
    async (on) => {
      const verified = await verifyHistory(db);
      expect(verified.changes).toBeGreaterThan(20);
      const lines: string[] = [];
      for await (const line of historyLines(db)) lines.push(line);
      expect(lines).toHaveLength(verified.changes);
      let prev = '0'.repeat(64);
      for (const line of lines) {
        const r = JSON.parse(line) as Record<string, string>;
        const text = JSON.stringify([prev, r.seq, r.change_id, r.kind, r.target, r.created_at, r.commitment]);
        expect([r.hash, r.commitment]).toEqual([sha256(text), sha256(`${r.salt}${r.payload}`)]);
        prev = r.hash as string;
      }
      const broken = async (sql: string, restore: string, seq: number) => {
        await db.write((q) => q.query(sql));
        await expect(verifyHistory(db), sql).rejects.toMatchObject({ code: 'HISTORY_BROKEN', details: { seq } });
        await db.write((q) => q.query(restore));
        await expect(verifyHistory(db)).resolves.toEqual(verified);
      };
      await broken(
        `update sa.change set kind = kind || 'x' where seq = 4`,
        `update sa.change set kind = left(kind, -1) where seq = 4`,
        4,
      );
      await broken(
        `update sa.change_payload set payload = replace(payload, 'reviewer', 'somebody') where seq = 2`,
        `update sa.change_payload set payload = replace(payload, 'somebody', 'reviewer') where seq = 2`,
        2,
      );
      await broken(
        `update sa.change_entity set entity = 'person:other' where seq = 1`,
        `update sa.change_entity set entity = (select 'person:' || (payload::jsonb->'people'->0->>'person_id') from sa.change_payload where seq = 1) where seq = 1`,
        1,
      );
      await broken(
        `update sa.change_head set seq = seq + 1`,
        `update sa.change_head set seq = seq - 1`,
        verified.changes + 1,
      );
      await db.write(async (q) => {
        await q.query('delete from sa.change_payload where seq = 2');
      });
      await expect(verifyHistory(db)).rejects.toMatchObject({ code: 'HISTORY_BROKEN', details: { seq: 2 } });
      const [erased] = await db.read((q) =>
        q.query<{ change_id: string }>('select change_id from sa.change where seq = 2'),
      );
      const payload = { actor: 'owner', surface: 'cli' as const, reason: null, entities: [], before: [], after: [] };
      const forget = await db.write((q) =>
        appendChange(q, { kind: 'forget', ep_id: null, payload: { ...payload, erased: [erased?.change_id ?? ''] } }),
      );
      expect(await verifyHistory(db)).toMatchObject({ changes: verified.changes + 1, erased: 1 });
      for (const change_id of [forget.change_id, erased?.change_id ?? ''])
        await expect(undoChange(on, me, change_id)).rejects.toMatchObject({ code: 'CHANGE_FINAL' });
      await expect(undoChange(on, me, 'c_nowhere')).rejects.toMatchObject({ code: 'CHANGE_NOT_FOUND' });
      await expect(redoChange(on, me, forget.change_id)).rejects.toMatchObject({ code: 'CHANGE_FINAL' });
    },
  );
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
