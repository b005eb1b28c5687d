const cursor = (text: string) => Buffer.from(text).toString('base64url');

/** Inputs that get past the first look of each tool on a home with the run `pilot`: what is spoiled of these goes far in. */
export const NEARLY_RIGHT: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  run_stage: [{ source: '/nowhere/video.mp4' }, { source: 'pilot' }, { source: 'pilot', until: 'detect' }],
  plan_run: [{ source: '/nowhere/video.mp4' }, { source: 'pilot' }],
  ingest_episode: [{ file: '/nowhere/video.mp4', show: 'abc', season: 1, number: 1 }],
  get_job: [{ job: 'job_000000000000' }, { episode: 'pilot', state: 'queued' }],
  cancel_job: [{ job: 'job_000000000000' }],
  save_catalog: [
    { kind: 'show', show: 'abc', title: 'A' },
    { kind: 'season', show: 'abc', season: 1 },
    { kind: 'episode', show: 'abc', season: 1, number: 1, title: 'A', air_date: '2020-01-01' },
    { kind: 'person', person: 'Ada' },
    { kind: 'cast', show: 'abc', season: 1, people: ['Ada'] },
    { kind: 'featured', person: 'Ada', seed: 'a' },
    { kind: 'legacy', episodes: ['pilot'], show: 'abc', season: 1 },
  ],
  search_catalog: [
    ...['shows', 'seasons', 'people', 'episodes', 'cast'].map((kind) => ({ kind, query: 'a', show: 'abc', season: 1 })),
    { kind: 'presence', query: 'Ada' },
    { kind: 'episodes', after: 'a', limit: 1 },
  ],
  add_seeds: [{ paths: ['/nowhere'], person: 'Ada' }, { remove: ['a'] }, { export_to: 'a' }],
  list_facebank: [{ person: 'Ada' }, { limit: 1, cursor: cursor('people:0') }],
  promote_to_facebank: [
    { episode: 'pilot', person: 'Ada', track: '0' },
    { episode: 'pilot', person: 'Ada', faces: ['0-0'] },
  ],
  list_low_confidence_tracks: [{ episode: 'pilot', limit: 1, sheets: false }],
  show_faces: [
    { episode: 'pilot', track: '0:0-100' },
    { episode: 'pilot', cluster: 'Unknown-1', cursor: cursor('faces:1') },
    { episode: 'pilot', person: 'Unknown-1', sample: 2, limit: 1 },
  ],
  assign_identity: [
    { episode: 'pilot', person: 'Ada', create: true, targets: ['0:0-100', 'Unknown-2'], except: ['3'] },
  ],
  edit_tracks: [
    ...['remove', 'delete', 'lock', 'unlock'].map((action) => ({ episode: 'pilot', action, targets: ['0'] })),
    { episode: 'pilot', action: 'move', targets: ['0'], into: 'Unknown-2' },
    { episode: 'pilot', action: 'merge', targets: ['Unknown-1', 'Unknown-2'], into: 'Ada' },
    { episode: 'pilot', action: 'split', targets: ['0'], at_ms: 400, apply: true },
    { episode: 'pilot', action: 'propagate', targets: ['0'], person: 'Ada' },
    { episode: 'pilot', action: 'split_cluster', targets: ['Unknown-1'] },
  ],
  edit_people: [
    { action: 'rename', person: 'Ada', name: 'Ada B' },
    { action: 'merge', person: 'Ada', into: 'Ada B' },
    { action: 'consent', person: 'Ada', consent: 'given', note: 'a' },
    { action: 'retention', person: 'Ada', retain_until: '2030-01-01' },
    { action: 'delete', person: 'Ada' },
  ],
  undo_change: [{ change_id: 'c_00000000', preview: true }],
  get_history: [{ episode: 'pilot', track: 0 }, { person: 'Ada', limit: 1 }, { cursor: cursor('history:1') }],
  get_screen_time: [{ episode: 'pilot' }],
  get_episode: [{ episode: 'pilot' }],
  export_screen_time: [
    { episode: 'pilot', format: 'csv', table: 'totals', path: 'a.csv' },
    { episode: 'pilot', revision: 1, table: 'delta' },
  ],
  compare_runs: [
    { episode: 'pilot', revision: 1 },
    { episode: 'pilot', reference: 'a.csv' },
    { episode: 'pilot', run_a: 'r_0' },
  ],
  list_clusters: [{ episode: 'pilot', cluster: 'Unknown-1' }],
  list_tracks: [
    { episode: 'pilot', shot: 0 },
    { episode: 'pilot', person: 'Unknown-1', cursor: cursor('tracks:1') },
  ],
  get_diagnostics: [{ episode: 'pilot', confidence: 0.5 }],
  mend_episode: [{ episode: 'pilot' }],
  delete_data: [
    { what: 'person_data', person: 'Ada' },
    { what: 'episode', episode: 'pilot', dry_run: true, confirm: 'DELETE ALL' },
  ],
  list_objects: [
    { kind: 'exports', limit: 1, sort: 'size' },
    { kind: 'facebank', person: 'Ada' },
  ],
  stat_episode: [{ episode: 'pilot' }],
  sign_url: [{ key: 'exports/a.csv' }, { episode: 'pilot', kind: 'manifests', name: 'run.json', ttl_s: 10 }],
  sign_upload: [{ episode: 'pilot', bytes: 10, sha256: '0'.repeat(64) }],
  purge_objects: [
    { kinds: ['frames'], episode: 'pilot', confirm: 'PURGE pilot frames' },
    { kinds: ['all'], show: 'abc', season: 1, number: 1 },
  ],
  apply_lifecycle: [{ dry_run: true }],
  set_lifecycle: [{ frames_days: 1, thumbs_days: 1 }],
  migrate_layout: [{ episode: 'pilot' }],
  query_views: [
    { sql: 'select $1 as a', params: ['a'] },
    { sql: 'select * from v_episode where ep_id = $1', params: ['pilot'], rows_max: 1 },
  ],
  run_analytics: [
    { name: 'co_appearance', season: 1, episode: 'pilot' },
    { name: 'presence_by_person', person: 'Ada', show: 'abc' },
    { name: 'season_totals', show: 'abc', season: 1 },
  ],
};
