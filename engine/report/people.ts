import { dot, type Html, html, trusted } from './html.ts';
import type { ReportInput } from './report.ts';
import { clock, count, length, percent } from './words.ts';

export interface ReportPerson {
  /** A name, or `Unknown-n`. */
  readonly label: string;
  readonly tracks: number;
  readonly purity_estimate: number;
  /** Of the one cluster that it is; null when it is of several, or of none. */
  readonly cohesion: number | null;
}

export interface ReportFace {
  readonly label: string;
  readonly face_id: string;
  readonly at_ms: number;
  readonly flags: readonly string[];
  /** `FACE_SIDE` pixels square. */
  readonly jpeg: Uint8Array;
}

/** Faces shown of one person, and of each when there are many people. */
const FACES_MAX = 12;
const FACES_OF_MANY = 5;
const MANY = 30;
/** Side of a picture inside the page, pixels: twice what is shown on most screens. */
export const FACE_SIDE = 144;

/** A contact sheet for everybody, pictures inside the page. */
export function peopleSection(input: ReportInput): Html | undefined {
  if (input.people.length === 0) return undefined;
  const limit = input.people.length > MANY ? FACES_OF_MANY : FACES_MAX;
  const faces = Map.groupBy(input.faces, (face) => face.label);
  const people = inOrder(input).map((each) => person(each, (faces.get(each.label) ?? []).slice(0, limit), input));
  return html`<section aria-labelledby="faces"><h2 id="faces">Faces</h2>
<p class="soft">Some of the best and most different pictures of each person, with the moment they come from. Check here
that one name is one person.</p>
<div class="people">${people}</div></section>`;
}

/** As in the tables: by screen time, then those without any. */
function inOrder({ people, summary }: ReportInput): ReportPerson[] {
  const place = new Map(summary.screen_time.map((row, i) => [row.person, i]));
  const at = ({ label }: ReportPerson) => place.get(label) ?? people.length;
  return [...people].sort((a, b) => at(a) - at(b));
}

function person(of: ReportPerson, faces: readonly ReportFace[], { summary }: ReportInput): Html {
  const place = summary.screen_time.findIndex((row) => row.person === of.label);
  const total = summary.screen_time[place];
  const facts = [
    total === undefined ? undefined : `${length(total.visual_s)} visible`,
    count(of.tracks, 'track'),
    `expected purity ${percent(of.purity_estimate)}`,
    of.cohesion === null ? undefined : `cohesion ${of.cohesion.toFixed(2)}`,
  ];
  return html`<article class="person"><h3>${total === undefined ? undefined : dot(place)}${of.label}</h3>
<p class="soft">${facts.filter((fact) => fact !== undefined).join(' · ')}</p>
<ul class="faces">${faces.map(picture)}</ul></article>
`;
}

function picture(face: ReportFace): Html {
  const { buffer, byteOffset, byteLength } = face.jpeg;
  const data = trusted(Buffer.from(buffer, byteOffset, byteLength).toString('base64'));
  const when = clock(face.at_ms / 1000);
  const flags = face.flags.length > 0 ? html` <span class="flag">${face.flags.join(', ')}</span>` : undefined;
  const alt = `${face.label} at ${when}${face.flags.length > 0 ? ` (${face.flags.join(', ')})` : ''}`;
  return html`<li><figure><img src="data:image/jpeg;base64,${data}" width="${FACE_SIDE}" height="${FACE_SIDE}" alt="${alt}" title="${face.face_id}"><figcaption>${when}${flags}</figcaption></figure></li>`;
}
