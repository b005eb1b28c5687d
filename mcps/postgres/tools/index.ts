import { listViews } from './list-views.ts';
import { queryViews } from './query-views.ts';
import { runAnalytics } from './run-analytics.ts';

export const served = [listViews, queryViews, runAnalytics] as const;

export const tools = [...served] as const;
