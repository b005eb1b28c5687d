import { expect, test } from 'vitest';
import { galleryMarkdown, measureGallery } from '#engine/eval/gallery.ts';
import { openDb } from '#engine/store/db.ts';
import { temporaryHome } from '../support/home.ts';

test('DAT-03: 2,000 clustered tracks in the embedded database: at least 99% of the true ten nearest are found', async () => {
  const db = await openDb({ home: temporaryHome(), database_url: null });
  try {
    const stopped = { tracks: 400, dim: 8, queries: 2, signal: AbortSignal.abort(new Error('enough')) };
    await expect(measureGallery(db, stopped)).rejects.toThrow('enough');
    await db.write((q) => q.query(`delete from sa.episode`));

    const seen: string[] = [];
    const figures = await measureGallery(db, {
      ...{ tracks: 2000, dim: 128, queries: 40, signal: new AbortController().signal },
      progress: (what, done, total) => seen.push(`${what} ${done}/${total}`),
    });
    expect(figures.recall_at_10).toBeGreaterThanOrEqual(0.99);
    expect(figures.recall_at_10).toBeLessThanOrEqual(1);
    expect(figures).toMatchObject({ tracks: 2000, dim: 128, people: 40, queries: 40 });
    expect(Math.min(figures.insert_s, figures.index_s, figures.query_ms_median)).toBeGreaterThan(0);
    expect(seen).toContain('vectors 2000/2000');
    const kinds = await db.read((q) =>
      q.query<{ n: number }>(`select count(*)::int as n from sa.embedding where owner_type = 'track'`),
    );
    expect(kinds).toEqual([{ n: 2000 }]);
    const text = galleryMarkdown(figures, { cores: 2, cpu: 'made up', date: '2000-01-01', is_server: false });
    expect(text).toContain(`| 2000 | ${figures.recall_at_10.toFixed(4)} | pass |`);
  } finally {
    await db.close();
  }
});
