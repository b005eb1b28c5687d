import { addSeeds } from './add-seeds.ts';
import { checkHealth } from './check-health.ts';
import { compareRuns } from './compare-runs.ts';
import { exportScreenTime } from './export-screen-time.ts';
import { getDiagnostics } from './get-diagnostics.ts';
import { getEpisode } from './get-episode.ts';
import { getScreenTime } from './get-screen-time.ts';
import { listClusters } from './list-clusters.ts';
import { listDetections } from './list-detections.ts';
import { listFacebank } from './list-facebank.ts';
import { listFaces } from './list-faces.ts';
import { listModels } from './list-models.ts';
import { listShots } from './list-shots.ts';
import { listTracks } from './list-tracks.ts';
import { planRun } from './plan-run.ts';
import { prepareModels } from './prepare-models.ts';
import { promoteToFacebank } from './promote-to-facebank.ts';
import { runStage } from './run-stage.ts';
import { saveCatalog } from './save-catalog.ts';
import { searchCatalog } from './search-catalog.ts';
import { setConfig } from './set-config.ts';
import { verifyModels } from './verify-models.ts';

/** Everything that this server can be asked. */
export const tools = [
  runStage,
  planRun,
  getScreenTime,
  exportScreenTime,
  getEpisode,
  searchCatalog,
  saveCatalog,
  getDiagnostics,
  compareRuns,
  listClusters,
  listShots,
  listTracks,
  listFaces,
  listDetections,
  checkHealth,
  setConfig,
  listModels,
  prepareModels,
  verifyModels,
  addSeeds,
  listFacebank,
  promoteToFacebank,
] as const;
