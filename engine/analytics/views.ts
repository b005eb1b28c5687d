/** What may be asked: the views of schema sa_report, as the migrations make them. No vectors, no keys, nobody erased. */
export const REPORT_SCHEMA = 'sa_report';

export interface ReportView {
  readonly name: string;
  readonly about: string;
  /** In the order of the view. */
  readonly columns: Readonly<Record<string, string>>;
  /**
   * By what its rows belong to a show: an `ep_id`, a `show`, or by who is seen or cast in it. Of `episode or none`, rows
   * without an episode belong to no show.
   */
  readonly scope: 'episode' | 'episode or none' | 'show' | 'person';
}

const OF_RUN = {
  ep_id: 'the episode',
  run_id: 'the run that found it',
  current: 'true: of the run that counts; almost every question wants `where current`',
};
const SPAN = { start_ms: 'first moment, ms', end_ms: 'the moment after the last, ms' };
const PERSON = { person: 'name, or Unknown-n', person_id: 'null: nobody that is known' };

export const REPORT_VIEWS: readonly ReportView[] = [
  {
    name: 'v_episode',
    about: 'One row an episode: where it belongs, how long it is, how it stands.',
    scope: 'episode',
    columns: {
      ...{ ep_id: 'id, such as pilot-s01e02', show: 'short code; null: in no season', season: 'number of the season' },
      ...{
        season_label: 'name of the season',
        number: 'number in the season',
        title: 'title',
        air_date: 'first shown',
      },
      ...{ source_name: 'name of the video file', duration_ms: 'length, ms', fps: 'frames a second' },
      ...{ width: 'pixels', height: 'pixels', status: 'uploaded, analysing, analysed or failed' },
      ...{ legacy: 'true: in no season', created_at: 'first seen', updated_at: 'last changed' },
    },
  },
  {
    name: 'v_screen_time',
    about: 'Seconds on screen: one row for each person of each run. The view for totals.',
    scope: 'episode',
    columns: {
      ...{ ...OF_RUN, ...PERSON, visual_s: 'seconds seen', visual_low_s: 'lower end of its 95% interval' },
      ...{ visual_high_s: 'upper end of its 95% interval', speaking_s: 'seconds speaking; null: not measured' },
      ...{ both_s: 'seconds seen and speaking; null: not measured', confidence: 'how sure, 0..1' },
      ...{ share: 'of the episode, 0..1', first_seen_ms: 'ms', last_seen_ms: 'ms' },
      ...{ appearances: 'how many', tracks: 'how many' },
    },
  },
  {
    name: 'v_appearance',
    about: 'When somebody is on screen: spans of a person within a shot. The view for who is seen with whom, and when.',
    scope: 'episode',
    columns: { ...OF_RUN, person: PERSON.person, shot_id: 'the shot', ...SPAN },
  },
  {
    name: 'v_assignment',
    about: 'Whose each stretch of a track is, who said so, and how surely.',
    scope: 'episode',
    columns: {
      ...{ ...OF_RUN, track_id: 'the track', ...SPAN, ...PERSON, label_source: 'machine or person' },
      ...{
        method: 'how it was found',
        band: 'accept, ask, unknown or decided',
        score: 'likeness',
        threshold: 'wanted',
      },
      ...{ probability: '0..1', margin: 'to the next person', locked: 'true: a person locked it' },
      ...{ change_id: 'the decision behind it' },
    },
  },
  {
    name: 'v_track',
    about: 'Faces followed within a shot.',
    scope: 'episode',
    columns: {
      ...{ ...OF_RUN, track_id: 'the track', shot_id: 'the shot', ...SPAN, detections: 'faces seen', cluster: 'label' },
    },
  },
  {
    name: 'v_cluster',
    about: 'Groups of tracks that machines took for one person, before anybody was named.',
    scope: 'episode',
    columns: {
      ...{ ...OF_RUN, cluster_id: 'the cluster', label: 'Unknown-n', person: 'name given to it', cohesion: 'likeness' },
      ...{ purity_estimate: 'share of its faces that are one person, 0..1', tracks: 'how many' },
    },
  },
  {
    name: 'v_shot',
    about: 'Shots between cuts.',
    scope: 'episode',
    columns: { ...OF_RUN, shot_id: 'the shot', ...SPAN, begins: 'start, cut or fade' },
  },
  {
    name: 'v_run',
    about: 'Runs: with which models and settings an episode was analysed.',
    scope: 'episode',
    columns: {
      ...{ ...OF_RUN, analyzed_fps: 'frames looked at a second', detector: 'model', embedder: 'model' },
      ...{ tracker: 'method', device: 'what it ran on', duration_ms: 'ms', counts: 'json: how many of what' },
      ...{ settings_hash: 'the same for the same settings', created_at: 'when it was published' },
    },
  },
  {
    name: 'v_person',
    about: 'People who have a name.',
    scope: 'person',
    columns: {
      ...{ person_id: 'id', name: 'name', consent: 'unknown, given or withdrawn', retain_until: 'date' },
      ...{ seeds: 'photos that recognise them', created_at: 'since', updated_at: 'last changed' },
    },
  },
  {
    name: 'v_cast',
    about: 'Who is in the cast of which season.',
    scope: 'show',
    columns: { show: 'short code', season: 'number', person: 'name' },
  },
  {
    name: 'v_change',
    about: 'The log of what people decided: kinds and times, no words.',
    scope: 'episode or none',
    columns: {
      ...{ seq: 'order', change_id: 'id', kind: 'what was done', ep_id: 'the episode; null: of none' },
      ...{ target: 'the change that it undoes or redoes', created_at: 'when', hash: 'of the chain' },
    },
  },
];

export const reportViews: ReadonlySet<string> = new Set(REPORT_VIEWS.map(({ name }) => name));
export const reportColumns: ReadonlySet<string> = new Set(REPORT_VIEWS.flatMap(({ columns }) => Object.keys(columns)));
