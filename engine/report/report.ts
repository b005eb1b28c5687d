import type { Artifacts, Media, Shot, TimelineRow } from '#engine/core/artifacts.ts';
import type { RunSummary } from '#engine/core/summary.ts';
import { timelineChart, totalsChart } from './charts.ts';
import { runFacts } from './facts.ts';
import { dot, type Html, html, trusted } from './html.ts';
import { peopleSection, type ReportFace, type ReportPerson } from './people.ts';
import { STYLE } from './style.ts';
import { clock, count, grouped, length, percent } from './words.ts';

export interface ReportModel {
  /** `detector`, `embedder`. */
  readonly role: string;
  readonly title: string;
  readonly licence: string;
}

export interface ReportInput {
  readonly summary: RunSummary;
  readonly media: Media;
  readonly shots: readonly Shot[];
  readonly timeline: readonly TimelineRow[];
  readonly people: readonly ReportPerson[];
  /** Tracks that look as if they belonged elsewhere; both by label. */
  readonly suspects: readonly {
    readonly track_id: number;
    readonly own: string;
    readonly other: string;
    readonly reason: Artifacts['clusters']['contamination'][number]['reason'];
  }[];
  readonly threshold: Artifacts['clusters']['threshold'];
  /** Best first of each person; a limited number is shown. */
  readonly faces: readonly ReportFace[];
  readonly models: readonly ReportModel[];
}

/** Rows of the charts; the table has everybody. */
const CHART_ROWS_MAX = 40;
const WARNINGS_MAX = 12;

/**
 * One HTML page that needs nothing else: no script, no link to outside, pictures inside. The same input gives the same
 * bytes: it holds no clock, no timing and no path of the machine.
 */
export async function buildReport(input: ReportInput): Promise<string> {
  const { summary, media, shots, timeline } = input;
  const shown = summary.screen_time.slice(0, CHART_ROWS_MAX);
  const hidden = summary.screen_time.length - shown.length;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Screen time: ${summary.episode}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<header>
<h1>${summary.episode}</h1>
<p class="soft">Screen time per person &middot; ${clock(media.duration_ms / 1000)} &middot; ${media.width}&times;${media.height}</p>
${tiles(input)}
</header>
<main>
${warnings(input)}
<section aria-labelledby="totals"><h2 id="totals">Who is on screen, and how long</h2>
${shown.length === 0 ? html`<p>No face was found in this episode.</p>` : figure('totals', await totalsChart(shown), 'Bar chart of the visible time of each person; the table below has the same numbers.')}
${hidden > 0 ? html`<p class="soft">And ${count(hidden, 'more person', 'more people')} in the table.</p>` : undefined}
${totalsTable(summary)}
</section>
<section aria-labelledby="timeline"><h2 id="timeline">When</h2>
${figure('timeline', await timelineChart(shown, timeline, shots, media.duration_ms), `Timeline: ${count(shots.length, 'shot')} on top, then one row per person with every appearance; the list below has the same moments.`)}
${appearances(input)}
</section>
${peopleSection(input)}
${runFacts(input)}
</main>
<footer>${summary.identity.named > 0 ? 'Names come from the facebank and from what people decided; Unknown-1 and the like' : 'Names such as Unknown-1'} are given by screen time, longest first${summary.identity.named > 0 ? undefined : '; nobody is identified'}. Run ${summary.run_id}.</footer>
</body>
</html>
`;
  return page.html;
}

function figure(name: string, svg: string, words: string): Html {
  const rest = svg.slice('<svg '.length);
  return html`<div class="scroll chart ${name}" tabindex="0"><svg role="img" aria-label="${words}" ${trusted(rest)}</div>`;
}

function tiles({ summary, media }: ReportInput): Html {
  const { counts } = summary;
  const facts: [string, string][] = [
    [grouped(counts.people), counts.people === 1 ? 'person' : 'people'],
    [clock(media.duration_ms / 1000), 'runtime'],
    [grouped(counts.scene_cuts), counts.scene_cuts === 1 ? 'cut' : 'cuts'],
    [grouped(counts.tracks), 'face tracks'],
    [grouped(counts.faces), 'faces kept'],
    [`${summary.analyzed_fps.toFixed(1)} fps`, 'looked at'],
  ];
  return html`<ul class="tiles">${facts.map(([value, name]) => html`<li><b>${value}</b><span>${name}</span></li>`)}</ul>`;
}

function totalsTable({ screen_time }: RunSummary): Html | undefined {
  if (screen_time.length === 0) return undefined;
  return html`<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Person</th><th scope="col">Visible</th><th scope="col">95% interval</th><th scope="col">Of runtime</th><th scope="col">Appearances</th><th scope="col">Tracks</th><th scope="col">First seen</th><th scope="col">Last seen</th></tr></thead>
<tbody>${screen_time.map(
    (row, i) =>
      html`<tr><th scope="row">${dot(i)}${row.person}</th><td>${length(row.visual_s)}</td><td>${length(row.visual_low_s)} to ${length(row.visual_high_s)}</td><td>${percent(row.share)}</td><td>${grouped(row.appearances)}</td><td>${grouped(row.tracks)}</td><td>${clock(row.first_seen_ms / 1000)}</td><td>${clock(row.last_seen_ms / 1000)}</td></tr>
`,
  )}</tbody></table></div>`;
}

function appearances({ summary, timeline }: ReportInput): Html | undefined {
  if (timeline.length === 0) return undefined;
  const people = summary.screen_time.map((row) => {
    const own = timeline.filter((span) => span.person === row.person);
    const moments = own.map((span) => `${clock(span.start_ms / 1000)}\u2013${clock(span.end_ms / 1000)}`);
    return html`<tr><th scope="row">${row.person}</th><td>${moments.join(', ')}</td></tr>
`;
  });
  return html`<details><summary>Every appearance</summary><table class="facts"><tbody>${people}</tbody></table></details>`;
}

/** What a person should look at before trusting the numbers. */
function warnings({ summary, suspects }: ReportInput): Html | undefined {
  const reasons = {
    nearer_to_other: (other: string) => `looks more like ${other}`,
    outlier: () => 'looks unlike the rest of its person',
    mixed_track: () => 'may hold two people',
  };
  const all = [
    ...summary.warnings,
    ...suspects.map(({ track_id, own, other, reason }) => `Track ${track_id} of ${own} ${reasons[reason](other)}.`),
    ...summary.track_metrics.long_tracks.map((id) => `Track ${id} is unusually long: a cut may have been missed.`),
  ];
  if (all.length === 0) return undefined;
  const more = all.length - WARNINGS_MAX;
  return html`<section class="warn" aria-labelledby="check"><h2 id="check">Worth a look</h2><ul>${all
    .slice(0, WARNINGS_MAX)
    .map(
      (line) => html`<li>${line}</li>`,
    )}</ul>${more > 0 ? html`<p>And ${count(more, 'more like these', 'more like these')}.</p>` : undefined}</section>`;
}
