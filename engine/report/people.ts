import type { Cluster } from '#engine/core/artifacts.ts';
import { thumbnail } from './contact-sheet.ts';
import { dot, type Html, html } from './html.ts';
import type { ReportInput } from './report.ts';
import { clock, count, length, percent } from './words.ts';

export interface ReportFace {
  readonly cluster_id: number;
  readonly label: string;
  readonly face_id: string;
  readonly at_ms: number;
  readonly flags: readonly string[];
  readonly jpeg: Uint8Array;
}

/** Faces shown of one person, and of each when there are many people. */
const FACES_MAX = 12;
const FACES_OF_MANY = 5;
const MANY = 30;
/** Side of a picture inside the page, pixels: twice what is shown on most screens. */
const THUMB_SIDE = 144;

/** A contact sheet for every cluster, pictures inside the page. */
export async function peopleSection(input: ReportInput): Promise<Html | undefined> {
  if (input.clusters.length === 0) return undefined;
  const limit = input.clusters.length > MANY ? FACES_OF_MANY : FACES_MAX;
  const faces = Map.groupBy(input.faces, (face) => face.cluster_id);
  const people: Html[] = [];
  for (const cluster of inOrder(input))
    people.push(await person(cluster, (faces.get(cluster.cluster_id) ?? []).slice(0, limit), input));
  return html`<section aria-labelledby="faces"><h2 id="faces">Faces</h2>
<p class="soft">Some of the best and most different pictures of each person, with the moment they come from. Check here
that one name is one person.</p>
<div class="people">${people}</div></section>`;
}

/** As in the tables: by screen time, then those without any. */
function inOrder({ clusters, summary }: ReportInput): Cluster[] {
  const place = new Map(summary.screen_time.map((row, i) => [row.cluster_id, i]));
  const at = (cluster: Cluster) => place.get(cluster.cluster_id) ?? clusters.length;
  return [...clusters].sort((a, b) => at(a) - at(b) || a.cluster_id - b.cluster_id);
}

async function person(cluster: Cluster, faces: readonly ReportFace[], { summary }: ReportInput): Promise<Html> {
  const place = summary.screen_time.findIndex((row) => row.cluster_id === cluster.cluster_id);
  const total = summary.screen_time[place];
  const name = total?.person ?? cluster.label;
  const facts = [
    total === undefined ? undefined : `${length(total.visual_s)} visible`,
    count(cluster.track_ids.length, 'track'),
    `expected purity ${percent(cluster.purity_estimate)}`,
    `cohesion ${cluster.cohesion.toFixed(2)}`,
  ];
  const pictures = await Promise.all(faces.map((face) => picture(face, name)));
  return html`<article class="person"><h3>${total === undefined ? undefined : dot(place)}${name}</h3>
<p class="soft">${facts.filter((fact) => fact !== undefined).join(' · ')}</p>
<ul class="faces">${pictures}</ul></article>
`;
}

async function picture(face: ReportFace, name: string): Promise<Html> {
  const data = Buffer.from(await thumbnail(face.jpeg, THUMB_SIDE)).toString('base64');
  const when = clock(face.at_ms / 1000);
  const flags = face.flags.length > 0 ? html` <span class="flag">${face.flags.join(', ')}</span>` : undefined;
  const alt = `${name} at ${when}${face.flags.length > 0 ? ` (${face.flags.join(', ')})` : ''}`;
  return html`<li><figure><img src="data:image/jpeg;base64,${data}" width="${THUMB_SIDE}" height="${THUMB_SIDE}" alt="${alt}" title="${face.face_id}"><figcaption>${when}${flags}</figcaption></figure></li>`;
}
