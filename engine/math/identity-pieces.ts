import type { Cluster, FaceRow } from '#engine/core/artifacts.ts';
import type { AssignLine, Identities, Identity, Piece } from '#engine/core/identities.ts';
import { candidatesOf, type Group, inWords, round, roundScore } from './groups.ts';
import type { IdentifyInput, Item } from './identify-items.ts';
import type { Judge } from './judge.ts';
import type { Membership } from './membership.ts';
import { type Placed, personOwner } from './place-labels.ts';
import { productsWith } from './products.ts';
import { mean, normalise } from './vectors.ts';

export interface Settled {
  readonly items: readonly Item[];
  readonly placed: readonly Placed[];
  readonly judge: Judge;
  readonly groups: readonly Group[];
  readonly membership: Membership;
  readonly name: ReadonlyMap<string, string>;
}

const OTHERS = 3;
/** Less than one in a thousand is nobody worth naming. */
const PROBABILITY_MIN = 0.001;

/** Every item as a row, with the other identities that it could belong to. */
export function piecesOf(settled: Settled): Piece[] {
  const owners = ownersOf(settled);
  return settled.items.map((item): Piece => {
    const { piece, cluster, index } = item;
    const placed = settled.placed[index] as Placed;
    const { owner, opinion, source, band } = placed;
    const { mine, rest } = chances(settled, item, owners);
    return {
      track_id: piece.track_id,
      start_ms: piece.start_ms,
      end_ms: piece.end_ms,
      cluster_id: cluster?.cluster_id ?? null,
      label: owner === null ? null : owners.label(owner),
      person_id: personOf(owner),
      label_source: source,
      method: placed.method,
      band,
      score:
        opinion === undefined || opinion.ranked.best < 0
          ? null
          : roundScore(opinion.scores[opinion.ranked.best] as number),
      threshold: placed.threshold,
      probability: mine === null ? null : round(mine),
      margin: opinion === undefined || opinion.ranked.best < 0 ? null : round(opinion.ranked.margin),
      others: rest
        .filter(({ probability }) => probability >= PROBABILITY_MIN)
        .sort((a, b) => b.probability - a.probability || (a.label < b.label ? -1 : 1))
        .slice(0, OTHERS)
        .map(({ label, probability }) => ({ label, probability: round(probability) })),
      locked: piece.locked,
      change_id: piece.change_id,
    };
  });
}

/** Owners and their labels as strings that are made once: thousands of pieces ask for a few. */
interface Owners {
  /** Of whom there is an item. */
  readonly used: ReadonlySet<string | null>;
  /** Of the bank's people. */
  readonly people: readonly string[];
  label(owner: string): string;
  cluster(cluster: Cluster): string;
}

function ownersOf({ placed, judge, name }: Settled): Owners {
  const labels = new Map<string, string>();
  const clusters = new Map<Cluster, string>();
  return {
    used: new Set(placed.map(({ owner }) => owner)),
    people: judge.model.bank.people.map(({ person_id }) => personOwner(person_id)),
    label: (owner) => labels.get(owner) ?? kept(labels, owner, labelOf(owner, name)),
    cluster: (cluster) => clusters.get(cluster) ?? kept(clusters, cluster, `label ${cluster.label}`),
  };
}

function kept<K>(made: Map<K, string>, key: K, value: string): string {
  made.set(key, value);
  return value;
}

/**
 * Probabilities of its own label and of others, at most 1 together: first whether it is somebody of the bank, then, as far as it is not, to
 * which cluster without a name it belongs. Whoever is seen at the same moment has none.
 */
function chances(settled: Settled, item: Item, owners: Owners) {
  const { placed } = settled;
  const { owner, opinion, band, probability } = placed[item.index] as Placed;
  if (owner === null) return { mine: band === 'decided' ? 1 : null, rest: [] };
  if (band === 'decided' && probability === 1) return { mine: 1, rest: [] };
  const beside = item.beside.map((i) => placed[i]?.owner ?? null);
  const rest: { label: string; probability: number }[] = [];
  const shares = opinion?.shares.people;
  for (let k = 0; shares !== undefined && k < shares.length; k++) {
    const chance = shares[k] as number;
    if (chance < PROBABILITY_MIN) continue;
    const other = owners.people[k] as string;
    if (other !== owner && !beside.includes(other)) rest.push({ label: owners.label(other), probability: chance });
  }
  const unknown = opinion?.shares.unknown ?? 1;
  // Then no cluster has a share worth naming either.
  if (unknown < PROBABILITY_MIN && personOf(owner) !== null) return { mine: probability ?? 1, rest };
  const possible = (cluster: Cluster) => {
    const other = owners.cluster(cluster);
    return owners.used.has(other) && !beside.includes(other);
  };
  const { mine, others } = clusterChances(settled, item, possible);
  for (const { cluster, share } of others)
    if (owners.cluster(cluster) !== owner) rest.push({ label: cluster.label, probability: unknown * share });
  return { mine: personOf(owner) === null ? unknown * mine : (probability ?? 1), rest };
}

/** Shares of its own cluster and of others near it, for a face of nobody in the bank. */
function clusterChances({ membership }: Settled, item: Item, possible: (cluster: Cluster) => boolean) {
  const own = item.cluster === undefined ? 0 : (membership.own[item.index] ?? 0);
  const others: { cluster: Cluster; share: number }[] = [];
  let sum = own;
  for (const { cluster, probability } of membership.others(item)) {
    if (!possible(cluster)) continue;
    others.push({ cluster, share: probability });
    sum += probability;
  }
  const total = Math.max(1, sum);
  for (const each of others) each.share /= total;
  if (item.cluster !== undefined && possible(item.cluster)) others.push({ cluster: item.cluster, share: own / total });
  return { mine: own / total, others };
}

function labelOf(owner: string, name: ReadonlyMap<string, string>): string {
  const person = personOf(owner);
  return person === null ? owner.slice('label '.length) : (name.get(person) ?? person);
}

function personOf(owner: string | null): string | null {
  return owner?.startsWith('person ') ? owner.slice('person '.length) : null;
}

/** Every label with its clusters and its best face, in order of the clusters. */
export function identitiesOf(input: IdentifyInput, settled: Settled, pieces: readonly Piece[]): Identity[] {
  const { clusters, memo } = input;
  const cluster_of = new Map(clusters.rows.map((row) => [row.cluster_id, row]));
  const bestOf = bestFaces(input);
  const rows = [...Map.groupBy(pieces.keys(), (i) => (pieces[i] as Piece).label)].flatMap(
    ([label, indexes]): Identity[] => {
      if (label === null) return [];
      const own = indexes.map((i) => ({ piece: pieces[i] as Piece, item: settled.items[i] as Item }));
      const cluster_ids = [...new Set(own.flatMap(({ piece }) => piece.cluster_id ?? []))].sort((a, b) => a - b);
      const items = own.map(({ item }) => item);
      const name = items.map(stretchOf).join(' ');
      const best_face_id = memo === undefined ? bestOf(items) : memo.face(name, () => bestOf(items));
      const long = own.reduce((sum, { piece }) => sum + piece.end_ms - piece.start_ms, 0);
      // A track that clustering alone placed counts as its cluster was estimated.
      const pure = own.map(({ piece }) => {
        const estimate =
          piece.method === 'clustering' ? cluster_of.get(piece.cluster_id ?? -1)?.purity_estimate : undefined;
        return (piece.end_ms - piece.start_ms) * (estimate ?? piece.probability ?? 1);
      });
      const purity_estimate = Math.min(1, Math.max(0, pure.reduce((a, b) => a + b, 0) / long));
      return [
        {
          label,
          person_id: own[0]?.piece.person_id ?? null,
          cluster_ids,
          best_face_id,
          purity_estimate,
        },
      ];
    },
  );
  const first = ({ cluster_ids }: Identity) => cluster_ids[0] ?? Number.POSITIVE_INFINITY;
  return rows.sort((a, b) => (first(a) === first(b) ? (a.label < b.label ? -1 : 1) : first(a) - first(b)));
}

/** Of a run it says which faces and vectors an item has. */
function stretchOf({ piece, row }: Item): string {
  return `${piece.track_id}:${piece.start_ms}-${piece.end_ms}${row === null ? ' part' : ''}`;
}

/** The first of those of highest quality times likeness to the centre of these items; null without a face. */
function bestFaces({ faces, embeddings }: IdentifyInput): (items: readonly Item[]) => string | null {
  let place: Map<string, number> | undefined;
  return (items) => {
    place ??= new Map(faces.map((row, i) => [row.face_id, i]));
    const seen = items.flatMap(({ piece }) => piece.face_ids.flatMap((id) => place?.get(id) ?? []));
    const vectors = items.flatMap(({ vector }) => vector ?? []);
    const weights = items.flatMap(({ vector, weight }) => (vector === null ? [] : [weight]));
    const centre = vectors.length === 0 ? undefined : normalise(mean(vectors, weights));
    // Without vectors for all: as unlike as can be.
    const known = centre === undefined ? [] : seen.flatMap((i) => embeddings.faces[i] ?? []);
    const cosines = centre === undefined ? [] : productsWith(known, centre);
    let best = { id: null as string | null, worth: Number.NEGATIVE_INFINITY };
    let next = 0;
    for (const i of seen) {
      const row = faces[i] as FaceRow;
      const cosine = centre === undefined || embeddings.faces[i] === undefined ? 0 : (cosines[next++] as number);
      const worth = row.quality * Math.max(0, cosine);
      if (worth > best.worth) best = { id: row.face_id, worth };
    }
    return best.id;
  };
}

/** A line for every group, and for every track that was decided otherwise than its group (PRO-12). */
export function auditOf(settled: Settled, pieces: readonly Piece[]): Identities['audit'] {
  const { judge, groups, items, placed } = settled;
  const group_of = new Map(groups.flatMap((group) => group.items.map((item) => [item.index, group] as const)));
  const people = judge.model.bank.people;
  const lines = items.flatMap((item): AssignLine[] => {
    const { opinion, owner, source, band, threshold, blocked } = placed[item.index] as Placed;
    const group = group_of.get(item.index);
    const usual = group === undefined ? null : (people[group.person]?.person_id ?? null);
    const piece = pieces[item.index] as Piece;
    if (source === 'person' || opinion === undefined) return [];
    if (group !== undefined && personOf(owner) === usual && band === (usual === null ? group.line.outcome : 'accept'))
      return [];
    const beside = blocked.map((k) => `${people[k]?.name} is in the same frame`);
    const denied = [...(judge.denied[item.index] ?? [])].map((k) => `a person said that it is not ${people[k]?.name}`);
    const left =
      usual !== null && personOf(owner) !== usual
        ? [`its cluster is ${group?.line.label}, but ${keeping(settled, item, group)}`]
        : [];
    return [
      {
        what: 'track',
        ...{ cluster_id: piece.cluster_id, track_id: piece.track_id },
        candidates: candidatesOf(judge, opinion),
        threshold: threshold ?? judge.limits.accept,
        margin: round(opinion.ranked.margin),
        model_id: judge.model.bank.model_id,
        ...{ outcome: band, label: piece.label },
        reason: [...beside, ...denied, ...left, inWords(judge, opinion)].join('; '),
      },
    ];
  });
  return [...groups.map(({ line }) => line), ...lines];
}

function keeping({ judge, placed }: Settled, item: Item, group: Group | undefined): string {
  const kept = placed[item.index]?.opinion?.shares.people[group?.person ?? -1] ?? 0;
  return `its own ${kept.toFixed(2)} is under ${judge.limits.leave}`;
}
