import { z } from 'zod';
import { columnTypes } from '#engine/analytics/saved.ts';
import { REPORT_VIEWS } from '#engine/analytics/views.ts';
import { defineTool } from '#mcps/kit/tool.ts';

const names = REPORT_VIEWS.map(({ name }) => name) as [string, ...string[]];

export const listViews = defineTool({
  name: 'list_views',
  title: 'Views that can be queried',
  description:
    'Lists the reporting views (episodes, screen time, appearances, people, runs) with their columns; of one view, each column with type and meaning. Read it before query_views.',
  effect: 'read',
  errors: [],
  example: { view: 'v_screen_time' },
  input: z.object({ view: z.enum(names).optional().describe('Describe this view; without it, all are listed') }),
  output: z.object({
    views: z.array(z.object({ name: z.string(), about: z.string(), columns: z.array(z.string()) })),
    /** Of the view that was asked for. */
    columns: z.array(z.object({ name: z.string(), type: z.string(), about: z.string() })),
    /** Short codes: only these shows' rows can be asked; empty: all. */
    shows: z.array(z.string()),
  }),
  run: async ({ view }, { engine }) => {
    const asked = REPORT_VIEWS.filter(({ name }) => view === undefined || name === view);
    const types = view === undefined ? new Map<string, string>() : await columnTypes(await engine.db());
    return {
      views: asked.map(({ name, about, columns }) => ({ name, about, columns: Object.keys(columns) })),
      columns: asked.flatMap((each) =>
        each.name !== view
          ? []
          : Object.entries(each.columns).map(([name, about]) => {
              return { name, type: types.get(`${view}.${name}`) ?? 'text', about };
            }),
      ),
      shows: [...engine.config.analytics.shows],
    };
  },
});
