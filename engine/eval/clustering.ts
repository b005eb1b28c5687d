import { ratio } from './ratio.ts';

/** So much face-time that one cluster claims and that truly belongs to one person. */
export interface ClusterItem {
  /** null: a face in no cluster. */
  readonly cluster: string | number | null;
  /** null: nobody's face, or of somebody whom the truth does not know. */
  readonly person: string | null;
  /** Face-time, ms. */
  readonly weight: number;
}

export interface ClusterScore {
  /** Share of the clusters' time that lies with its cluster's main person. */
  purity: number;
  /** Share of the people's time that lies with its person's main cluster. */
  coverage: number;
  bcubed: { precision: number; recall: number; f: number };
  clusters: number;
  people: number;
  /** Clusters with any known face divided by people with any. */
  clusters_per_person: number;
}

/**
 * Purity and coverage weighted by time, as pyannote.metrics defines them (Bredin 2017): a false face costs purity, a face outside every
 * cluster costs coverage. BCubed (Bagga, Baldwin 1998; Amigo et al. 2009) takes every millisecond that has a cluster and a person as an item.
 */
export function scoreClusters(items: readonly ClusterItem[]): ClusterScore {
  const table: Table = new Map();
  for (const { cluster, person, weight } of items)
    if (cluster !== null && person !== null && weight > 0) put(table, cluster, person, weight);
  const people = transpose(table);
  const precision = bcubed(table);
  const recall = bcubed(people);
  const clustered = total(items.flatMap(({ cluster, weight }) => (cluster === null ? [] : [weight])));
  const known = total(items.flatMap(({ person, weight }) => (person === null ? [] : [weight])));
  return {
    purity: ratio(largest(table), clustered),
    coverage: ratio(largest(people), known),
    bcubed: { precision, recall, f: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall) },
    clusters: table.size,
    people: people.size,
    clusters_per_person: ratio(table.size, people.size),
  };
}

type Table = Map<string | number, Map<string | number, number>>;

function transpose(table: Table): Table {
  const out: Table = new Map();
  for (const [row, cells] of table) for (const [column, weight] of cells) put(out, column, row, weight);
  return out;
}

function put(table: Table, row: string | number, column: string | number, weight: number): void {
  const cells = table.get(row) ?? new Map<string | number, number>();
  cells.set(column, (cells.get(column) ?? 0) + weight);
  table.set(row, cells);
}

/** Weight in the largest cell of each row. */
function largest(table: Table): number {
  return total([...table.values()].map((cells) => Math.max(...cells.values())));
}

/** Mean over all items of the share of an item's row that has the item's column. */
function bcubed(table: Table): number {
  const rows = [...table.values()].map((cells) => [...cells.values()]);
  const shares = rows.map((cells) => total(cells.map((weight) => weight ** 2)) / total(cells));
  return ratio(total(shares), total(rows.flat()));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0);
}
