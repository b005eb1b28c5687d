import { type Html, html } from './html.ts';
import type { ReportInput } from './report.ts';
import { clock, count, grouped, length, percent } from './words.ts';

type Fact = readonly [name: string, value: string];

/** What was run, on what, with what, and what it counted. */
export function runFacts(input: ReportInput): Html {
  return html`<section aria-labelledby="run"><h2 id="run">How these numbers were made</h2>
${table([...mediaFacts(input), ...settings(input)])}
<details><summary>Counts and track metrics</summary>${table(counts(input))}</details>
<details><summary>How people were told apart</summary><p>${input.threshold.reason}</p>${table(clustering(input))}</details>
<details><summary>Stages and their keys</summary>${table(input.summary.stages.map(({ name, key }): Fact => [name, key]))}</details>
</section>`;
}

function table(facts: readonly Fact[]): Html {
  return html`<table class="facts"><tbody>${facts.map(
    ([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>
`,
  )}</tbody></table>`;
}

function mediaFacts({ media, summary }: ReportInput): Fact[] {
  const rate = `${summary.fps_detected.toFixed(2)} fps${media.vfr ? ' (variable)' : ''}`;
  const sound = media.audio_tracks.map((track) => `${track.codec}, ${count(track.channels, 'channel')}`).join('; ');
  return [
    ['Video', `${media.container}, ${media.video_codec}, ${media.width}×${media.height}, ${rate}`],
    ['Sound', sound || 'none'],
  ];
}

function settings({ summary, models }: ReportInput): Fact[] {
  return [
    ['Looked at', `${summary.analyzed_fps.toFixed(2)} frames per second`],
    ['Device', summary.device],
    ['Tracker', summary.tracker],
    ...models.map(({ role, title, licence }): Fact => [capital(role), `${title} — licence: ${licence}`]),
    ['Run', `${summary.run_id} (the same video and settings give the same)`],
  ];
}

function counts({ summary: { identity, counts: n, track_metrics: t, retention } }: ReportInput): Fact[] {
  const share = (part: number | null) => (part === null ? '' : ` (${percent(part)})`);
  const longest = t.longest_tracks.map((track) => `${track.track_id} (${length(track.duration_ms / 1000)})`);
  return [
    ['Cuts', grouped(n.scene_cuts)],
    ['Faces proposed', `${grouped(n.detections_raw)}, of which ${grouped(n.detections_kept)} kept${share(retention)}`],
    [
      'Proposals dropped',
      `${grouped(n.detections_low_conf)} of low score, ${grouped(n.detections_overlap)} overlapping, ${grouped(n.detections_too_small)} too small`,
    ],
    [
      'Tracks',
      `${grouped(t.tracks_born)} born, ${grouped(t.tracks_lost)} lost, ${t.tracks_per_minute.toFixed(1)} a minute`,
    ],
    ['Short tracks', `${percent(t.short_track_fraction)} (${grouped(t.dropped_short)} too short to keep)`],
    ['Suspected identity switches', grouped(t.id_switches)],
    ['Splits at gaps', t.gap_splits.map((s) => `track ${s.track_id} at ${clock(s.at_ms / 1000)}`).join(', ') || 'none'],
    ['Longest tracks', longest.join(', ') || 'none'],
    ['Faces kept for recognition', grouped(n.faces)],
    [
      'People named',
      `${grouped(identity.named)}; ${grouped(identity.unknown)} unknown, ${count(identity.asked, 'track')} to be asked about`,
    ],
  ];
}

function clustering({ threshold }: ReportInput): Fact[] {
  const { same, different } = threshold;
  return [
    ['Similarity threshold', `${threshold.chosen.toFixed(2)} (${threshold.mode})`],
    ['Expected purity', percent(threshold.expected_purity)],
    ['One person', `${same.mean.toFixed(3)} ± ${same.sd.toFixed(3)} (${count(same.n, 'score')} of this episode)`],
    ['Two people', `${different.mean.toFixed(3)} ± ${different.sd.toFixed(3)} (${count(different.n, 'score')})`],
    ['Pairs that share a frame', grouped(threshold.constraints)],
    ['Most tracks of one person', grouped(threshold.merge_cap)],
  ];
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
