import type { Db } from '#engine/store/db.ts';

const TABLES = [
  'run',
  'shot',
  'detection',
  'track',
  'face',
  'embedding',
  'cluster',
  'cluster_track',
  'screen_time',
  'appearance',
  'identity',
  'assignment',
  'revision',
];

export async function rowCounts(db: Db): Promise<Record<string, number>> {
  const pairs = TABLES.map(async (table) => [table, await count(db, `sa.${table}`)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

export async function count(db: Db, table: string): Promise<number> {
  const [row] = await db.read((q) => q.query<{ n: number }>(`select count(*) as n from ${table}`));
  return row?.n ?? Number.NaN;
}

export async function relations(db: Db): Promise<string[]> {
  const rows = await db.read((q) =>
    q.query<{ name: string }>(
      `select table_schema || '.' || table_name as name from information_schema.tables where table_schema like 'sa%'`,
    ),
  );
  return rows.map((row) => row.name);
}

/** Brute force: track -> cosine similarity of the k nearest. */
export function nearestByHand(
  tracks: { track_id: number; vector: Float32Array }[],
  query: Float32Array,
  k: number,
): Map<number, number> {
  const similar = tracks.map(({ track_id, vector }): [number, number] => [
    track_id,
    vector.reduce((sum, x, i) => sum + x * (query[i] ?? 0), 0),
  ]);
  return new Map(similar.sort((a, b) => b[1] - a[1]).slice(0, k));
}
