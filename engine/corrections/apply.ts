import type { ChangePayload, Counted } from '../core/change.ts';
import { detectedIn } from '../core/detected.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By, Decisions, Facebank, Identities } from '../core/identities.ts';
import type { Engine } from '../engine.ts';
import { facebankFor } from '../facebank/bank.ts';
import { sameFrame } from '../math/decide.ts';
import type { DecideInput } from '../math/decide-match.ts';
import type { ResolvedModel } from '../models/catalog.ts';
import { type Identified, identifyRun } from '../run/identify-run.ts';
import { type OpenRun, openRun } from '../run/open-run.ts';
import { publishIdentities } from '../run/publish-identities.ts';
import { appendChange, changeId, lockHead, movedOn } from '../store/changes.ts';
import type { DbReader } from '../store/db.ts';
import { writeIdentities } from '../store/identity-rows.ts';
import { type DecisionLog, decisionsOf, readLog } from './decisions.ts';
import { dropChips, keepChips, type Made } from './evidence.ts';
import type { Folded } from './fold.ts';

export interface Totals {
  readonly person: string;
  readonly visual_s: number;
}

/** What a change did. */
export interface Correction {
  readonly change_id: string;
  /** Of the run's identities; null when no run was named anew. */
  readonly revision: number | null;
  /** Seconds per person of the episode, before and after. */
  readonly before: readonly Totals[];
  readonly after: readonly Totals[];
  /** Episodes that were identified anew. */
  readonly affected: readonly string[];
  /** Later changes in force of the same faces or people. */
  readonly later: readonly string[];
  /** Targets that an earlier, narrower word holds as they were. */
  readonly held: readonly string[];
}

/** A run, the log, and what both come to: what a change starts from. */
export interface EpisodeState {
  readonly run: OpenRun;
  readonly log: DecisionLog;
  readonly models: { readonly detector: ResolvedModel; readonly embedder: ResolvedModel; readonly provider: string };
  readonly facebank: Facebank | null;
  readonly decisions: Decisions;
  readonly made: Identified;
}

/** A change of an episode, ready to be appended. */
export interface EpisodeChange {
  readonly kind: string;
  readonly target?: string;
  readonly reason: string | null;
  readonly track_ids: readonly number[];
  /** Besides the episode and the tracks: `person:...`. */
  readonly entities: readonly string[];
  readonly payload: Pick<ChangePayload, 'decisions' | 'unlocks'>;
  readonly made: readonly Made[];
  /** Whether two faces of one frame may come to one name: an undo gives back what was, whatever that was. */
  readonly same_frame: 'refused' | 'resolved';
}

/** How often a change is worked out again because somebody else was faster. */
const ATTEMPTS = 5;

export async function openEpisode(engine: Engine, ep_id: string): Promise<EpisodeState> {
  const log = await readLog(engine, ep_id); // first: what comes after it is found out when writing
  const run = await openRun(engine, ep_id);
  const models = {
    detector: await engine.models.resolve(run.detector),
    embedder: await engine.models.resolve(run.embedder),
    provider: run.provider,
  };
  const facebank = await facebankFor(engine, ep_id, models);
  const decisions = await decisionsOf(engine, ep_id, log.changes, log.people, models);
  return { run, log, models, facebank, decisions, made: await identifyRun(engine, run, { facebank, decisions }) };
}

export function decideInput({ run }: Pick<EpisodeState, 'run'>, decisions: Decisions): DecideInput {
  const { tracks, detections, faces, embeddings } = run;
  return {
    ...{ tracks: tracks.rows, faces: faces.rows, embeddings, decisions },
    detected: detectedIn(detections),
    get detections() {
      return detections.rows;
    },
  };
}

/**
 * One change of one episode: works out what it comes to, then writes event and rows in one transaction, then the manifests. When
 * the log moved on meanwhile it begins anew, so that nobody's word is lost.
 */
export async function changeEpisode(
  engine: Engine,
  by: By,
  ep_id: string,
  plan: (state: EpisodeState, change_id: string) => Promise<EpisodeChange>,
): Promise<{ correction: Omit<Correction, 'later' | 'held'>; state: EpisodeState; after: Identified }> {
  const change_id = changeId();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const state = await openEpisode(engine, ep_id);
    const change = await plan(state, change_id);
    const after = await workOut(engine, state, change_id, change);
    const revision = await write(engine, by, { state, change_id, change, after });
    if (revision === undefined) continue;
    await publishIdentities(engine, state.run, after);
    const correction = { change_id, revision, ...totals(state.made, after), affected: [ep_id] };
    return { correction, state, after };
  }
  throw new ScreenalyticsError('CHANGE_CONFLICT', { episode: ep_id, attempts: ATTEMPTS });
}

async function workOut(
  engine: Engine,
  { run, log, models, facebank }: EpisodeState,
  change_id: string,
  { payload, target, same_frame }: EpisodeChange,
): Promise<Identified> {
  const next: Folded = { change_id, target: target ?? null, payload: { ...payload, model_id: run.embedder } };
  const decisions = await decisionsOf(engine, run.ep_id, [...log.changes, next], log.people, models);
  if (same_frame === 'refused') refuseSameFrame(decideInput({ run }, decisions), change_id);
  return identifyRun(engine, run, { facebank, decisions });
}

/** Two faces in one frame are never one person: this change must not say so. */
function refuseSameFrame(input: DecideInput, change_id: string): void {
  const mine = sameFrame(input).filter(({ a, b }) =>
    [...a.by, ...b.by].some((decision) => decision.change_id === change_id),
  );
  const [first] = mine;
  if (first === undefined) return;
  const tracks = mine.map(({ a, b }) => [a.track_id, b.track_id]);
  throw new ScreenalyticsError('SAME_FRAME', { tracks, at_ms: first.moments[0] });
}

interface Writing {
  readonly state: EpisodeState;
  readonly change_id: string;
  readonly change: EpisodeChange;
  readonly after: Identified;
}

/** The new revision; undefined when somebody was faster. */
async function write(engine: Engine, by: By, w: Writing): Promise<number | undefined> {
  const { state, change_id, change, after } = w;
  const { run, log } = state;
  await keepChips(engine, run, change.made);
  const payload = payloadOf(by, w);
  const { kind, target } = change;
  try {
    const revision = await (await engine.db()).write(async (q) => {
      await lockHead(q);
      if (!(await isCurrent(q, run)) || (await movedOn(q, run.ep_id, log.seq))) return undefined;
      const { seq } = await appendChange(q, { change_id, kind, ep_id: run.ep_id, ...(target && { target }), payload });
      return writeIdentities(q, run.run_key, after, { cause: kind, change_id, decisions_seq: seq });
    });
    if (revision === undefined) await dropChips(engine, run.ep_id, change.made);
    return revision;
  } catch (error) {
    await dropChips(engine, run.ep_id, change.made);
    throw error;
  }
}

/** Locks the episode before the run, as saving a run does: two that wait for each other would be stopped by the server. */
async function isCurrent(q: DbReader, { ep_id, run_key }: OpenRun): Promise<boolean> {
  await q.query('select episode_key from sa.episode where ep_id = $1 for update', [ep_id]);
  const sql = 'select current from sa.run where run_key = $1 for update';
  return (await q.query<{ current: boolean }>(sql, [run_key]))[0]?.current === true;
}

function payloadOf(by: By, { state: { run, made }, change, after }: Writing): ChangePayload {
  const ids = new Set(change.track_ids);
  const people = [made, after].flatMap(({ identities }) =>
    identities.pieces.flatMap(({ track_id, person_id }) =>
      ids.has(track_id) && person_id !== null ? `person:${person_id}` : [],
    ),
  );
  const tracks = change.track_ids.map((id) => trackEntity(run, id));
  return {
    actor: by.actor,
    surface: by.surface,
    reason: change.reason,
    entities: [...new Set([`episode:${run.ep_id}`, ...tracks, ...change.entities, ...people])].sort(),
    before: counted(made.identities, ids),
    after: counted(after.identities, ids),
    ...change.payload,
    model_id: run.embedder,
  };
}

export function trackEntity({ ep_id, run_id }: Pick<OpenRun, 'ep_id' | 'run_id'>, track_id: number): string {
  return `track:${ep_id}/${run_id}/${track_id}`;
}

function counted({ pieces }: Identities, ids: ReadonlySet<number>): Counted[] {
  return pieces
    .filter(({ track_id }) => ids.has(track_id))
    .map(({ track_id, start_ms, end_ms, person_id, label }) => ({
      ref: `${track_id}:${start_ms}-${end_ms}`,
      identity: person_id === null ? label : `person:${person_id}`,
    }));
}

function totals(before: Identified, after: Identified): { before: Totals[]; after: Totals[] } {
  const of = ({ screen_time }: Identified) => screen_time.rows.map(({ person, visual_s }) => ({ person, visual_s }));
  return { before: of(before), after: of(after) };
}
