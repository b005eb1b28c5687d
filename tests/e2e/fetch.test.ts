import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { openEngine } from '#engine/engine.ts';
import { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import { getEpisode } from '#mcps/screenalytics/tools/get-episode.ts';
import { ingestEpisode } from '#mcps/screenalytics/tools/ingest-episode.ts';
import { asker } from '../support/ask.ts';
import { temporaryHome } from '../support/home.ts';
import { localServer } from '../support/local-server.ts';
import { portrait } from '../support/portraits.ts';
import { testConfig } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

const home = temporaryHome();
const fetch = { hosts: ['127.0.0.1'], bytes_max: 100_000_000, allow_private_hosts: true };
const engine = openEngine(testConfig(home, { services: { fetch } }));
afterAll(() => engine.close());
const ask = asker(() => engine);

test('a video and a photo are taken from their addresses as from a file', async () => {
  const [video, photo] = [readFileSync(await shortClip()), await portrait('sample1.jpg', 'Person A')];
  const { origin, asked } = await localServer((request, response) =>
    response.end(request.url?.startsWith('/film') ? video : photo),
  );
  const taken = await ask(ingestEpisode, { file: `${origin}/film/demo-s01e02.mp4?key=1`, auto_run: false });
  expect(taken).toMatchObject({ episode: 'demo-s01e02', created: true, bytes: video.length, job_id: null });
  expect(await ask(getEpisode, { episode: 'demo-s01e02' })).toMatchObject({ show: 'demo', season: 1 });

  const added = await ask(addSeeds, { person: 'Ada', paths: [`${origin}/cast/ada.jpg`] });
  expect(added).toMatchObject({ added: 1, rejected: 0, results: [{ file: `${origin}/cast/ada.jpg`, code: 'added' }] });
  expect(asked).toHaveLength(2);
});

test('nothing is fetched that the configuration does not name; what is no video leaves nothing', async () => {
  const { origin } = await localServer((_, response) => response.end('no video'));
  const plain = openEngine(testConfig(home));
  const by_default = asker(() => plain);
  for (const address of [`${origin}/a.mp4`, 'https://media.example.org/a.mp4'])
    await expect(by_default(ingestEpisode, { file: address })).rejects.toMatchObject({ code: 'URL_REFUSED' });
  await expect(by_default(addSeeds, { person: 'Ada', paths: [`${origin}/a.jpg`] })).rejects.toMatchObject({
    code: 'URL_REFUSED',
  });
  await plain.close();
  await expect(ask(ingestEpisode, { file: `${origin}/other-s01e03.mp4` })).rejects.toMatchObject({
    code: expect.stringMatching(/^MEDIA_/),
  });
  await expect(ask(getEpisode, { episode: 'other-s01e03' })).rejects.toMatchObject({ code: 'EPISODE_NOT_FOUND' });
});
