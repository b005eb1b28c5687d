import type { Config, TopLevelSpec } from 'vega-lite';
import type { ScreenTimeRow, Shot, TimelineRow } from '#engine/core/artifacts.ts';
import { once } from '#engine/core/once.ts';
import { colourOf } from './style.ts';
import { length } from './words.ts';

/** Pixels of the drawings; the page scales them. The totals are drawn narrow, to be read on a phone too. */
const TIMELINE_WIDTH = 960;
const TOTALS_WIDTH = 520;
/** Left of the bars, for names. */
const NAMES_WIDTH = 140;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Name of the rows that are drawn. */
const ROWS = 'rows';

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

/** Rows are keyed by their place, for a name may be any words; the axis shows the names. */
const NAME_AXIS = {
  domain: false,
  ticks: false,
  labelPadding: 8,
  labelOverlap: false,
  labelExpr: `datum.value === 'shots' ? 'Shots' : names[toNumber(datum.value)]`,
  minExtent: NAMES_WIDTH - 10,
  maxExtent: NAMES_WIDTH - 10,
} as const;

const drawTotals = drawer({
  width: TOTALS_WIDTH - NAMES_WIDTH,
  height: { step: 30 },
  data: { name: ROWS },
  params: [{ name: 'names' }, { name: 'most' }],
  encoding: { y: { field: 'row', type: 'ordinal', sort: null, axis: NAME_AXIS, title: null } },
  layer: [
    {
      // No rounded corners: vega would clip each bar, with ids that it counts up from drawing to drawing.
      mark: { type: 'bar', height: { band: 0.72 } },
      encoding: {
        x: { field: 'seconds', type: 'quantitative', axis: null, scale: { domain: [0, { expr: 'most' }] } },
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

/** Visible time per person, longest first, as SVG. */
export async function totalsChart(rows: readonly ScreenTimeRow[]): Promise<string> {
  const bars = rows.map((row, place) => ({
    row: String(place),
    seconds: row.visual_s,
    words: length(row.visual_s),
    colour: colourOf(place),
  }));
  return drawTotals(bars, { names: rows.map(({ person }) => person), most: top(bars) * 1.28 });
}

const BARS_WIDTH = TIMELINE_WIDTH - NAMES_WIDTH;

const SECONDS = `format(datum.value % 60, '02d')`;
const CLOCK = `end < 3600
  ? floor(datum.value / 60) + ':' + ${SECONDS}
  : floor(datum.value / 3600) + ':' + format(floor(datum.value / 60) % 60, '02d') + ':' + ${SECONDS}`;

const drawTimeline = drawer({
  width: BARS_WIDTH,
  height: { step: 26 },
  data: { name: ROWS },
  params: [{ name: 'names' }, { name: 'lines' }, { name: 'end' }, { name: 'moments' }],
  // A stroke of its own colour keeps an appearance of a few frames visible in an hour.
  mark: { type: 'rect', strokeWidth: 0.8, height: { band: 0.7 } },
  encoding: {
    y: { field: 'row', type: 'ordinal', title: null, scale: { domain: { expr: 'lines' } }, axis: NAME_AXIS },
    x: {
      field: 'from',
      type: 'quantitative',
      scale: { domain: [0, { expr: 'end' }], nice: false, zero: true },
      axis: { title: null, values: { expr: 'moments' }, labelExpr: CLOCK, grid: true },
    },
    x2: { field: 'to' },
    fill: { field: 'colour', type: 'nominal', scale: null },
    stroke: { field: 'colour', type: 'nominal', scale: null },
  },
  config: LOOK,
});

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
 * The same picture as `drawBars` gives of all bars, to the last byte: one bar of each row is drawn by vega, and the thousands of an hour
 * are put in their place, which takes a hundredth of the time.
 */
async function withBars(names: readonly string[], end: number, bars: readonly Bar[]): Promise<string> {
  if (!(end > 0)) return drawBars(names, end, bars);
  const rows = rowsOf(names);
  const drawn = await drawBars(
    names,
    end,
    rows.map((row) => ({ row, from: 0, to: end, colour: row })),
  );
  const found = [...drawn.matchAll(WHOLE_BAR)];
  if (found.length !== rows.length) return drawBars(names, end, bars);
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

/** A bar from one end to the other, whose colour is the name of its row. */
const WHOLE_BAR = new RegExp(
  `<path d="M0,([\\d.]+)h${BARS_WIDTH}v([\\d.]+)h-${BARS_WIDTH}Z" fill="(shots|\\d+)" stroke="\\3" stroke-width="0.8"/>`,
  'g',
);

function rowsOf(names: readonly string[]): string[] {
  return ['shots', ...names.map((_, i) => String(i))];
}

/** All bars by vega, which is the truth that the faster way above is held to. `end`: of the episode, seconds. */
export function drawBars(names: readonly string[], end: number, bars: readonly Bar[]): Promise<string> {
  return drawTimeline(bars, { names, lines: rowsOf(names), end, moments: ticks(end) });
}

function top(values: readonly { seconds: number }[]): number {
  return values.reduce((most, value) => Math.max(most, value.seconds), 0) || 1;
}

/** At most about ten round moments. */
function ticks(end_s: number): number[] {
  const step = STEPS_S.find((s) => end_s / s <= 10) ?? 7200;
  return Array.from({ length: Math.floor(end_s / step) + 1 }, (_, i) => i * step);
}

type Draw = (rows: readonly object[], values: Readonly<Record<string, unknown>>) => Promise<string>;

/**
 * Draws a specification with these rows and with these values of its params. The same gives the same bytes: nothing here needs the ids that vega counts
 * up. A season is drawn with two specifications, so what differs between episodes is no part of them: to compile one takes twice the time of drawing it.
 */
function drawer(spec: TopLevelSpec): Draw {
  const compiled = once(async () => {
    // They are read when something is drawn: most commands draw nothing, and they have hundreds of files.
    const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
    return { runtime: parse(compile(spec).spec), View };
  });
  return async (rows, values) => {
    const { runtime, View } = await compiled();
    const view = new View(runtime, { renderer: 'none' }).data(ROWS, [...rows]);
    for (const [name, value] of Object.entries(values)) view.signal(name, value);
    const svg = await view.toSVG();
    view.finalize();
    return svg;
  };
}
