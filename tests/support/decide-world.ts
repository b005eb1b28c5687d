import type { DetectionRow, FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import type { Decision, Evidence } from '#engine/core/identities.ts';
import { uniform as randomFrom } from '#engine/eval/intervals.ts';
import type { DecideInput } from '#engine/math/decide-match.ts';

type Box = [number, number, number, number];

/** One person at one place of one shot, walking. */
interface Stay {
  readonly person: string;
  readonly shot_id: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly box: (at_ms: number) => Box;
}

export interface World {
  readonly stays: readonly Stay[];
  readonly shots: readonly { shot_id: number; start_ms: number; end_ms: number }[];
}

export interface SeenBy {
  readonly input: Omit<DecideInput, 'decisions'>;
  /** Who each detection truly is. */
  readonly truth: readonly string[];
  readonly period_ms: number;
}

/** Shots of 4 to 12 seconds with up to three places; at a place one person, or one who goes and another who comes. */
export function madeWorld(seed: number): World {
  const random = randomFrom(seed);
  const stays: Stay[] = [];
  const shots: World['shots'][number][] = [];
  let at_ms = 0;
  for (let shot_id = 0; shot_id < 12; shot_id++) {
    const end_ms = at_ms + 4000 + Math.round(random() * 8000);
    shots.push({ shot_id, start_ms: at_ms, end_ms });
    const people = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eva', 'Finn'].sort(() => random() - 0.5);
    const places = 1 + Math.floor(random() * 3);
    for (let place = 0; place < places; place++) {
      const box = walk(place, random, at_ms, end_ms);
      const change = random() < 0.4 ? at_ms + (end_ms - at_ms) * (0.3 + random() * 0.4) : undefined;
      const first = people.pop() as string;
      const second = people.pop() as string;
      const until = change === undefined ? end_ms : change;
      stays.push({ person: first, shot_id, start_ms: at_ms, end_ms: until, box });
      if (change !== undefined)
        stays.push({ person: second, shot_id, start_ms: change + 400 + random() * 600, end_ms, box });
    }
    at_ms = end_ms;
  }
  return { stays, shots };
}

/** A face of a tenth of the frame that drifts by less than its own size, one place a third of the frame wide. */
function walk(place: number, random: () => number, from: number, to: number): (at_ms: number) => Box {
  const [x, y, size] = [0.08 + place * 0.32, 0.2 + random() * 0.3, 0.08 + random() * 0.06];
  const [dx, dy] = [(random() - 0.5) * 0.1, (random() - 0.5) * 0.2];
  return (at_ms) => {
    const share = (at_ms - from) / (to - from);
    return [x + dx * share, y + dy * share, x + dx * share + size, y + dy * share + size * 1.4];
  };
}

export interface Eyes {
  readonly seed: number;
  readonly period_ms: number;
  /** Share of detections that are missed. */
  readonly missed: number;
  /** How differently this detector draws boxes: share of the side. */
  readonly jitter: number;
  /** This detector's boxes, larger or smaller than the face by this factor. */
  readonly scale: number;
  /** Chance that a track breaks at a detection. */
  readonly breaks: number;
  /** Whether the tracker goes on with the person who comes to a place that another left. */
  readonly joins: boolean;
}

/** What one run finds of the world. */
export function look(world: World, eyes: Eyes): SeenBy {
  const random = randomFrom(eyes.seed);
  const found: { row: Pick<DetectionRow, 'at_ms' | 'box'>; person: string; line: string; shot_id: number }[] = [];
  for (const [n, stay] of world.stays.entries()) {
    const place = Math.floor(stay.box(stay.start_ms)[0] / 0.32);
    const line = eyes.joins ? `${stay.shot_id}/${place}` : `${stay.shot_id}/${place}/${n}`;
    const from = Math.ceil(stay.start_ms / eyes.period_ms);
    for (let cell = from; cell * eyes.period_ms < stay.end_ms; cell++) {
      if (random() < eyes.missed) continue;
      const at_ms = Math.round(cell * eyes.period_ms);
      const box = redrawn(stay.box(at_ms), eyes, random);
      found.push({ row: { at_ms, box }, person: stay.person, line, shot_id: stay.shot_id });
    }
  }
  found.sort((a, b) => a.row.at_ms - b.row.at_ms || random() - 0.5);
  const lines = Map.groupBy(found.keys(), (i) => (found[i] as (typeof found)[number]).line);
  const cutUp = [...lines.values()].flatMap((line) => fragments(line, eyes, random));
  const shuffled = cutUp.map((part) => ({ part, order: random() })).sort((a, b) => a.order - b.order);
  const tracks = shuffled.map(({ part }, track_id): TrackRow => {
    const times = part.map((i) => (found[i] as (typeof found)[number]).row.at_ms);
    const shot_id = (found[part[0] as number] as (typeof found)[number]).shot_id;
    const shot = world.shots[shot_id] as World['shots'][number];
    const start_ms = Math.max(shot.start_ms, Math.round(Math.min(...times) - eyes.period_ms / 2));
    const end_ms = Math.min(shot.end_ms, Math.round(Math.max(...times) + eyes.period_ms / 2));
    return { track_id, shot_id, start_ms, end_ms: Math.max(end_ms, start_ms + 1), detections: part };
  });
  const none = { model_id: 'made-up', dim: 2, faces: [], tracks: [] };
  const input = { tracks, detections: found.map(({ row }) => row), faces: [] as FaceRow[], embeddings: none };
  return { input, truth: found.map(({ person }) => person), period_ms: eyes.period_ms };
}

function redrawn(box: Box, { jitter, scale }: Eyes, random: () => number): Box {
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  const [cx, cy] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const shift = (side: number) => (random() - 0.5) * 2 * jitter * side;
  const [x, y, w, h] = [cx + shift(width), cy + shift(height), (width * scale) / 2, (height * scale) / 2];
  return [x - w, y - h, x + w, y + h];
}

function fragments(line: readonly number[], { breaks }: Eyes, random: () => number): number[][] {
  const parts: number[][] = [[]];
  for (const i of line) {
    if (parts.at(-1)?.length && random() < breaks) parts.push([]);
    parts.at(-1)?.push(i);
  }
  return parts;
}

/** What is kept of a track when a person decides on it: its ends, and moments half a second apart. */
export function evidenceOf({ input }: SeenBy, track: TrackRow, name: string): Evidence {
  const rows = track.detections.map((i) => input.detections[i] as DetectionRow);
  const kept = rows.filter((row, i) => {
    const before = rows[i - 1];
    return i === 0 || i === rows.length - 1 || Math.floor(row.at_ms / 500) !== Math.floor((before?.at_ms ?? 0) / 500);
  });
  const moments = kept.map(({ at_ms, box }) => ({ at_ms, box: [...box] as Box }));
  const { start_ms, end_ms } = track;
  return { evidence_id: name, start_ms, end_ms, whole_track: true, moments, vector: null };
}

/** One decision a track: who it is by truth. */
export function decidedByTruth(run: SeenBy): Decision[] {
  return run.input.tracks.map((track, i) => ({
    ...{ change_id: `c_${i}`, seq: i + 1, act: 'assign', scope: 'track', locked: false, at_ms: null },
    person_id: run.truth[track.detections[0] as number] as string,
    evidence: [evidenceOf(run, track, `e_${i}`)],
  }));
}
