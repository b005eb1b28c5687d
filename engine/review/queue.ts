import { z } from 'zod';
import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Identities, Identity, Piece } from '#engine/core/identities.ts';
import { doubtsOf } from './doubts.ts';
import { refOfPiece } from './refs.ts';

/** Why somebody should look. */
export const Reason = z.enum([
  'unknown', // nobody has named it
  'low_score', // named, but not surely
  'small_margin', // a second person is nearly as likely
  'mixed_track', // the faces of one track look like two people
  'contamination', // it looks more like another identity, or like nobody in its own
  'conflict', // decisions of two people meet on it
  'long_track', // so long that a change of person in it would cost much
]);
export type Reason = z.output<typeof Reason>;

/** Also why something is shown that no doubt asks about: a decision that nothing in the run matches; a sure name that nobody has looked at. */
export const ReviewReason = z.enum([...Reason.options, 'unmatched', 'unchecked']);

/** One question: everything in it is settled by one answer. */
export const ReviewItem = z.object({
  /** `Unknown-3`, `cluster-7` (a matched cluster in doubt), `track-12`; of people's decisions `conflict-12` and `decision-c_1`. */
  id: z.string(),
  kind: z.enum(['identity', 'cluster', 'track', 'decision']),
  /** What it counts for now. */
  label: z.string(),
  /** What the answer is about: tracks, or spans of them, as people type them; most seconds first; none where nothing matches. */
  targets: z.array(z.string()),
  /** The longest stretch of it, to be played: ms of the episode. */
  clip: z.object({ start_ms: z.int(), end_ms: z.int() }).nullable(),
  /** Face-seconds in it, and those expected to be wrong or unknown now: the queue's order. */
  seconds: z.number(),
  stake_s: z.number(),
  /** Of the seconds in it that carry their right name now, 0..1; 0 where it has none. */
  probability: z.number(),
  reasons: z.array(ReviewReason).min(1),
  /** The reasons in words. */
  why: z.string(),
  /** Who it could be, likeliest first. */
  candidates: z.array(z.object({ name: z.string(), person_id: z.string().nullable(), probability: z.number() })),
  /** The likeliest answer in words. */
  suggestion: z.string(),
});
export type ReviewItem = z.output<typeof ReviewItem>;

export interface ReviewInput {
  readonly identities: Pick<Identities, 'rows' | 'pieces' | 'audit' | 'conflicts'>;
  readonly embeddings: { readonly tracks: readonly { track_id: number; suspected_switches_ms: readonly number[] }[] };
  readonly clusters: Pick<Artifacts['clusters'], 'contamination'>;
  readonly tracks: { readonly metrics: { readonly long_tracks: readonly number[] } };
  readonly params: {
    /** Probability from which a name counts as certain. */
    readonly accept: number;
    /** Probability from which a name is worth suggesting. */
    readonly ask: number;
    /** Difference of the two best probabilities below which a name is shown as doubtful. */
    readonly margin_small: number;
    /** Probability that a track which looks mixed is. */
    readonly mixed: number;
  };
}

export interface ReviewQueue {
  /** Most seconds at stake first. */
  readonly items: readonly ReviewItem[];
  readonly face_s: number;
  /** Decided or locked by a person, or accepted with nothing against it. */
  readonly certain_s: number;
  /** Seconds that become certain when an item is answered, in the order of `items`. */
  readonly settles_s: readonly number[];
}

/**
 * What to ask a person, by what the answer is worth: the seconds that are expected to be wrong or without a name now. An identity
 * without a name is one question, and so is a doubtful match of a whole cluster; a doubtful track within a named identity is one
 * of its own.
 */
export function reviewQueue(input: ReviewInput): ReviewQueue {
  const counted = input.identities.pieces.filter(({ label }) => label !== null);
  const named = new Map(input.identities.rows.map((row) => [row.label, row]));
  const groups = new Map<string, Group>();
  let certain_ms = 0;
  for (const piece of counted) {
    const identity = named.get(piece.label ?? '');
    const doubts = doubtsOf(piece, identity, input);
    if (doubts.certain) certain_ms += lengthOf(piece);
    if (doubts.reasons.length === 0 || identity === undefined) continue;
    const { id, kind } = questionOf(piece, identity);
    const group = groups.get(id) ?? { id, kind, identity, parts: [] };
    group.parts.push({ piece, ...doubts });
    groups.set(id, group);
  }
  const asked = [...groups.values()].map((group) => ({ item: itemOf(group, input), settles_s: settledBy(group) }));
  asked.sort((a, b) => byStake(a.item, b.item));
  return {
    items: asked.map(({ item }) => item),
    face_s: seconds(counted.reduce((sum, piece) => sum + lengthOf(piece), 0)),
    certain_s: seconds(certain_ms),
    settles_s: asked.map((each) => each.settles_s),
  };
}

/**
 * Names that nothing speaks against and nobody has looked at, a track each: for whoever has answered the questions and wants more to be
 * right. By the seconds that are expected to be wrong though the name was accepted.
 */
export function uncheckedTracks(input: ReviewInput): ReviewItem[] {
  const named = new Map(input.identities.rows.map((row) => [row.label, row]));
  return input.identities.pieces
    .flatMap((piece): ReviewItem[] => {
      const identity = named.get(piece.label ?? '');
      if (identity === undefined || piece.label_source === 'person' || piece.locked) return [];
      const doubts = doubtsOf(piece, identity, input);
      if (doubts.reasons.length > 0) return [];
      const id = `track-${refOfPiece(piece, input.identities.pieces)}`;
      return [itemOf({ id, kind: 'track', identity, parts: [{ piece, ...doubts }] }, input)];
    })
    .sort(byStake);
}

function byStake(a: ReviewItem, b: ReviewItem): number {
  return b.stake_s - a.stake_s || b.seconds - a.seconds || (a.id < b.id ? -1 : 1);
}

/** How certain a run is, and would be after so many answers; a person's decision counts as certain. */
export function certaintyAfter(queue: ReviewQueue, answers: number): { share: number; share_after: number } {
  const settled = queue.settles_s.slice(0, answers).reduce((sum, each) => sum + each, 0);
  const share = (part: number) => (queue.face_s === 0 ? 1 : Math.min(1, part / queue.face_s));
  return { share: share(queue.certain_s), share_after: share(queue.certain_s + settled) };
}

/** The fewest answers, in the queue's order, after which this share of the face-seconds is certain; null: all of them are too few. */
export function answersTo(queue: ReviewQueue, share: number): number | null {
  for (let n = 0; n <= queue.items.length; n++) if (certaintyAfter(queue, n).share_after >= share) return n;
  return null;
}

interface Group {
  readonly id: string;
  readonly kind: ReviewItem['kind'];
  readonly identity: Identity;
  readonly parts: ({ readonly piece: Piece } & ReturnType<typeof doubtsOf>)[];
}

/** Which question a doubtful piece belongs to. */
function questionOf(piece: Piece, identity: Identity): Pick<Group, 'id' | 'kind'> {
  if (identity.person_id === null) return { id: identity.label, kind: 'identity' };
  const whole_cluster = piece.method === 'cluster_match' && piece.band === 'ask' && piece.cluster_id !== null;
  if (whole_cluster) return { id: `cluster-${piece.cluster_id}`, kind: 'cluster' };
  return { id: `track-${piece.track_id}`, kind: 'track' };
}

function itemOf(group: Group, input: ReviewInput): ReviewItem {
  const { id, kind, identity } = group;
  const parts = group.parts.toSorted(
    (a, b) => lengthOf(b.piece) - lengthOf(a.piece) || a.piece.track_id - b.piece.track_id,
  );
  const length_ms = parts.reduce((sum, { piece }) => sum + lengthOf(piece), 0);
  const stake_ms = parts.reduce((sum, { stake_ms }) => sum + stake_ms, 0);
  const found = Reason.options.filter((reason) => parts.some((part) => part.reasons.includes(reason)));
  const reasons: ReviewItem['reasons'] = found.length === 0 ? ['unchecked'] : found;
  const candidates = candidatesOf(group, input);
  const switches_ms = parts.flatMap((part) => part.switches_ms);
  return {
    ...{ id, kind, label: identity.label },
    targets: parts.map(({ piece }) => refOfPiece(piece, input.identities.pieces)),
    clip: clipOf(parts[0]?.piece),
    seconds: seconds(length_ms),
    stake_s: seconds(stake_ms),
    probability: length_ms === 0 ? 0 : rounded(Math.max(0, 1 - stake_ms / length_ms)),
    reasons,
    why: reasons.map((reason) => WORDS[reason]).join('; '),
    candidates,
    suggestion: suggest(identity, candidates, switches_ms, input.params.ask),
  };
}

function clipOf(piece: Piece | undefined): ReviewItem['clip'] {
  return { start_ms: piece?.start_ms ?? 0, end_ms: piece?.end_ms ?? 0 };
}

function settledBy({ parts }: Group): number {
  return seconds(parts.reduce((sum, { piece, certain }) => sum + (certain ? 0 : lengthOf(piece)), 0));
}

const CANDIDATES_MAX = 3;

/** From the line of the audit that judged it, weighted by seconds where several did; without one, from the pieces' own. */
function candidatesOf({ kind, parts, identity }: Group, { identities }: ReviewInput): ReviewItem['candidates'] {
  const votes = new Map<string, number>();
  let weight = 0;
  const add = (name: string, probability: number, by: number) =>
    votes.set(name, (votes.get(name) ?? 0) + probability * by);
  for (const { piece } of parts) {
    const judged = identities.audit.filter((line) =>
      line.what === 'track' ? line.track_id === piece.track_id : line.cluster_id === piece.cluster_id,
    );
    const line = judged.find(({ what }) => what === (kind === 'track' ? 'track' : 'cluster')) ?? judged[0];
    const by = lengthOf(piece);
    weight += by;
    if (line !== undefined) for (const each of line.candidates) add(each.name, each.probability, by);
    else {
      if (identity.person_id !== null) add(identity.label, piece.probability ?? 0, by);
      for (const each of piece.others) add(each.label, each.probability, by);
    }
  }
  return [...votes]
    .map(([name, sum]) => {
      const probability = weight === 0 ? 0 : rounded(Math.min(1, sum / weight));
      return { name, person_id: personOf(name, identities), probability };
    })
    .sort((a, b) => b.probability - a.probability || (a.name < b.name ? -1 : 1))
    .slice(0, CANDIDATES_MAX);
}

function personOf(name: string, { rows, audit }: ReviewInput['identities']): string | null {
  const row = rows.find((each) => each.label === name);
  if (row !== undefined) return row.person_id;
  return audit.flatMap(({ candidates }) => candidates).find((each) => each.name === name)?.person_id ?? null;
}

function suggest(
  { person_id, label }: Identity,
  candidates: ReviewItem['candidates'],
  switches_ms: readonly number[],
  ask: number,
): string {
  const [at_ms] = switches_ms;
  const [best] = candidates;
  if (at_ms !== undefined && person_id !== null) return `split at ${at_ms} ms if two people share the track`;
  if (best !== undefined && best.probability >= ask) return `${best.name}? (${Math.round(best.probability * 100)}%)`;
  return person_id === null ? 'a new name, or delete it if nobody should be counted' : `${label}?`;
}

const WORDS: Record<ReviewItem['reasons'][number], string> = {
  unknown: 'nobody has named it',
  low_score: 'the name is not sure',
  small_margin: 'a second person is nearly as likely',
  mixed_track: 'its faces look like two people',
  contamination: 'it looks out of place in its identity',
  conflict: 'decisions of two people meet on it',
  long_track: 'it is so long that a change of person in it would cost much',
  unmatched: 'a decision has nothing to attach to',
  unchecked: 'nothing speaks against it, and nobody has looked',
};

function lengthOf({ start_ms, end_ms }: Pick<Piece, 'start_ms' | 'end_ms'>): number {
  return end_ms - start_ms;
}

function rounded(probability: number): number {
  return Math.round(probability * 1e4) / 1e4;
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
