import type { FaceRoute } from '#mcps/kit/server-face.ts';

/** Jobs of older clients: the pipeline as far as the stage that they name, waited for (with progress as events) or followed by its id. */
const job = (name: string, until: string): FaceRoute[] =>
  [true, false].map((wait) => ({
    method: 'POST',
    path: `/jobs/${name}${wait ? '' : '_async'}`,
    tool: 'run_stage',
    input: (_, fields) => ({ ...fields, until, wait }),
  }));

/** Addresses that older clients know, each of one tool. */
export const routes: readonly FaceRoute[] = [
  {
    method: 'POST',
    path: '/shows',
    tool: 'save_catalog',
    input: (_, { slug, ...rest }) => ({ kind: 'show', show: slug, ...rest }),
  },
  {
    method: 'POST',
    path: '/episodes/upsert_by_id',
    tool: 'save_catalog',
    input: (_, { ep_id, ...rest }) => ({ kind: 'episode', ...(ep_id !== undefined && { episode: ep_id }), ...rest }),
  },
  {
    method: 'GET',
    path: '/episodes/{episode}/screen_time',
    tool: 'get_screen_time',
    input: (variables, fields) => ({ ...fields, ...variables }),
  },
  {
    method: 'GET',
    path: '/episodes/{episode}/tracks/{track}/crops',
    tool: 'show_faces',
    input: (variables, { start_after, ...fields }) => ({
      ...fields,
      ...(start_after !== undefined && { cursor: start_after }),
      ...variables,
    }),
  },
  {
    method: 'GET',
    path: '/episodes/{episode}/identities',
    tool: 'list_clusters',
    input: (variables, fields) => ({ ...fields, ...variables }),
  },
  {
    method: 'POST',
    path: '/episodes/{episode}/identities/{identity}/rename',
    tool: 'assign_identity',
    input: ({ episode, identity }, fields) => ({ ...fields, episode, targets: [identity] }),
  },
  {
    method: 'POST',
    path: '/episodes/{episode}/identities/{identity}/{action}', // merge, move, remove, delete, lock, ...
    tool: 'edit_tracks',
    input: ({ episode, identity, action }, fields) => ({ ...fields, episode, action, targets: [identity] }),
  },
  {
    method: 'POST',
    path: '/episodes/{episode}/delete',
    tool: 'delete_data',
    input: (variables, fields) => ({ ...fields, what: 'episode', ...variables }),
  },
  {
    method: 'POST',
    path: '/episodes/delete_all',
    tool: 'delete_data',
    input: (_, fields) => ({ ...fields, what: 'everything' }),
  },
  ...job('detect', 'detect'),
  ...job('detect_track', 'track'),
  ...job('faces_embed', 'embed'),
  ...job('cluster', 'cluster'),
  { method: 'GET', path: '/jobs/{job}/status', tool: 'get_job', input: (variables) => variables, output: jobOf },
  { method: 'GET', path: '/jobs/{job}/progress', tool: 'get_job', input: (variables) => variables, output: progressOf },
  { method: 'POST', path: '/jobs/{job}/cancel', tool: 'cancel_job', input: (variables) => variables },
  {
    method: 'GET',
    path: '/episodes/{episode}/progress',
    tool: 'get_job',
    input: (variables) => ({ ...variables, limit: 1 }),
    output: progressOf,
  },
];

function jobOf({ jobs }: Readonly<Record<string, unknown>>): unknown {
  return Array.isArray(jobs) ? jobs[0] : undefined;
}

/** The same object as in the stream of a call that is waited for. */
function progressOf({ progress }: Readonly<Record<string, unknown>>): unknown {
  return progress;
}
