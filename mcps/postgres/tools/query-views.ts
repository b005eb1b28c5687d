import { z } from 'zod';
import { defineTool } from '#mcps/kit/tool.ts';
import { Answer, answerInputs, answerOf } from '../answer.ts';

const SQL_CHARS_MAX = 10_000;
const PARAMS_MAX = 50;

export const queryViews = defineTool({
  name: 'query_views',
  title: 'Query the views with SQL',
  description:
    'Runs one SELECT (Postgres) over the reporting views, such as v_screen_time; read only, with caps on rows, size and time. Values go in params ($1, $2). list_views names the views and columns.',
  effect: 'read',
  errors: ['SQL_REFUSED', 'SQL_LIMIT', 'ANALYTICS_UNAVAILABLE'],
  example: { sql: 'select person, visual_s from v_screen_time where ep_id = $1', params: ['rhobh-s05e17'] },
  input: z.object({
    sql: z.string().min(1).max(SQL_CHARS_MAX).describe('One SELECT, WITH or VALUES; most want `where current`'),
    params: z.array(z.string()).max(PARAMS_MAX).optional().describe('Values of $1, $2, ... as text'),
    ...answerInputs,
  }),
  output: Answer,
  run: async ({ sql, params = [], format, rows_max }, { engine, signal }) =>
    answerOf(await engine.analytics.ask({ sql, params, rows_max }, signal), format),
});
