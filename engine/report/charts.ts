import type { Config, TopLevelSpec } from 'vega-lite';
import type { ScreenTimeRow, Shot, TimelineRow } from '#engine/core/artifacts.ts';
import { colourOf } from './style.ts';
import { length } from './words.ts';

/** Pixels of the drawings; the page scales them. The totals are drawn narrow, to be read on a phone too. */
const TIMELINE_WIDTH = 960;
const TOTALS_WIDTH = 520;
/** Left of the bars, for names. */
const NAMES_WIDTH = 140;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

const LOOK: Config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  padding: 4,
  view: { stroke: null },
  // Screen readers get the table beside each chart; a label on every mark would be noise and bytes.
  aria: false,
  axis: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    domainColor: 'currentColor',
    tickColor: 'currentColor',
    gridColor: 'currentColor',
    gridOpacity: 0.12,
    domainOpacity: 0.3,
    tickOpacity: 0.3,
    labelFontSize: 13,
    labelLimit: NAMES_WIDTH - 10,
  },
};

/** Visible time per person, longest first, as SVG. */
export async function totalsChart(rows: readonly ScreenTimeRow[]): Promise<string> {
  const values = rows.map((row, place) => ({
    row: String(place),
    person: row.person,
    seconds: row.visual_s,
    words: length(row.visual_s),
    colour: colourOf(place),
  }));
  const y = {
    field: 'row',
    type: 'ordinal',
    sort: null,
    axis: nameAxis(values.map((v) => v.person)),
    title: null,
  } as const;
  return draw({
    width: TOTALS_WIDTH - NAMES_WIDTH,
    height: { step: 30 },
    data: { values },
    encoding: { y },
    layer: [
      {
        // No rounded corners: vega would clip each bar, with ids that it counts up from drawing to drawing.
        mark: { type: 'bar', height: { band: 0.72 } },
        encoding: {
          x: { field: 'seconds', type: 'quantitative', axis: null, scale: { domain: [0, top(values) * 1.28] } },
          fill: { field: 'colour', type: 'nominal', scale: null },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 14, fill: 'currentColor' },
        encoding: { x: { field: 'seconds', type: 'quantitative' }, text: { field: 'words' } },
      },
    ],
    config: LOOK,
  });
}

/** A stretch of a row of the timeline, seconds. */
export interface Bar {
  readonly row: string;
  readonly from: number;
  readonly to: number;
  readonly colour: string;
}

/** When each person is seen (one row each) under a strip of the shots, as SVG. */
export async function timelineChart(
  people: readonly ScreenTimeRow[],
  timeline: readonly TimelineRow[],
  shots: readonly Shot[],
  duration_ms: number,
): Promise<string> {
  const place = new Map(people.map((row, i) => [row.person, i]));
  const seconds = (ms: number) => ms / 1000;
  const strip = shots.map((shot, i) => ({
    row: 'shots',
    from: seconds(shot.start_ms),
    to: seconds(shot.end_ms),
    colour: i % 2 === 0 ? 'var(--shot-a)' : 'var(--shot-b)',
  }));
  const spans = timeline.flatMap((row) => {
    const at = place.get(row.person);
    if (at === undefined) return [];
    return [{ row: String(at), from: seconds(row.start_ms), to: seconds(row.end_ms), colour: colourOf(at) }];
  });
  const names = people.map((row) => row.person);
  return withBars(names, seconds(duration_ms), [...strip, ...spans]);
}

/**
 * The same picture as `timelineSpec` gives of all bars, to the last byte: one bar of each row is drawn by vega, and the thousands of an hour
 * are put in their place, which takes a hundredth of the time.
 */
async function withBars(names: readonly string[], end: number, bars: readonly Bar[]): Promise<string> {
  const rows = rowsOf(names);
  const whole = rows.map((row) => ({ row, from: 0, to: end, colour: row }));
  const drawn = await draw(timelineSpec(names, end, end > 0 ? whole : bars));
  const found = [...drawn.matchAll(WHOLE_BAR)];
  if (!(end > 0) || found.length !== rows.length) return draw(timelineSpec(names, end, bars));
  const lines = new Map(found.map(([, y, height, row]) => [row, { y, height }]));
  const at = (seconds: number) => BARS_WIDTH * (seconds / end);
  const paths = bars.map(({ row, from, to, colour }) => {
    const { y, height } = lines.get(row) as { y: string; height: string };
    const [x, width] = [at(from), at(to) - at(from)];
    return `<path d="M${x},${y}h${width}v${height}h${-width}Z" fill="${colour}" stroke="${colour}" stroke-width="0.8"/>`;
  });
  const first = found[0] as RegExpExecArray;
  const last = found.at(-1) as RegExpExecArray;
  return drawn.slice(0, first.index) + paths.join('') + drawn.slice(last.index + last[0].length);
}

const BARS_WIDTH = TIMELINE_WIDTH - NAMES_WIDTH;
/** A bar from one end to the other, whose colour is the name of its row. */
const WHOLE_BAR = new RegExp(
  `<path d="M0,([\\d.]+)h${BARS_WIDTH}v([\\d.]+)h-${BARS_WIDTH}Z" fill="(shots|\\d+)" stroke="\\3" stroke-width="0.8"/>`,
  'g',
);

function rowsOf(names: readonly string[]): string[] {
  return ['shots', ...names.map((_, i) => String(i))];
}

export function timelineSpec(names: readonly string[], end: number, bars: readonly Bar[]): TopLevelSpec {
  return {
    width: BARS_WIDTH,
    height: { step: 26 },
    data: { values: [...bars] },
    // A stroke of its own colour keeps an appearance of a few frames visible in an hour.
    mark: { type: 'rect', strokeWidth: 0.8, height: { band: 0.7 } },
    encoding: {
      y: { field: 'row', type: 'ordinal', title: null, scale: { domain: rowsOf(names) }, axis: nameAxis(names) },
      x: {
        field: 'from',
        type: 'quantitative',
        scale: { domain: [0, end], nice: false, zero: true },
        axis: { title: null, values: ticks(end), labelExpr: clockExpression(end), grid: true },
      },
      x2: { field: 'to' },
      fill: { field: 'colour', type: 'nominal', scale: null },
      stroke: { field: 'colour', type: 'nominal', scale: null },
    },
    config: LOOK,
  };
}

/** Rows are keyed by their place, for a name may be any words; the axis shows the names. */
function nameAxis(names: readonly string[]) {
  const list = JSON.stringify(names);
  return {
    domain: false,
    ticks: false,
    labelPadding: 8,
    labelOverlap: false,
    labelExpr: `datum.value === 'shots' ? 'Shots' : ${list}[toNumber(datum.value)]`,
    minExtent: NAMES_WIDTH - 10,
    maxExtent: NAMES_WIDTH - 10,
  } as const;
}

function top(values: readonly { seconds: number }[]): number {
  return values.reduce((most, value) => Math.max(most, value.seconds), 0) || 1;
}

/** At most about ten round moments. */
function ticks(end_s: number): number[] {
  const step = STEPS_S.find((s) => end_s / s <= 10) ?? 7200;
  return Array.from({ length: Math.floor(end_s / step) + 1 }, (_, i) => i * step);
}

function clockExpression(end_s: number): string {
  const seconds = `format(datum.value % 60, '02d')`;
  if (end_s < 3600) return `floor(datum.value / 60) + ':' + ${seconds}`;
  return `floor(datum.value / 3600) + ':' + format(floor(datum.value / 60) % 60, '02d') + ':' + ${seconds}`;
}

/**
 * The same specification gives the same bytes: nothing here needs the ids that vega counts up. It is read when something is drawn: most
 * commands draw nothing, and it has hundreds of files.
 */
export async function draw(spec: TopLevelSpec): Promise<string> {
  const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
