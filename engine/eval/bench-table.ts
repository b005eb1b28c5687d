import type { FramesFigures, ModelFigures, RunFigures } from './bench-job.ts';
import type { NamingFigures } from './bench-naming.ts';
import type { Usage } from './bench-process.ts';

/** The bars: seconds per second of video on two cores at the profile baseline, megabytes, and seconds until totals follow a correction or a seed. */
export const BARS = { realtime: 0.5, memory_mb: 2000, correction_s: 1, season_s: 10 } as const;

type Taken = Omit<Usage, 'stdout'>;

/** Everything that was measured on one device; of several runs each figure is the median. */
export interface DeviceFigures {
  readonly device: string;
  readonly models: ModelFigures;
  readonly first: RunFigures & Taken;
  /** The same again: everything comes from the cache. */
  readonly second: Pick<RunFigures, 'took_s'>;
}

export interface BenchFigures {
  readonly video: { readonly name: string; readonly minutes: number };
  readonly profile: string;
  readonly cores: number;
  readonly cpu: string;
  readonly runs: number;
  readonly date: string;
  readonly decode: { readonly ffmpeg: Taken; readonly frames: FramesFigures & Taken };
  readonly devices: readonly DeviceFigures[];
  /** On a made-up hour and a season of such hours. */
  readonly naming: NamingFigures;
}

type Row = [name: string, value: string, note: string];

export const HEAD = ['measured', 'value', 'per second of video'] as const;

export function rows(figures: BenchFigures): Row[] {
  const video_s = figures.video.minutes * 60;
  const share = (seconds: number) => `${(seconds / video_s).toFixed(3)} s`;
  const time = (name: string, seconds: number): Row => [name, `${seconds.toFixed(1)} s`, share(seconds)];
  const cpu = ({ cpu_s }: Taken) => (cpu_s === null ? '' : `, CPU ${share(cpu_s)}`);
  const decoded = (name: string, taken: Taken): Row => {
    const [, value, note] = time(name, taken.wall_s);
    return [name, value, note + cpu(taken)];
  };
  return [
    decoded('decode alone, ffmpeg', figures.decode.ffmpeg),
    decoded('decode alone, our frames', figures.decode.frames),
    ...figures.devices.flatMap(({ device, first, second, models }): Row[] => [
      ...Object.entries(first.stages).map(([name, seconds]) => time(`${device}: ${name}`, seconds)),
      [`${device}: whole`, `${first.wall_s.toFixed(1)} s`, share(first.wall_s) + cpu(first)],
      [
        `${device}: x realtime`,
        `${(first.wall_s / first.duration_s).toFixed(3)}`,
        verdict(first.wall_s / first.duration_s, BARS.realtime),
      ],
      ...memory(device, first),
      time(`${device}: second run, cached`, second.took_s),
      [`${device}: detector`, `${models.detector_ms.toFixed(1)} ms`, `a frame, ${models.detector}`],
      [`${device}: embedder`, `${models.embedder_ms.toFixed(1)} ms`, `a crop, ${models.embedder}`],
    ]),
    ...namingRows(figures.naming),
  ];
}

/** Totals after a correction and after a new seed. */
export function namingRows({ tracks, detections, correction_s, parts, publish_s, season }: NamingFigures): Row[] {
  const { open, identify, rows: written } = parts;
  const shares = `read ${open.toFixed(2)}, identify and measure ${identify.toFixed(2)}, rows ${written.toFixed(2)}`;
  return [
    [
      'correction to totals, one hour',
      `${correction_s.toFixed(2)} s`,
      `${verdict(correction_s, BARS.correction_s)}; ${tracks} tracks, ${detections} detections: ${shares}`,
    ],
    ['manifests and report after a correction', `${publish_s.toFixed(2)} s`, ''],
    [
      `seed to totals and files, season of ${season.episodes}`,
      `${season.took_s.toFixed(1)} s`,
      `${verdict(season.took_s, BARS.season_s)}; ${season.cpu_s.toFixed(1)} s of processor time without the database's`,
    ],
  ];
}

function memory(device: string, first: RunFigures & Taken): Row[] {
  const mb = (value: number | null) => (value === null ? 'not measured here' : `${value.toFixed(0)} MB`);
  const { peak_mb, owner_peak_mb, peak_with_owner_mb, ru_maxrss_mb } = first;
  return [
    [
      `${device}: memory, peak`,
      mb(peak_with_owner_mb),
      peak_with_owner_mb === null ? '' : verdict(peak_with_owner_mb, BARS.memory_mb),
    ],
    [`${device}: memory without the database's process`, mb(peak_mb), `main process by itself ${mb(ru_maxrss_mb)}`],
    [`${device}: memory of the database's process`, mb(owner_peak_mb), ''],
  ];
}

function verdict(value: number, bar: number): string {
  return `bar <= ${bar}: ${value <= bar ? 'pass' : 'MISS'}`;
}

/** The part of docs/SCORES.md that the command writes. */
export function benchMarkdown(figures: BenchFigures, command: string): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  const { cores, cpu, date, video, profile, runs } = figures;
  return [
    '## Speed',
    '',
    `Command: \`${command}\``,
    '',
    `- ${date}, ${cores} cores (${cpu}), profile ${profile}, ${runs === 1 ? 'one run' : `medians of ${runs} runs`}.`,
    `- Video: ${video.minutes} minutes of ${video.name}, 1080p30 h264 at 5 Mbit/s. Every first run begins without cache and database.`,
    '- `sweep` is cut, detect, track and harvest in one decode; `export` is manifests, report and database; `other` is hashing, probing, loading.',
    '- Memory: sum of the resident memory of all processes, every 200 ms.',
    '',
    line(HEAD),
    line(['---', '---:', '---']),
    ...rows(figures).map(line),
  ].join('\n');
}
