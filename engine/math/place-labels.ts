import type { Identities, Piece } from '#engine/core/identities.ts';
import type { Group } from './groups.ts';
import { type Item, isOpen } from './identify-items.ts';
import { type Judge, judgeOne, judgeTogether, type Opinion } from './judge.ts';

/** Whose an item is, and why. */
export interface Placed {
  /** `person ID` or `label Unknown-n`; null: it counts for nobody. */
  readonly owner: string | null;
  readonly source: Piece['label_source'];
  readonly method: Piece['method'];
  readonly band: Piece['band'];
  /** The probability that was asked for; null: nothing was. */
  readonly threshold: number | null;
  readonly opinion: Opinion | undefined;
  /** Of the machine's name for it; null without one. */
  readonly probability: number | null;
  /** Best candidates who are somebody else in the same frames, as indexes into the bank. */
  readonly blocked: readonly number[];
}

export interface PlaceInput {
  readonly items: readonly Item[];
  readonly judge: Judge;
  readonly groups: readonly Group[];
  /** Per item. */
  readonly membership: readonly number[];
  /** Number of the next `Unknown-n` that no cluster has. */
  readonly next_unknown: number;
}

const DECIDED = { source: 'person', method: 'decision', band: 'decided', threshold: null, blocked: [] } as const;

/**
 * A label for every item, so that two with a detection at one moment never share one: people's decisions first, then the surest names of
 * the machine; who comes later takes the next person that is acceptable without those beside it, or stays unknown.
 */
export function placeLabels(input: PlaceInput): { placed: Placed[]; conflicts: Identities['conflicts'] } {
  const board = newBoard(input);
  const conflicts = placeDecided(input, board);
  placeLinked(input, board);
  placeMachine(input, board);
  return { placed: input.items.map(({ index }) => board.placed.get(index) as Placed), conflicts };
}

interface Board {
  readonly placed: Map<number, Placed>;
  /** Nobody beside it has this owner. */
  free(item: Item, owner: string): boolean;
  put(item: Item, owner: string | null, how: Omit<Placed, 'owner'>): void;
  fresh(): string;
  /** People of the bank who were placed beside the item. */
  beside(item: Item): ReadonlySet<number>;
}

function newBoard({ items, judge, next_unknown }: PlaceInput): Board {
  const placed = new Map<number, Placed>();
  const place = new Map(judge.model.bank.people.map(({ person_id }, k) => [personOwner(person_id), k]));
  let next = next_unknown;
  return {
    placed,
    free: (item, owner) => item.beside.every((i) => placed.get(i)?.owner !== owner),
    put: (item, owner, how) => void placed.set(item.index, { ...how, owner }),
    fresh: () => `label Unknown-${next++}`,
    beside(item) {
      const found: number[] = [];
      for (const i of item.beside) {
        const owner = placed.get((items[i] as Item).index)?.owner;
        const k = owner == null ? undefined : place.get(owner);
        if (k !== undefined) found.push(k);
      }
      return found.length === 0 ? NOBODY : new Set(found);
    },
  };
}

export function personOwner(person_id: string): string {
  return `person ${person_id}`;
}

function placeDecided({ items }: PlaceInput, board: Board): Identities['conflicts'] {
  const conflicts: Identities['conflicts'] = [];
  const how = { ...DECIDED, opinion: undefined, probability: 1 };
  const named = items.filter(({ piece }) => !piece.dropped && piece.person_id !== null);
  for (const item of named.sort((a, b) => Number(b.piece.locked) - Number(a.piece.locked) || a.index - b.index)) {
    const owner = personOwner(item.piece.person_id ?? '');
    if (board.free(item, owner)) board.put(item, owner, how);
    else {
      board.put(item, board.fresh(), how);
      const change_ids = item.piece.change_id === null ? [] : [item.piece.change_id];
      conflicts.push({
        track_id: item.piece.track_id,
        change_ids,
        reason: 'This person is in the same frame already.',
      });
    }
  }
  for (const item of items) if (item.piece.dropped) board.put(item, null, how);
  const detached = items.filter(({ index, piece }) => piece.detached && !board.placed.has(index));
  for (const own of Map.groupBy(detached, ({ piece, index }) => piece.change_id ?? index).values()) {
    const owner = board.fresh();
    for (const item of own) board.put(item, board.free(item, owner) ? owner : board.fresh(), how);
  }
  return conflicts;
}

/** Items that are one person by a person's word: the one who was assigned, else one whom the machine accepts for any of them, else one Unknown. */
function placeLinked({ items, judge }: PlaceInput, board: Board): void {
  const linked = items.filter(({ piece }) => piece.link !== null && !piece.dropped);
  for (const own of Map.groupBy(linked, ({ piece }) => piece.link).values()) {
    const open = own.filter(({ index }) => !board.placed.has(index));
    const assigned = own.flatMap(({ index }) => board.placed.get(index)?.owner ?? []);
    const out = new Set(own.flatMap((item) => [...(judge.denied[item.index] ?? []), ...board.beside(item)]));
    const subsets = [
      own,
      ...Map.groupBy(own, ({ cluster }) => cluster?.cluster_id).values(),
      ...own.map((item) => [item]),
    ];
    const accepted = subsets
      .flatMap((subset) => judgeTogether(judge, subset, out) ?? [])
      .filter(({ ranked }) => ranked.band === 'accept')
      .sort((a, b) => b.ranked.probability - a.ranked.probability)[0];
    const person = accepted && judge.model.bank.people[accepted.ranked.best];
    const labels = own.flatMap(({ cluster }) => cluster ?? []).sort((a, b) => a.cluster_id - b.cluster_id);
    const own_label = labels[0] === undefined ? board.fresh() : `label ${labels[0].label}`;
    const owner = assigned[0] ?? (person === undefined ? own_label : personOwner(person.person_id));
    const probability = assigned[0] === undefined && accepted ? accepted.ranked.probability : 1;
    for (const item of open)
      board.put(item, board.free(item, owner) ? owner : board.fresh(), {
        ...DECIDED,
        opinion: accepted,
        probability,
      });
  }
}

function placeMachine(input: PlaceInput, board: Board): void {
  const group_of = new Map<number, Group>();
  for (const group of input.groups) for (const { index } of group.items) group_of.set(index, group);
  // Thousands of items have few owners: one string for each.
  const people = input.judge.model.bank.people.map(({ person_id }) => personOwner(person_id));
  const clusters = new Set(input.items.flatMap(({ cluster }) => cluster ?? []));
  const labels = new Map(Array.from(clusters, (cluster) => [cluster, `label ${cluster.label}`]));
  const open = input.items.filter((item) => isOpen(item) && !board.placed.has(item.index));
  const first = open.map((item) => ({ item, wish: choose(input, item, group_of.get(item.index), NOBODY) }));
  first.sort(
    (a, b) =>
      Number(b.wish.person >= 0) - Number(a.wish.person >= 0) ||
      b.wish.probability - a.wish.probability ||
      lengthOf(b.item) - lengthOf(a.item) ||
      a.item.index - b.item.index,
  );
  for (const { item, wish } of first) {
    const group = group_of.get(item.index);
    const beside = board.beside(item);
    const out = both(beside, group?.out);
    // Nobody more is ruled out than when it was asked first.
    const choice = beside.size === 0 ? wish : choose(input, item, group, beside);
    const person = people[choice.person];
    const blocked = out.has(wish.best) ? [wish.best] : [];
    const { opinion, threshold, band } = choice;
    const how = { source: 'machine', opinion, threshold, band, blocked } as const;
    if (person !== undefined) {
      board.put(item, person, {
        ...how,
        method: choice.method,
        probability: choice.probability,
      });
      continue;
    }
    const own = (item.cluster && labels.get(item.cluster)) ?? null;
    const owner = own === null || board.free(item, own) ? own : board.fresh();
    board.put(item, owner, { ...how, method: own === null ? 'none' : 'clustering', probability: null });
  }
}

const NOBODY: ReadonlySet<number> = new Set();

function both(some: ReadonlySet<number>, more: ReadonlySet<number> | undefined): ReadonlySet<number> {
  if (more === undefined || more.size === 0) return some;
  return new Set([...some, ...more]);
}

function lengthOf({ piece }: Item): number {
  return piece.end_ms - piece.start_ms;
}

interface Choice extends Pick<Placed, 'method' | 'band' | 'opinion' | 'threshold'> {
  /** -1: none. */
  readonly person: number;
  /** Of `person`. */
  readonly probability: number;
  /** Likeliest, also when nobody would be asked. */
  readonly best: number;
}

/**
 * Hysteresis (PRO-14): a track keeps the name that its cluster took down to `leave`. It takes another by itself only when that reaches
 * `accept` both by its own face alone and together with what is known of its cluster.
 */
function choose(
  { judge, membership }: PlaceInput,
  item: Item,
  group: Group | undefined,
  beside: ReadonlySet<number>,
): Choice {
  const { accept, leave } = judge.limits;
  const none = {
    person: -1,
    probability: 0,
    best: -1,
    method: 'clustering',
    band: 'unknown',
    threshold: null,
  } as const;
  const out = both(beside, group?.out);
  const belongs = { pool: group?.pool, membership: membership[item.index] ?? 0 };
  const judged = judgeOne(group?.judge ?? judge, item, belongs, out);
  if (judged === undefined) return { ...none, opinion: undefined };
  const { own, within } = judged;
  const { best } = within.ranked;
  const kept = group === undefined || group.person < 0 ? 0 : (within.shares.people[group.person] ?? 0);
  if (group !== undefined && kept > 0 && kept >= leave) {
    const method = group.split ? 'anchored_split' : 'cluster_match';
    return { person: group.person, probability: kept, best, method, band: 'accept', opinion: within, threshold: leave };
  }
  const alone = own.shares.people[best] ?? 0;
  if (within.ranked.band === 'accept' && alone >= accept) {
    const { probability } = within.ranked;
    return {
      person: best,
      probability,
      best,
      method: 'track_match',
      band: 'accept',
      opinion: within,
      threshold: accept,
    };
  }
  const band = within.ranked.band === 'accept' ? 'ask' : within.ranked.band;
  return { ...none, best, band, opinion: within, threshold: accept };
}
