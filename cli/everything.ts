import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import { getDiagnostics } from '#mcps/screenalytics/tools/get-diagnostics.ts';
import { getEpisode } from '#mcps/screenalytics/tools/get-episode.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { listModels } from '#mcps/screenalytics/tools/list-models.ts';
import { planRun } from '#mcps/screenalytics/tools/plan-run.ts';
import { prepareModels } from '#mcps/screenalytics/tools/prepare-models.ts';
import { runStage } from '#mcps/screenalytics/tools/run-stage.ts';
import { searchCatalog } from '#mcps/screenalytics/tools/search-catalog.ts';
import { verifyModels } from '#mcps/screenalytics/tools/verify-models.ts';
import { type Command, toolCommands } from './commands.ts';
import { planText, runText } from './render.ts';
import { sampleCommand } from './sample.ts';
import {
  diagnosticsText,
  episodesText,
  episodeText,
  exportText,
  healthText,
  modelsText,
  screenTimeText,
} from './views.ts';

/** Every command: the tools under their own names, and the everyday names beside them. */
export const commands: readonly Command[] = [
  ...toolCommands(runStage, { also: ['run episode'], positional: 'source', text: runText }),
  sampleCommand,
  ...toolCommands(planRun, { also: ['plan'], positional: 'source', text: planText }),
  ...toolCommands(getScreenTime, { also: ['show'], positional: 'episode', text: screenTimeText }),
  ...toolCommands(exportScreenTime, { also: ['export'], positional: 'episode', text: exportText }),
  ...toolCommands(searchCatalog, { also: ['episodes'], positional: 'query', text: episodesText }),
  ...toolCommands(getEpisode, { also: ['episode'], positional: 'episode', text: episodeText }),
  ...toolCommands(getDiagnostics, { also: ['diagnostics'], positional: 'episode', text: diagnosticsText }),
  ...toolCommands(listModels, { also: ['models list'], text: modelsText }),
  ...toolCommands(prepareModels, { also: ['models prepare'], positional: 'ids', text: modelsText }),
  ...toolCommands(verifyModels, { also: ['models verify'], positional: 'ids', text: modelsText, ok: ({ ok }) => ok }),
  ...toolCommands(checkHealth, { also: ['doctor'], text: healthText, ok: ({ ok }) => ok }),
];
