import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '#engine/core/errors.ts';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { undoChange } from '#engine/corrections/undo.ts';
import type { Engine } from '#engine/engine.ts';
import { upsertShow } from '#engine/store/catalog.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import type { MadeEpisode } from './made-episode.ts';
import { ffmpeg, pattern, tone } from './videos.ts';

export type Failing = Readonly<Record<string, Readonly<Partial<Record<ErrorCode, object>>>>>;

const FACEBANK_TOOLS = ['add_seeds', 'list_facebank', 'promote_to_facebank'];
const by = { actor: 'operator', surface: 'cli' } as const;

/**
 * A call of each tool for each code that it declares, on a home with the run `pilot`, which is made ready for them: every one of these
 * calls ends with just that code. HOME_BUSY: while `pilot` is being worked on.
 */
export async function failingCalls(engine: Engine, made: MadeEpisode): Promise<Failing> {
  const db = await engine.db();
  await upsertEpisode(db, { ep_id: 'bare', actor: 'test', status: 'uploaded' });
  await upsertShow(db, { slug: 'failing', actor: 'test' });
  const person = 'Failing One';
  await changePeople(engine, by, { act: 'create', name: person });
  await changePeople(engine, by, { act: 'create', name: 'Failing Two' });
  const deleted = await changePeople(engine, by, { act: 'delete', person: 'Failing Two' });
  await changePeople(engine, by, { act: 'create', name: 'Failing Two' });
  const on = { episode: 'pilot' };
  const [locked = 0] = made.seen.input.tracks.map(({ track_id }) => track_id);
  const [one = 0, two = 0] = meeting(made, locked);
  await correct(engine, by, 'pilot', { act: 'lock', targets: [`${locked}`] });
  const undone = await correct(engine, by, 'pilot', { act: 'lock', targets: [`${one}`] });
  await undoChange(engine, by, undone.change_id);
  const files = filesOf(engine.config.home);
  const media = (field: string) => ({
    MEDIA_NOT_FOUND: { [field]: files.none },
    MEDIA_EMPTY: { [field]: files.empty },
    MEDIA_NOT_VIDEO: { [field]: files.text },
    MEDIA_NO_VIDEO: { [field]: files.sound },
  });
  const nobody = { PERSON_NOT_FOUND: { person: 'No Such Person' } };
  const places = {
    SHOW_NOT_FOUND: { show: 'nowhere', season: 1 },
    SEASON_NOT_FOUND: { show: 'failing', season: 9 },
  };
  const of_run = { EPISODE_NOT_FOUND: { episode: 'nowhere' }, RUN_NOT_FOUND: { episode: 'bare' } };
  const with_each = (more: object) => ({
    EPISODE_NOT_FOUND: { ...more, ...of_run.EPISODE_NOT_FOUND },
    RUN_NOT_FOUND: { ...more, ...of_run.RUN_NOT_FOUND },
  });
  const job = { JOB_NOT_FOUND: { job: 'job_000000000000' } };
  const webhook = { WEBHOOK_NOT_FOUND: { webhook: 'wh_000000000000' } };
  const reference = { ...on, reference: files.none };
  const track = '999999';
  return {
    ingest_episode: {
      ...media('file'),
      FFMPEG_MISSING: { file: files.video },
      URL_REFUSED: { file: 'http://127.0.0.1:1/a.mp4' },
    },
    run_stage: {
      ...media('source'),
      FFMPEG_MISSING: { source: files.unseen },
      EPISODE_NOT_FOUND: { source: 'nowhere' },
      MODEL_UNKNOWN: { source: files.video, detector: 'nobody' },
      MODEL_LICENCE: { source: files.video, detector: 'scrfd_10g' },
      HOME_BUSY: { source: files.video, ...on },
    },
    plan_run: {
      ...media('source'),
      EPISODE_NOT_FOUND: { source: 'nowhere' },
      FFMPEG_MISSING: { source: files.unseen },
      MODEL_UNKNOWN: { source: files.video, detector: 'nobody' },
      MODEL_LICENCE: { source: files.video, detector: 'scrfd_10g' },
    },
    get_job: job,
    cancel_job: job,
    get_screen_time: of_run,
    export_screen_time: { ...of_run, MEDIA_NOT_FOUND: { ...reference, table: 'delta' } },
    get_episode: { EPISODE_NOT_FOUND: of_run.EPISODE_NOT_FOUND },
    search_catalog: { SHOW_NOT_FOUND: { show: 'nowhere' }, PERSON_NOT_FOUND: { kind: 'presence', query: 'Nobody' } },
    save_catalog: {
      SHOW_NOT_FOUND: { kind: 'cast', people: [person], ...places.SHOW_NOT_FOUND },
      SEASON_NOT_FOUND: { kind: 'cast', people: [person], ...places.SEASON_NOT_FOUND },
      EPISODE_NOT_FOUND: { kind: 'episode', episode: 'no such words' },
      PERSON_NOT_FOUND: { kind: 'featured', person: 'No Such Person', seed: 'a' },
      SEED_NOT_FOUND: { kind: 'featured', person, seed: 'a' },
    },
    add_seeds: {
      MEDIA_NOT_FOUND: { paths: [files.none], person },
      URL_REFUSED: { paths: ['http://127.0.0.1:1/a.jpg'], person },
      PERSON_NOT_FOUND: { export_to: files.bank, person: 'No Such Person' },
      SHOW_NOT_FOUND: { paths: [files.none], person, ...places.SHOW_NOT_FOUND },
      SEASON_NOT_FOUND: { paths: [files.none], person, ...places.SEASON_NOT_FOUND },
      SEED_NOT_FOUND: { remove: ['a'] },
      NO_FACEBANK: { export_to: files.bank },
    },
    list_facebank: { ...nobody, ...places },
    promote_to_facebank: {
      ...with_each({ person, track: `${locked}` }),
      TRACK_NOT_FOUND: { ...on, person, track },
      PICTURES_GONE: { ...on, person, track: `${locked}` },
    },
    list_low_confidence_tracks: of_run,
    show_faces: { ...with_each({ track }), TRACK_NOT_FOUND: { ...on, track } },
    assign_identity: {
      ...with_each({ person, targets: [`${one}`] }),
      PERSON_NOT_FOUND: { ...on, person: 'No Such Person', targets: [`${one}`] },
      TRACK_NOT_FOUND: { ...on, person, targets: [track] },
      LOCKED: { ...on, person, targets: [`${locked}`] },
      SAME_FRAME: { ...on, person, targets: [`${one}`, `${two}`] },
      CHANGE_CONFLICT: { ...on, person, targets: [`${one}`], expect: undone.change_id },
      CHANGE_NOT_FOUND: { ...on, person, targets: [`${one}`], expect: 'c_000000000000' },
    },
    edit_tracks: {
      ...with_each({ action: 'lock', targets: [`${one}`] }),
      PERSON_NOT_FOUND: { ...on, action: 'propagate', targets: [`${one}`], person: 'No Such Person' },
      TRACK_NOT_FOUND: { ...on, action: 'lock', targets: [track] },
      LOCKED: { ...on, action: 'delete', targets: [`${locked}`] },
      SAME_FRAME: { ...on, action: 'merge', targets: [`${one}`, `${two}`] },
      CHANGE_CONFLICT: { ...on, action: 'lock', targets: [`${one}`], expect: undone.change_id },
      CHANGE_NOT_FOUND: { ...on, action: 'lock', targets: [`${one}`], expect: 'c_000000000000' },
    },
    edit_people: {
      PERSON_NOT_FOUND: { action: 'delete', person: 'No Such Person' },
      PERSON_EXISTS: { action: 'rename', person, name: 'Failing Two' },
    },
    undo_change: {
      CHANGE_NOT_FOUND: { change_id: 'c_000000000000' },
      CHANGE_CONFLICT: { change_id: undone.change_id },
      EPISODE_NOT_FOUND: { last: true, episode: 'nowhere' },
      PERSON_EXISTS: { change_id: deleted.change_id },
    },
    get_history: {
      ...with_each({ track: 1 }),
      ...nobody,
      CHANGE_NOT_FOUND: { change: 'c_000000000000' },
    },
    list_clusters: of_run,
    list_tracks: of_run,
    list_shots: of_run,
    list_faces: of_run,
    list_detections: of_run,
    get_diagnostics: {
      ...of_run,
    },
    compare_runs: { ...of_run, MEDIA_NOT_FOUND: reference },
    mend_episode: { ...of_run, TRACK_NOT_FOUND: { ...on, tracks: [track] } },
    delete_data: {
      EPISODE_NOT_FOUND: { what: 'episode', episode: 'nowhere' },
      PERSON_NOT_FOUND: { what: 'person_data', person: 'No Such Person' },
      HOME_BUSY: { what: 'episode', ...on, dry_run: false, confirm: 'DELETE pilot' },
    },
    add_webhook: { URL_REFUSED: { url: 'https://127.0.0.1/' } },
    remove_webhook: webhook,
    test_webhook: webhook,
    replay_webhook: { DELIVERY_NOT_FOUND: { id: 'dlv_000000000000' } },
    set_config: { MODEL_UNKNOWN: { detector: 'nobody' } },
    prepare_models: { MODEL_UNKNOWN: { ids: ['nobody'] }, MODEL_LICENCE: { ids: ['scrfd_10g'] } },
    verify_models: { MODEL_UNKNOWN: { ids: ['nobody'] } },
    list_objects: { PERSON_NOT_FOUND: { kind: 'facebank', person: 'No Such Person' } },
    sign_url: { OBJECT_NOT_FOUND: { key: 'exports/nothing.csv' } },
    sign_upload: { UPLOAD_REFUSED: { episode: 'here', bytes: 10 } },
    purge_objects: { HOME_BUSY: { ...on, kinds: ['frames'], dry_run: false, confirm: 'PURGE pilot frames' } },
    migrate_layout: { HOME_BUSY: { dry_run: false } },
    query_views: { SQL_REFUSED: { sql: 'select * from sa.person' } },
    run_analytics: {
      PERSON_NOT_FOUND: { name: 'presence_by_person', person: 'No Such Person' },
      SHOW_NOT_FOUND: { name: 'season_totals', show: 'nowhere' },
      SEASON_NOT_FOUND: { name: 'season_totals', ...places.SEASON_NOT_FOUND },
      EPISODE_NOT_FOUND: { name: 'presence_by_person', ...of_run.EPISODE_NOT_FOUND },
    },
  };
}

/** What a code needs besides a call, so that the table has none for it; and the tests that meet it. */
export interface Elsewhere {
  readonly why: string;
  /** Absent: all tools that declare it. */
  readonly tools?: readonly string[];
}

export const ELSEWHERE: Readonly<Partial<Record<ErrorCode, Elsewhere>>> = {
  MEDIA_UNREADABLE: { why: 'a reader who may not read: bad-input.test.ts' },
  MEDIA_DECODE_FAILED: { why: 'a damaged video: bad-input.test.ts' },
  MEDIA_NOT_FOUND: { why: 'a real run: mend.test.ts, compare.test.ts', tools: ['mend_episode', 'get_diagnostics'] },
  URL_FAILED: { why: 'a server that breaks off: fetch-file.test.ts' },
  MODEL_UNKNOWN: { why: 'a configuration that is wrong: catalog.test.ts', tools: [...FACEBANK_TOOLS] },
  MODEL_LICENCE: { why: 'a configuration that names such a model: catalog.test.ts', tools: [...FACEBANK_TOOLS] },
  MODEL_MISSING: { why: 'a machine without it: catalog.test.ts' },
  MODEL_CORRUPT: { why: 'a damaged file: catalog.test.ts, pool.test.ts' },
  MODEL_DOWNLOAD: { why: 'the network: catalog.test.ts' },
  DEVICE_UNAVAILABLE: { why: 'a machine without it: providers.test.ts' },
  SQL_LIMIT: { why: 'a query that takes long: analytics.test.ts' },
  ANALYTICS_UNAVAILABLE: { why: 'a login with too many rights: analytics.test.ts' },
  HISTORY_BROKEN: { why: 'a log that somebody altered: changes.test.ts' },
  CHANGE_FINAL: { why: 'an erasure: changes.test.ts' },
  CHANGE_CONFLICT: {
    why: 'another process that is faster, again and again: changes.test.ts',
    tools: ['run_stage', 'save_catalog', 'edit_people', 'mend_episode', 'add_seeds', 'promote_to_facebank'],
  },
  NO_FACEBANK: { why: 'a real run: rows.test.ts', tools: ['get_diagnostics'] },
  RUN_NOT_FOUND: { why: 'a change of a run whose faces were erased: forget.test.ts', tools: ['undo_change'] },
  SAME_FRAME: { why: 'two people named at one moment since: changes.test.ts', tools: ['undo_change'] },
};

/** Two tracks that are seen at one moment, without one of these. */
function meeting({ seen }: MadeEpisode, without: number): number[] {
  const { tracks, detections } = seen.input;
  const free = tracks.filter(({ track_id }) => track_id !== without);
  const moments = Map.groupBy(
    free.flatMap(({ track_id, detections: own }) => own.map((at) => ({ track_id, at_ms: detections[at]?.at_ms }))),
    ({ at_ms }) => at_ms,
  );
  const [found = []] = [...moments.values()].filter((each) => each.length > 1);
  return found.map(({ track_id }) => track_id);
}

function filesOf(home: string) {
  const folder = join(home, 'failing');
  for (const [name, text] of [
    ['failing/empty.mp4', ''],
    ['failing/text.mp4', 'not a video'],
    ['raw/videos/here/episode.mp4', 'footage'],
    ['raw/videos/pilot-s01e01/episode.mp4', 'of an earlier version'],
  ] as const) {
    mkdirSync(join(home, name, '..'), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  const at = (name: string) => join(folder, name);
  ffmpeg(...tone(1), at('sound.m4a'));
  ffmpeg(...pattern({ size: '64x64', seconds: 1 }), at('video.mp4'));
  writeFileSync(at('unseen.mp4'), Buffer.concat([readFileSync(at('video.mp4')), Buffer.alloc(8)]));
  const [empty, text, sound, video, unseen] = ['empty.mp4', 'text.mp4', 'sound.m4a', 'video.mp4', 'unseen.mp4'].map(at);
  const bank = join(home, 'exports/bank');
  mkdirSync(bank, { recursive: true });
  return { bank, none: at('none.mp4'), empty, text, sound, video, unseen };
}
