import { openEngine } from '#engine/engine.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { serveOnStdio } from '#mcps/kit/serve-stdio.ts';
import { testedFace } from './mcp-server.ts';
import { testConfig } from './run.ts';

// A process of its own that serves the home named by its argument on standard input and output.
const engine = openEngine(testConfig(process.argv[2] ?? ''));
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
await serveOnStdio(offer(testedFace, engine, stop.signal), { surface: 'mcp', run_limits: new Map() });
await engine.close();
