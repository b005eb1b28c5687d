import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { DecisionDraft } from '#engine/corrections/plan.ts';
import { resolveTargets } from '#engine/corrections/targets.ts';
import type { EngineReader } from '#engine/engine.ts';
import { type NamedRun, openNamed } from '#engine/review/open-review.ts';
import { centreOf, type LookAlikes, lookAlikes } from '#engine/review/propagation.ts';
import { parseTrackRef } from '#engine/review/refs.ts';
import { type MadeSheet, makeSheet, planInput } from '#engine/review/sheet.ts';
import { planCells } from '#engine/review/sheet-plan.ts';
import { previewSplit } from '#engine/review/strip.ts';
import { requirePerson } from '#engine/store/people.ts';

/** An edit with what it names already read. */
export interface Edit {
  readonly ep_id: string;
  readonly targets: readonly string[];
  readonly except: readonly string[];
  readonly at_ms?: number | undefined;
  readonly into?: string | undefined;
  readonly person?: string | undefined;
}

/** What would be done, in pictures and words; `drafts` does it, one change each. */
export interface Preview {
  readonly drafts: readonly DecisionDraft[];
  readonly lines: readonly string[];
  readonly sheet: MadeSheet | null;
}

/** Simple edits are one decision. */
export function draftOf(
  action: 'merge' | 'remove' | 'delete' | 'lock' | 'unlock',
  { targets, except, into }: Edit,
): DecisionDraft {
  const act = { merge: 'link', remove: 'detach', delete: 'drop', lock: 'lock', unlock: 'unlock' } as const;
  return { act: act[action], targets: action === 'merge' && into !== undefined ? [into, ...targets] : targets, except };
}

/** Into an identity without a name: they are one person, whoever it is. Into a name: they are that person. */
export async function moveDraft(
  engine: EngineReader,
  { ep_id, targets, except, into, person }: Edit,
): Promise<DecisionDraft> {
  const wanted = person ?? into;
  if (wanted === undefined) throw wrong('into', 'is needed: a name, or such as Unknown-3');
  const { identities } = await openNamed(engine, ep_id);
  const row = identities.rows.find(({ label }) => label.toLowerCase() === wanted.toLowerCase());
  if (row !== undefined && row.person_id === null) return { act: 'link', targets: [row.label, ...targets], except };
  const { person_id } = await requirePerson(await engine.db(), row?.person_id ?? wanted);
  return { act: 'assign', person: person_id, targets, except };
}

/** One track in two, at a moment; `person`: who the second part is. */
export async function splitPreview(engine: EngineReader, edit: Edit): Promise<Preview> {
  const { ep_id, targets, at_ms } = edit;
  const [target = ''] = targets;
  const track_id = parseTrackRef(target)?.track_id;
  if (targets.length !== 1 || track_id === undefined) throw wrong('targets', 'name one track to split');
  if (at_ms === undefined) throw wrong('at_ms', 'is needed: the moment from which it is somebody else');
  const named = await openNamed(engine, ep_id);
  if (!named.run.tracks.rows.some((row) => row.track_id === track_id))
    throw new ScreenalyticsError('TRACK_NOT_FOUND', { track: track_id });
  const { before, after, faces_before, faces_after, strip } = await previewSplit(engine, named, track_id, at_ms);
  return {
    drafts: [{ act: 'cut', targets: [String(track_id)], at_ms }],
    lines: [`${before}: ${faces_before} crops`, `${after}: ${faces_after} crops`],
    sheet: strip,
  };
}

/** What is propagated from where: the tracks that were named, whose name, and what they look like. */
export interface Propagation {
  readonly named: NamedRun;
  readonly tracks: readonly number[];
  readonly label: string | null;
  /** Null: nobody knows who it is. */
  readonly person_id: string | null;
  readonly centre: Float32Array | null;
}

export async function propagationOf(engine: EngineReader, edit: Edit): Promise<Propagation> {
  const named = await openNamed(engine, edit.ep_id);
  const { run, identities } = named;
  const tracks = resolve(named, edit.targets);
  const labels = new Set(
    identities.pieces.filter(({ track_id }) => tracks.includes(track_id)).flatMap(({ label }) => label ?? []),
  );
  const person = edit.person === undefined ? undefined : await requirePerson(await engine.db(), edit.person);
  const [label = null] = person === undefined ? [...labels] : [person.name];
  if (person === undefined && labels.size > 1)
    throw wrong('person', `is needed: the targets are ${[...labels].join(', ')}`);
  const person_id = person?.person_id ?? identities.rows.find((row) => row.label === label)?.person_id ?? null;
  return { named, tracks, label, person_id, centre: centreOf(run, tracks) };
}

/** Tracks that look like the targets, to be given the same name, or to be one person with them. */
export async function propagatePreview(engine: EngineReader, edit: Edit): Promise<Preview> {
  const { named, tracks, label, person_id, centre } = await propagationOf(engine, edit);
  const { run, identities } = named;
  const alike = lookAlikes({ ...run, identities }, { asked: tracks, own: label, centre });
  const own = edit.except.filter((text) => !isElsewhere(text));
  const excepted = new Set(own.length === 0 ? [] : resolve(named, own));
  const kept = alike.found.filter(({ track_id }) => !excepted.has(track_id));
  const targets = kept.map(({ track_id }) => String(track_id));
  const cells = planCells(targets, planInput(named), engine.config.review.sheet_cells);
  const title = [`look like ${label ?? edit.targets.join(', ')}: ${targets.length} tracks`];
  return {
    drafts: targets.length === 0 ? [] : [propagated(targets, person_id, edit)],
    lines: alikeLines({ ...alike, found: kept }),
    sheet: targets.length === 0 ? null : await makeSheet(engine, named, { title, cells, targets }),
  };
}

/** Each look-alike with how likely it is the same person, and why others were left out. */
export function alikeLines({ found, same_frame, decided, similarity_min }: LookAlikes): string[] {
  return [
    ...found.map((each) => {
      const sure = `${Math.round(each.probability * 100)}% the same person (${each.similarity.toFixed(2)} alike)`;
      return `${each.track_id}: ${sure}, ${each.seconds.toFixed(1)} s, now ${each.label ?? 'nobody'}`;
    }),
    `alike from ${similarity_min.toFixed(2)}; left out: ${same_frame} in a frame with the same person, ${decided} decided by a person`,
  ];
}

/** `rhobh-s05e02/12`: a track of another episode. */
export function isElsewhere(text: string): boolean {
  return /^[a-z0-9-]+\/\d{1,9}$/.test(text);
}

function propagated(targets: string[], person: string | null, edit: Edit): DecisionDraft {
  if (person === null) return { act: 'link', targets: [...edit.targets, ...targets] };
  return { act: 'propagate', person, targets };
}

/** A cluster that holds two people of the facebank, parted by whom its tracks look like. */
export async function splitClusterPreview(engine: EngineReader, edit: Edit): Promise<Preview> {
  const named = await openNamed(engine, edit.ep_id);
  const own = new Set(resolve(named, edit.targets));
  const { identities, run } = named;
  const clusters = identities.pieces.filter(({ track_id }) => own.has(track_id)).map(({ cluster_id }) => cluster_id);
  const split = identities.splits.find(({ cluster_id }) => clusters.includes(cluster_id));
  if (split === undefined || split.parts.length < 2)
    throw wrong(
      'targets',
      'the facebank does not see two people in it; name the tracks of one of them and use remove or move',
    );
  if (split.applied) throw wrong('targets', 'it is split already, by the facebank');
  const names = new Map(
    identities.audit.flatMap(({ candidates }) => candidates.map((c) => [c.person_id, c.name] as const)),
  );
  const known = new Set(run.tracks.rows.map(({ track_id }) => track_id));
  const parts = split.parts.map((part) => ({
    ...part,
    targets: part.track_ids.filter((id) => known.has(id)).map(String),
  }));
  const targets = parts.flatMap((part) => part.targets);
  const cells = planCells(targets, planInput(named), engine.config.review.sheet_cells);
  const title = [`cluster ${split.cluster_id}: ${parts.length} people`, split.reason];
  return {
    drafts: parts.map(({ person_id, targets }) =>
      person_id === null ? { act: 'detach', targets } : { act: 'assign', person: person_id, targets },
    ),
    lines: [
      ...parts.map((part) => `${names.get(part.person_id ?? '') ?? 'nobody known'}: ${part.targets.join(', ')}`),
      `similarity to their own person: ${split.before.toFixed(2)} before, ${split.after.toFixed(2)} after`,
    ],
    sheet: await makeSheet(engine, named, { title, cells, targets }),
  };
}

function resolve({ run, identities }: NamedRun, targets: readonly string[]): number[] {
  const tracks = new Map(run.tracks.rows.map((row) => [row.track_id, row]));
  return [...new Set(resolveTargets({ tracks, identities }, targets).map(({ track }) => track.track_id))];
}

function wrong(field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem }] });
}
