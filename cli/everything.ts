import { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { compareRuns } from '#mcps/screenalytics/tools/compare-runs.ts';
import { deleteData } from '#mcps/screenalytics/tools/delete-data.ts';
import { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import { getDiagnostics } from '#mcps/screenalytics/tools/get-diagnostics.ts';
import { getEpisode } from '#mcps/screenalytics/tools/get-episode.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { listClusters } from '#mcps/screenalytics/tools/list-clusters.ts';
import { listDetections } from '#mcps/screenalytics/tools/list-detections.ts';
import { listFacebank } from '#mcps/screenalytics/tools/list-facebank.ts';
import { listFaces } from '#mcps/screenalytics/tools/list-faces.ts';
import { listModels } from '#mcps/screenalytics/tools/list-models.ts';
import { listShots } from '#mcps/screenalytics/tools/list-shots.ts';
import { listTracks } from '#mcps/screenalytics/tools/list-tracks.ts';
import { planRun } from '#mcps/screenalytics/tools/plan-run.ts';
import { prepareModels } from '#mcps/screenalytics/tools/prepare-models.ts';
import { promoteToFacebank } from '#mcps/screenalytics/tools/promote-to-facebank.ts';
import { runStage } from '#mcps/screenalytics/tools/run-stage.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import { searchCatalog } from '#mcps/screenalytics/tools/search-catalog.ts';
import { setConfig } from '#mcps/screenalytics/tools/set-config.ts';
import { verifyModels } from '#mcps/screenalytics/tools/verify-models.ts';
import { analyticsCommands } from './analytics.ts';
import { approvalCommands } from './approvals.ts';
import { auditCommand } from './audit.ts';
import { catalogCommands, foundText, savedText } from './catalog.ts';
import { chatCommand } from './chat.ts';
import { type Command, toolCommands } from './commands.ts';
import { connectCommand } from './connect.ts';
import { deletedText, erasureCommands } from './erasure.ts';
import { explainCommand } from './explain.ts';
import { facebankText, promotedText, seedsAddedText } from './facebank.ts';
import { featureCommands } from './feature.ts';
import { jobCommands } from './jobs.ts';
import { clustersText, comparisonText, detectionsText, facesText, shotsText, tracksText } from './lists.ts';
import { mcpCommand } from './mcp.ts';
import { playbookCommands } from './playbook.ts';
import { playbookRunCommands } from './playbook-runs.ts';
import { planText, runText } from './render.ts';
import { reviewCommands } from './review.ts';
import { sampleCommand } from './sample.ts';
import { scheduleCommands } from './schedules.ts';
import { storageCommands } from './storage.ts';
import { taskCommand } from './task.ts';
import {
  defaultsText,
  diagnosticsText,
  episodeText,
  exportText,
  healthText,
  modelsText,
  screenTimeText,
} from './views.ts';
import { webhookCommands } from './webhooks.ts';

/** Every command: the tools under their own names, and the everyday names beside them. */
export const commands: readonly Command[] = [
  ...toolCommands(runStage, { also: ['run episode'], positional: 'source', text: runText }),
  sampleCommand,
  ...jobCommands,
  ...toolCommands(planRun, { also: ['plan'], positional: 'source', text: planText }),
  ...toolCommands(getScreenTime, { also: ['show'], positional: 'episode', text: screenTimeText }),
  ...toolCommands(exportScreenTime, { also: ['export'], positional: 'episode', text: exportText }),
  ...toolCommands(searchCatalog, { also: ['episodes'], positional: 'query', text: foundText }),
  ...toolCommands(saveCatalog, { also: [], positional: 'kind', text: savedText }),
  ...catalogCommands,
  ...analyticsCommands,
  ...storageCommands,
  ...erasureCommands,
  ...toolCommands(deleteData, { also: [], positional: 'what', text: deletedText }),
  ...toolCommands(getEpisode, { also: ['episode'], positional: 'episode', text: episodeText }),
  ...toolCommands(getDiagnostics, { also: ['diagnostics'], positional: 'episode', text: diagnosticsText }),
  ...toolCommands(compareRuns, { also: ['compare'], positional: 'episode', text: comparisonText }),
  ...toolCommands(listClusters, { also: ['clusters'], positional: 'episode', text: clustersText }),
  ...toolCommands(listShots, { also: ['shots'], positional: 'episode', text: shotsText }),
  ...toolCommands(listTracks, { also: ['tracks'], positional: 'episode', text: tracksText }),
  ...toolCommands(listFaces, { also: ['faces'], positional: 'episode', text: facesText }),
  ...toolCommands(listDetections, { also: ['detections'], positional: 'episode', text: detectionsText }),
  ...toolCommands(addSeeds, { also: ['seeds add'], positional: 'paths', text: seedsAddedText }),
  ...toolCommands(listFacebank, { also: ['facebank'], positional: 'person', text: facebankText }),
  ...toolCommands(promoteToFacebank, { also: ['promote'], positional: 'episode', text: promotedText }),
  ...reviewCommands,
  ...approvalCommands,
  ...playbookCommands,
  ...playbookRunCommands,
  ...scheduleCommands,
  taskCommand,
  ...webhookCommands,
  auditCommand,
  ...toolCommands(listModels, { also: ['models list'], text: modelsText }),
  ...toolCommands(prepareModels, { also: ['models prepare'], positional: 'ids', text: modelsText }),
  ...toolCommands(verifyModels, { also: ['models verify'], positional: 'ids', text: modelsText, ok: ({ ok }) => ok }),
  ...toolCommands(checkHealth, { also: ['doctor'], text: healthText, ok: ({ ok }) => ok }),
  chatCommand,
  explainCommand,
  ...featureCommands,
  mcpCommand,
  connectCommand,
  ...toolCommands(setConfig, { also: ['defaults'], text: defaultsText }),
];
