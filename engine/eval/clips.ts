import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Box, Point } from '#engine/core/image.ts';
import type { Span } from '#engine/core/spans.ts';
import { digest } from '#engine/core/stage.ts';
import { centre, intersection } from '#engine/math/boxes.ts';
import type { Sample } from '#engine/sample/compose.ts';
import { joinVideos } from './joined.ts';
import { Labels, personAt, Truth } from './labels.ts';
import type { TruePerson } from './screen-time.ts';

export interface TrueBox {
  readonly person: string;
  readonly box: Box;
  /** false: need not be found, and finding it is no error. */
  readonly scored: boolean;
}

/** A face box for every person in every frame of a video of constant rate. */
export interface TrueBoxes {
  readonly frame_ms: number;
  /** By frame number. */
  readonly frames: readonly (readonly TrueBox[])[];
}

/** A video and what is true of it. People have neutral names: `person_1` is the first key of the truth file's `visible`. */
export interface TrueClip {
  readonly name: string;
  readonly video: string;
  /** What the video is joined of, where there is no such file before somebody asks for it (`madeClip`). */
  readonly parts?: readonly string[];
  readonly duration_ms: number;
  readonly cuts_ms: readonly number[];
  /** Transitions that are no cuts. */
  readonly wipes: readonly Span[];
  readonly people: readonly TruePerson[];
  /** How far the truth's own boundaries may be off. */
  readonly collar_ms: number;
  readonly boxes?: TrueBoxes;
  /** Photos of some of the people: one sub-folder each, and whose it is. */
  readonly cast?: { readonly folder: string; readonly person: ReadonlyMap<string, string> };
  /** Whose face a box at that moment is; null when it is nobody's whom the truth knows. */
  who(at_ms: number, box: Box): string | null;
}

/** Of the parts that clips are joined of. */
const JOINED_FPS = 25;

type Interval = readonly [number, number];

/** Every clip of the shared folder that has a truth, by name. */
export function sharedClips(shared: string, labelFolder: string): TrueClip[] {
  const truthFolder = join(shared, 'media/truth');
  const labels = existsSync(labelFolder)
    ? readdirSync(labelFolder).map((file) => readLabels(join(labelFolder, file)))
    : [];
  const named = readdirSync(truthFolder)
    .filter((file) => file.endsWith('.truth.json'))
    .map((file) => {
      const name = file.slice(0, -'.truth.json'.length);
      return { name, truth: Truth.parse(readJson(join(truthFolder, file))), label: find(labels, name) };
    });
  const own = labels.flatMap((label) =>
    label.truth === undefined ? [] : [{ name: nameOf(label), truth: label.truth, label }],
  );
  return [...named, ...own]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, truth, label }) => {
      const boxFile = join(truthFolder, `${name}.faces.csv`);
      const boxes = existsSync(boxFile) ? readBoxes(boxFile, truth) : undefined;
      const made = toClip({ name, video: join(shared, 'media/clips', `${name}.mp4`), truth, label, boxes });
      const clip = label?.joined ? { ...made, parts: label.joined.map((file) => join(shared, 'media', file)) } : made;
      if (truth.facebank === undefined) return clip;
      const person = new Map(Object.keys(truth.visible).map((key, n) => [key, `person_${n + 1}`]));
      return { ...clip, cast: { folder: join(shared, 'media', truth.facebank), person } };
    });
}

/** The clip with its video, which is joined in `folder` if it is no file. */
export async function madeClip(clip: TrueClip, folder: string): Promise<TrueClip> {
  const { name, parts } = clip;
  if (parts === undefined) return clip;
  const own = join(folder, digest(parts), `${name}.mp4`); // other parts are another video
  return { ...clip, video: await joinVideos(parts, JOINED_FPS, own) };
}

/** The composed sample: everything is known exactly, so there is no collar. */
export function sampleClip({ video, truth }: Sample): TrueClip {
  const frames: TrueBox[][] = Array.from({ length: truth.frames }, () => []);
  for (const { frame, person, box, visible } of truth.boxes)
    frames[frame]?.push({ person, box, scored: visible === 'yes' });
  const boxes = { frame_ms: 1000 / truth.fps, frames };
  return {
    name: `sample_${truth.name}`,
    video,
    duration_ms: truth.duration_ms,
    cuts_ms: truth.shots.slice(1).map((shot) => shot.start_ms),
    wipes: [],
    people: truth.people,
    collar_ms: 0,
    boxes,
    who: (at_ms, box) => ownerOf(boxes, at_ms, box),
  };
}

/** The frame whose time is nearest. */
export function boxesAt({ frame_ms, frames }: TrueBoxes, at_ms: number): readonly TrueBox[] {
  return frames[Math.round(at_ms / frame_ms)] ?? [];
}

interface Parts {
  name: string;
  video: string;
  truth: Truth;
  label: Labels | undefined;
  boxes: TrueBoxes | undefined;
}

function toClip({ name, video, truth, label, boxes }: Parts): TrueClip {
  const duration_ms = toMs(truth.duration_s);
  const people = Object.keys(truth.visible).map((key, n) => ({
    person: `person_${n + 1}`,
    visible: (truth.visible[key] ?? []).map(toSpan),
    dontcare: (truth.visible_dontcare[key] ?? []).map(toSpan),
  }));
  const others = (label?.others ?? []).map((person) => ({
    person,
    visible: [],
    dontcare: [{ start_ms: 0, end_ms: duration_ms }],
  }));
  return {
    name,
    video,
    duration_ms,
    cuts_ms: truth.shots.slice(1).map(([start_s]) => toMs(start_s)),
    wipes: (label?.wipes_s ?? []).map(toSpan),
    people: [...people, ...others],
    collar_ms: toMs(truth.boundary_tolerance_s),
    ...(boxes && { boxes }),
    who: (at_ms, box) => {
      if (boxes !== undefined) return ownerOf(boxes, at_ms, box);
      return label === undefined ? null : (personAt(label, at_ms, centre(box)) ?? null);
    },
  };
}

/** The person in whose true box the centre lies, the nearest of several. */
function ownerOf(boxes: TrueBoxes, at_ms: number, box: Box): string | null {
  const [x, y] = centre(box);
  const away = (point: Point) => Math.hypot(point[0] - x, point[1] - y);
  const owners = boxesAt(boxes, at_ms)
    .filter(({ box: [x1, y1, x2, y2] }) => x >= x1 && x <= x2 && y >= y1 && y <= y2)
    .sort((a, b) => away(centre(a.box)) - away(centre(b.box)));
  return owners[0]?.person ?? null;
}

/**
 * Whom a person sees in a picture of this box: its owner; where true boxes are known and its middle lies in none of them, as it may with
 * a turned head, whoever's covers most of it.
 */
export function shownIn({ who, boxes }: Pick<TrueClip, 'who' | 'boxes'>, at_ms: number, box: Box): string | null {
  const owner = who(at_ms, box);
  if (owner !== null || boxes === undefined) return owner;
  const [most] = boxesAt(boxes, at_ms)
    .filter((each) => intersection(each.box, box) > 0)
    .sort((a, b) => intersection(b.box, box) - intersection(a.box, box));
  return most?.person ?? null;
}

/** MSDWild's columns: frame, "face", id, x1, y1, x2, y2, 0; pixels. Id n is the (n+1)-th person of the truth file. */
function readBoxes(file: string, { fps = 25, size = [1280, 720] }: Truth): TrueBoxes {
  const frames: TrueBox[][] = [];
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const [frame, , id, ...sides] = line.split(',');
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = sides.map(Number);
    const at = Number(frame);
    for (let n = frames.length; n <= at; n++) frames.push([]);
    const box: Box = [x1 / size[0], y1 / size[1], x2 / size[0], y2 / size[1]];
    frames[at]?.push({ person: `person_${Number(id) + 1}`, box, scored: true });
  }
  return { frame_ms: 1000 / fps, frames };
}

function readLabels(file: string): Labels {
  return Labels.parse(readJson(file));
}

function nameOf({ clip }: Labels): string {
  return clip.replace(/\.[^.]*$/, '');
}

function find(labels: readonly Labels[], name: string): Labels | undefined {
  return labels.find((label) => nameOf(label) === name);
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000);
}

function toSpan([start_s, end_s]: Interval): Span {
  return { start_ms: toMs(start_s), end_ms: toMs(end_s) };
}
