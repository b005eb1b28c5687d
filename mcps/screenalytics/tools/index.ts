import { addSeeds } from './add-seeds.ts';
import { addWebhook } from './add-webhook.ts';
import { assignIdentity } from './assign-identity.ts';
import { cancelJob } from './cancel-job.ts';
import { checkHealth } from './check-health.ts';
import { compareRuns } from './compare-runs.ts';
import { deleteData } from './delete-data.ts';
import { editPeople } from './edit-people.ts';
import { editTracks } from './edit-tracks.ts';
import { exportScreenTime } from './export-screen-time.ts';
import { getDiagnostics } from './get-diagnostics.ts';
import { getEpisode } from './get-episode.ts';
import { getHistory } from './get-history.ts';
import { getJob } from './get-job.ts';
import { getScreenTime } from './get-screen-time.ts';
import { ingestEpisode } from './ingest-episode.ts';
import { listClusters } from './list-clusters.ts';
import { listDeliveries } from './list-deliveries.ts';
import { listDetections } from './list-detections.ts';
import { listFacebank } from './list-facebank.ts';
import { listFaces } from './list-faces.ts';
import { listLowConfidenceTracks } from './list-low-confidence-tracks.ts';
import { listModels } from './list-models.ts';
import { listShots } from './list-shots.ts';
import { listTracks } from './list-tracks.ts';
import { listWebhooks } from './list-webhooks.ts';
import { mendEpisode } from './mend-episode.ts';
import { planRun } from './plan-run.ts';
import { prepareModels } from './prepare-models.ts';
import { promoteToFacebank } from './promote-to-facebank.ts';
import { removeWebhook } from './remove-webhook.ts';
import { replayWebhook } from './replay-webhook.ts';
import { runStage } from './run-stage.ts';
import { saveCatalog } from './save-catalog.ts';
import { searchCatalog } from './search-catalog.ts';
import { setConfig } from './set-config.ts';
import { showFaces } from './show-faces.ts';
import { testWebhook } from './test-webhook.ts';
import { undoChange } from './undo-change.ts';
import { verifyModels } from './verify-models.ts';

/** What the server answers: 25 at most, so that a model can choose among them. */
export const served = [
  ingestEpisode,
  runStage,
  getJob,
  cancelJob,
  planRun,
  getScreenTime,
  exportScreenTime,
  getEpisode,
  searchCatalog,
  saveCatalog,
  addSeeds,
  listFacebank,
  promoteToFacebank,
  listLowConfidenceTracks,
  showFaces,
  assignIdentity,
  editTracks,
  editPeople,
  undoChange,
  getHistory,
  listClusters,
  listTracks,
  getDiagnostics,
  checkHealth,
  deleteData,
] as const;

/** Of the machine and of single rows: asked at its own command line alone. */
const local = [
  ...([listShots, listFaces, listDetections, compareRuns, mendEpisode] as const),
  ...([setConfig, listModels, prepareModels, verifyModels] as const),
  ...([addWebhook, removeWebhook, listWebhooks, listDeliveries, testWebhook, replayWebhook] as const),
] as const;

export const tools = [...served, ...local] as const;
