import { expect } from 'vitest';
import type { ServerFace } from '#mcps/kit/server-face.ts';
import { face as postgres } from '#mcps/postgres/server.ts';
import { face as screenalytics } from '#mcps/screenalytics/server.ts';
import { face as storage } from '#mcps/storage/server.ts';
import type { Called } from './mcp-clients.ts';

const FACES: readonly ServerFace[] = [screenalytics, storage, postgres];

/** The tools of all three servers behind one connection, so that one process and one client go through them all. */
export const everyTool: ServerFace = {
  ...screenalytics,
  tools: FACES.flatMap(({ tools }) => tools),
  pictures: Object.assign({}, ...FACES.map(({ pictures }) => pictures ?? {})),
  links: Object.assign({}, ...FACES.map(({ links }) => links ?? {})),
};

/** What a round of calls is about: `code` is its own, so that rounds on one home do not meet. */
export interface Round {
  readonly code: string;
  readonly clip: string;
  readonly portrait: string;
  /** A job that waits for nobody. */
  readonly job: string;
  /** Of a person whose face is large enough to be a seed. */
  readonly track: number;
}

type Told = Readonly<Record<string, Record<string, unknown>>>;

interface Step {
  readonly tool: string;
  /** From what the calls before told, by tool. */
  args(round: Round, told: Told): Record<string, unknown>;
  /** What comes back, as structured content. Absent: a picture. */
  wants?(round: Round, told: Told): Record<string, unknown>;
}

const EPISODE = { episode: 'clip' };
const SOME = expect.any(String);
const done = { status: 'done' };
const changed = { status: 'done', change_id: SOME };
const step = (tool: string, args: Step['args'], wants?: Step['wants']): Step => ({
  tool,
  args,
  ...(wants && { wants }),
});
const person = ({ code }: Round) => `Person ${code}`;
const track = (round: Round) => `${round.track}`;

/** A sensible call of every tool, in an order in which each finds what it needs; what is changed is taken back. */
const STEPS: readonly Step[] = [
  step(
    'check_health',
    () => ({}),
    () => ({ checks: expect.arrayContaining([expect.objectContaining({ name: 'ffmpeg' })]) }),
  ),
  step(
    'search_catalog',
    () => ({ kind: 'episodes' }),
    () => ({ kind: 'episodes', episodes: expect.arrayContaining([expect.objectContaining(EPISODE)]) }),
  ),
  step(
    'save_catalog',
    (round) => ({ kind: 'person', person: person(round) }),
    () => ({ ...done, result: expect.objectContaining({ created: true }) }),
  ),
  step(
    'plan_run',
    () => ({ source: 'clip' }),
    () => ({ episode: 'clip' }),
  ),
  step(
    'run_stage',
    () => ({ source: 'clip', until: 'detect', wait: true }),
    () => ({ ...done, result: expect.objectContaining(EPISODE) }),
  ),
  step(
    'ingest_episode',
    ({ clip, code }) => ({ file: clip, episode: `take-${code}`, auto_run: false }),
    ({ code }) => ({ ...done, episode: `take-${code}`, created: true }),
  ),
  step(
    'get_job',
    ({ job }) => ({ job }),
    ({ job }) => ({ jobs: [expect.objectContaining({ job_id: job, state: 'queued' })] }),
  ),
  step(
    'cancel_job',
    ({ job }) => ({ job }),
    ({ job }) => ({ ...done, job_id: job, canceled: true }),
  ),
  step(
    'get_episode',
    () => EPISODE,
    () => ({ ...EPISODE, status: 'analysed' }),
  ),
  step(
    'get_screen_time',
    () => EPISODE,
    () => ({ ...EPISODE, rows: expect.arrayContaining([expect.objectContaining({ visual_s: expect.any(Number) })]) }),
  ),
  step(
    'export_screen_time',
    () => ({ ...EPISODE, format: 'json', overwrite: true }),
    () => ({ ...done, result: expect.objectContaining({ format: 'json', path: SOME }) }),
  ),
  step(
    'list_clusters',
    () => EPISODE,
    () => ({ clusters: expect.arrayContaining([expect.objectContaining({ label: SOME })]) }),
  ),
  step(
    'list_tracks',
    () => ({ ...EPISODE, limit: 2 }),
    () => ({ tracks: [expect.anything(), expect.anything()], next: SOME }),
  ),
  step(
    'list_low_confidence_tracks',
    () => ({ ...EPISODE, limit: 1 }),
    () => ({ ...EPISODE, items: [expect.objectContaining({ label: SOME })] }),
  ),
  step('show_faces', (round) => ({ ...EPISODE, track: track(round) })),
  step(
    'get_diagnostics',
    () => EPISODE,
    () => EPISODE,
  ),
  step(
    'assign_identity',
    (round) => ({ ...EPISODE, person: person(round), targets: [track(round)] }),
    () => changed,
  ),
  step(
    'get_history',
    () => ({ ...EPISODE, limit: 1 }),
    (_, { assign_identity }) => ({ changes: [expect.objectContaining({ change_id: assign_identity?.change_id })] }),
  ),
  step(
    'undo_change',
    (_, { assign_identity }) => ({ change_id: assign_identity?.change_id }),
    (_, { assign_identity }) => ({ ...changed, undone: assign_identity?.change_id }),
  ),
  step(
    'edit_tracks',
    (round) => ({ ...EPISODE, action: 'move', targets: [track(round)], into: person(round) }),
    () => changed,
  ),
  step(
    'edit_people',
    (round) => ({ action: 'consent', person: person(round), consent: 'given' }),
    (round) => ({ ...changed, person: person(round) }),
  ),
  step(
    'promote_to_facebank',
    (round) => ({ ...EPISODE, person: person(round), track: track(round), most: 1 }),
    () => ({ ...changed, added: 1 }),
  ),
  step(
    'list_facebank',
    (round) => ({ person: person(round) }),
    (round) => ({ people: [expect.objectContaining({ person: person(round), seeds: 1 })] }),
  ),
  step(
    'undo_change',
    (_, { promote_to_facebank }) => ({ change_id: promote_to_facebank?.change_id }),
    () => changed,
  ),
  step(
    'add_seeds',
    (round) => ({ person: person(round), paths: [round.portrait] }),
    () => ({ ...changed, added: 1 }),
  ),
  step(
    'undo_change',
    (_, { add_seeds }) => ({ change_id: add_seeds?.change_id }),
    () => changed,
  ),
  step(
    'delete_data',
    ({ code }) => ({ what: 'episode', episode: `take-${code}` }),
    ({ code }) => ({ result: expect.objectContaining({ episodes: [`take-${code}`], deleted: false }) }),
  ),
  step(
    'list_objects',
    () => ({ ...EPISODE, kind: 'manifests', limit: 1 }),
    () => ({ objects: [expect.objectContaining({ key: SOME })] }),
  ),
  step(
    'stat_episode',
    () => EPISODE,
    () => ({ ...EPISODE, layout: 'v2' }),
  ),
  step(
    'sign_url',
    (_, { list_objects = {} }) => ({ key: (list_objects.objects as [{ key: string }])[0].key }),
    () => ({ url: SOME }),
  ),
  step(
    'sign_upload',
    ({ code }) => ({ episode: `up-${code}`, bytes: 10 }),
    () => ({ ...done, result: expect.objectContaining({ method: 'PUT', url: SOME }) }),
  ),
  step(
    'get_lifecycle',
    () => ({}),
    () => ({ rules: expect.anything() }),
  ),
  step(
    'set_lifecycle',
    () => ({ frames_days: 9 }),
    () => ({ ...done, result: expect.objectContaining({ after: expect.objectContaining({ frames_days: 9 }) }) }),
  ),
  step(
    'apply_lifecycle',
    () => ({ dry_run: true }),
    () => ({ result: expect.objectContaining({ applied: false }) }),
  ),
  step(
    'migrate_layout',
    () => ({ dry_run: true }),
    () => ({ result: expect.objectContaining({ applied: false }) }),
  ),
  step(
    'purge_objects',
    () => ({ ...EPISODE, kinds: ['frames'], dry_run: true }),
    () => ({ result: expect.anything() }),
  ),
  step(
    'storage_info',
    () => ({}),
    () => ({ backend: 'local' }),
  ),
  step(
    'list_views',
    () => ({ view: 'v_run' }),
    () => ({ columns: expect.arrayContaining([expect.objectContaining({ name: 'run_id' })]) }),
  ),
  step(
    'query_views',
    () => ({ sql: 'select ep_id from v_run where current' }),
    () => ({ rows: expect.arrayContaining([['clip']]) }),
  ),
  step(
    'run_analytics',
    () => ({ name: 'presence_by_person', ...EPISODE }),
    () => ({ row_count: expect.any(Number), cut: null }),
  ),
];

/** The tools that a round calls, each once. */
export const calledTools: readonly string[] = [...new Set(STEPS.map(({ tool }) => tool))];

/** Calls them all, and looks at each answer. */
export async function callEveryTool(
  round: Round,
  call: (tool: string, args: Record<string, unknown>) => Promise<Called>,
): Promise<void> {
  const told: Record<string, Record<string, unknown>> = {};
  for (const { tool, args, wants } of STEPS) {
    const answer = await call(tool, args(round, told));
    expect(answer.isError ?? false, `${tool}: ${answer.content[0]?.text}`).toBe(false);
    if (wants === undefined) expect(answer.content[0], tool).toMatchObject({ type: 'image', mimeType: 'image/jpeg' });
    else expect(answer.structuredContent, tool).toMatchObject(wants(round, told));
    told[tool] = answer.structuredContent ?? {};
  }
}
