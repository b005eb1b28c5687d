import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '#config/load.ts';
import { ERRORS, explain, ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';
import { listJobs } from '#engine/run/job-record.ts';
import { findEpisode } from '#engine/store/episodes.ts';
import { requireJob } from '#engine/store/jobs.ts';
import { worldOf } from '#engine/store/proposals.ts';
import { kindOf, readBelow } from '#mcps/kit/pictures.ts';
import { type FaceContext, type FaceResource, RESOURCE_BYTES_MAX } from '#mcps/kit/server-face.ts';
import { completeEpisode, completeShow } from './completions.ts';
import { getEpisode } from './tools/get-episode.ts';
import { getJob } from './tools/get-job.ts';
import { getScreenTime } from './tools/get-screen-time.ts';
import { listFacebank } from './tools/list-facebank.ts';
import { searchCatalog } from './tools/search-catalog.ts';

const EPISODES_LISTED = 50;
const json = 'application/json';

const show: FaceResource = {
  name: 'show',
  title: 'Show',
  description: 'A show with its seasons and episodes.',
  uri: 'sa://show/{slug}',
  mime_type: json,
  complete: { slug: completeShow },
  async list({ ask }) {
    const { shows } = await ask(searchCatalog, { kind: 'shows' });
    return shows.map((each) => ({ uri: `sa://show/${each.show}`, name: each.title ?? each.show }));
  },
  async read({ slug = '' }, { ask }) {
    const of = (kind: string) => ask(searchCatalog, { kind, show: slug, limit: 200 });
    const { shows } = await of('shows');
    const [{ seasons }, { episodes, next }] = [await of('seasons'), await of('episodes')];
    return { body: JSON.stringify({ show: shows[0], seasons, episodes, next }) };
  },
};

const episode: FaceResource = {
  name: 'episode',
  title: 'Episode',
  description: 'An episode: video, status, runs, jobs, and its manifest files.',
  uri: 'sa://episode/{ep_id}',
  mime_type: json,
  complete: { ep_id: completeEpisode },
  async list({ ask }) {
    const { episodes } = await ask(searchCatalog, { kind: 'episodes', limit: EPISODES_LISTED });
    return episodes.map((each) => ({ uri: `sa://episode/${each.episode}`, name: each.title ?? each.episode }));
  },
  read: async ({ ep_id = '' }, { ask }) => ({ body: JSON.stringify(await ask(getEpisode, { episode: ep_id })) }),
  version,
};

const report: FaceResource = {
  name: 'report',
  title: 'Report of an episode',
  description: 'Screen time, timeline and faces of an episode as one page, at most 4 MB.',
  uri: 'sa://episode/{ep_id}/report',
  mime_type: 'text/html',
  complete: { ep_id: completeEpisode },
  async read({ ep_id = '' }, context) {
    const { prefixes } = await context.ask(getEpisode, { episode: ep_id });
    return fileAt(context, `${prefixes.reports}report.html`);
  },
  version,
};

const manifest: FaceResource = {
  name: 'manifest',
  title: 'Manifest of an episode',
  description: 'A file that a run left, such as tracks.jsonl or screentime.csv, at most 4 MB; the episode lists them.',
  uri: 'sa://episode/{ep_id}/manifest/{name}',
  mime_type: 'text/plain',
  complete: { ep_id: completeEpisode },
  async read({ ep_id = '', name = '' }, context) {
    const { manifests, prefixes } = await context.ask(getEpisode, { episode: ep_id });
    // Only names of the list lead anywhere: no path can be said in them.
    const known = manifests.find((each) => each.name === name && each.path !== null);
    if (known === undefined) return undefined;
    const found = await fileAt(context, `${prefixes.manifests}${known.name}`);
    return found && { ...found, mime_type: MIME[name.replace(/^.*\./, '')] ?? 'application/octet-stream' };
  },
  version,
};

const job: FaceResource = {
  name: 'job',
  title: 'Job',
  description: 'How far a job is, and how it ended; who subscribes hears when it goes on.',
  uri: 'sa://job/{job_id}',
  mime_type: json,
  read: async ({ job_id = '' }, { ask }) => ({ body: JSON.stringify(await ask(getJob, { job: job_id })) }),
  async version({ job_id = '' }, { db }) {
    const { state, cancel_requested, progress, result, error } = await requireJob(await db(), job_id);
    return JSON.stringify([state, cancel_requested, progress, result, error]);
  },
};

const run: FaceResource = {
  name: 'run',
  title: 'Run of an episode',
  description: 'What one run found: screen time per person, with models and settings; the episode lists its runs.',
  uri: 'sa://episode/{ep_id}/run/{run_id}',
  mime_type: json,
  complete: { ep_id: completeEpisode },
  read: async ({ ep_id = '', run_id = '' }, { ask }) => ({
    body: JSON.stringify(await ask(getScreenTime, { episode: ep_id, run: run_id })),
  }),
};

const MIME: Readonly<Record<string, string>> = {
  json,
  jsonl: 'application/jsonl',
  csv: 'text/csv',
};

/** What results link to. An address says where the picture lies, so only those folders that results name are open. */
const picture: FaceResource = {
  name: 'picture',
  title: 'Picture',
  description: 'A contact sheet that a result links to.',
  uri: 'sa://picture/{+key}',
  mime_type: 'image/jpeg',
  async read({ key = '' }, context) {
    const { episode: asked, person } =
      /^(?:cache\/sheets\/(?<episode>[\w-]+)|facebank\/(?<person>[\w-]+))\/(?:sheet[\w-]+)\.(?:jpg|png)$/.exec(key)
        ?.groups ?? {};
    // Whoever may not ask about the episode or the person may not see them either.
    if (asked !== undefined) await context.ask(getEpisode, { episode: asked });
    else if (person !== undefined) await context.ask(listFacebank, { person, limit: 1 });
    else return undefined;
    const bytes = await readBelow(context.engine.config.home, pathOf(context, key), RESOURCE_BYTES_MAX);
    const mime_type = bytes && kindOf(bytes);
    return bytes && mime_type && { body: bytes, mime_type };
  },
};

const error: FaceResource = {
  name: 'error',
  title: 'Error',
  description: 'What an error means, who can act and what to do, by its code.',
  uri: 'sa://error/{code}',
  mime_type: json,
  complete: { code: async (begun) => Object.keys(ERRORS).filter((code) => code.includes(begun.toUpperCase())) },
  read: async ({ code = '' }) => ({ body: JSON.stringify(explain(code)) }),
};

const DOCS = join(projectRoot, 'docs');

const doc: FaceResource = {
  name: 'doc',
  title: 'Document',
  description: 'How Screenalytics is used and built, one document each.',
  uri: 'sa://doc/{name}',
  mime_type: 'text/markdown',
  complete: { name: async (begun) => (await docNames()).filter((name) => name.startsWith(begun)) },
  list: async () => (await docNames()).map((name) => ({ uri: `sa://doc/${name}`, name })),
  async read({ name = '' }) {
    // Only names of the list lead anywhere: no path can be said in them.
    if (!(await docNames()).includes(name)) return undefined;
    return { body: await readFile(join(DOCS, `${name}.md`), 'utf8') };
  },
};

async function docNames(): Promise<string[]> {
  const files = await readdir(DOCS).catch(() => []); // an archive may have left them out
  return files
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.slice(0, -'.md'.length))
    .sort();
}

export const resources: readonly FaceResource[] = [show, episode, run, report, manifest, job, picture, error, doc];

/** Of all that is read of an episode: its row, its current run, its last change, and how its jobs stand. By its exact id. */
async function version({ ep_id = '' }: Readonly<Record<string, string>>, { db, blobs }: EngineReader) {
  const opened = await db();
  const found = await findEpisode(opened, ep_id);
  if (found === null) return undefined;
  const jobs = await listJobs(blobs, ep_id);
  return JSON.stringify([found, await worldOf(opened, ep_id), jobs]);
}

async function fileAt(context: FaceContext, key: string) {
  const bytes = await readBelow(context.engine.config.home, pathOf(context, key), RESOURCE_BYTES_MAX);
  if (bytes !== undefined) return isText(key) ? { body: Buffer.from(bytes).toString('utf8') } : { body: bytes };
  if (await context.engine.blobs.has(key)) {
    const problem = `is larger than ${RESOURCE_BYTES_MAX} bytes: read it a page at a time with a list tool, or export it`;
    throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'uri', problem }] });
  }
  return undefined;
}

function isText(key: string): boolean {
  return /\.(json|jsonl|csv|html)$/.test(key);
}

function pathOf({ engine }: FaceContext, key: string): string {
  return join(engine.config.home, key);
}
