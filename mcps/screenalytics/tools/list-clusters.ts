import { z } from 'zod';
import { ClusterPair, lookAlikes, listClusters as readClusters, StoredCluster } from '#engine/store/cluster-rows.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { picturesOf } from '../pictures.ts';

const PAIRS_MAX = 20;
const CLUSTERS_MAX = 200;

export const listClusters = defineTool({
  name: 'list_clusters',
  title: 'Clusters of a run',
  description:
    'The clusters of a run, most seen first: who they count for, tracks, purity estimate, shots and flags; then the pairs that look most alike, and whether they were seen together. `detailed` adds samples, picture, cohesion.',
  effect: 'read',
  details: ['cohesion', 'samples', 'best_face_id', 'thumb'],
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    cluster: z
      .string()
      .min(1)
      .optional()
      .describe('Only this cluster, such as Unknown-1, or those of a person; and its pairs'),
  }),
  output: z.object({
    ...Context.shape,
    clusters: z.array(StoredCluster.extend({ thumb: z.string().nullable() })),
    clusters_omitted: z.int(),
    /** Most alike first. Not seen together: perhaps one person in two clusters. */
    look_alikes: z.array(ClusterPair),
  }),
  run: async ({ episode: ep_id, run: run_id, cluster }, { engine }) => {
    const db = await engine.db();
    const { episode, run } = await requireRun(db, ep_id, run_id);
    const found = (await readClusters(db, run)).filter(
      ({ label, people }) => cluster === undefined || label === cluster || people.includes(cluster),
    );
    const pictures = await picturesOf(engine.blobs, run);
    return {
      ...contextOf(episode, run),
      clusters: found
        .slice(0, CLUSTERS_MAX)
        .map((each) => ({ ...each, thumb: pictures.identity(each.people[0] ?? each.label) })),
      clusters_omitted: Math.max(0, found.length - CLUSTERS_MAX),
      look_alikes: await lookAlikes(db, run, cluster, PAIRS_MAX),
    };
  },
});
