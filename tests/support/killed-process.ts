import process from 'node:process';
import { openEngine } from '#engine/engine.ts';
import { decideProposal, requireProposal } from '#engine/store/proposals.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import { testConfig } from './run.ts';

/**
 * A process that is killed at work: `node killed-process.ts HOME PROPOSAL`. It approves a proposal of save_catalog, as `approve` does after a
 * person typed the code, and is gone (SIGKILL) as soon as the tool has done it, before anybody has heard of that.
 */
const [home = '', proposal_id = ''] = process.argv.slice(2);
const engine = openEngine(testConfig(home));
const db = await engine.db();
const { input, actor, surface } = await requireProposal(db, proposal_id);
const tool: typeof saveCatalog = {
  ...saveCatalog,
  run: async (asked, ctx) => {
    const answer = await saveCatalog.run(asked, ctx);
    process.kill(process.pid, 'SIGKILL');
    return answer;
  },
};
await decideProposal(db, { proposal_id }, 'approved', 'somebody');
const signal = new AbortController().signal;
await runTool(tool, input, { engine, signal, actor, surface, approved: proposal_id });
