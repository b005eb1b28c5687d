import process from 'node:process';
import { openEngine } from '#engine/engine.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { serveOnStdio } from '#mcps/kit/serve-stdio.ts';
import { everyTool } from './every-tool.ts';
import { testConfig } from './run.ts';

// A process of its own that serves every tool of a home on standard input and output: its arguments are the home and, of a server, the
// database's address.
const [home = '', database_url = null] = process.argv.slice(2);
const { config, origin } = testConfig(home);
const engine = openEngine({ config: { ...config, database_url }, origin });
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
await serveOnStdio(offer(everyTool, engine, stop.signal), { surface: 'mcp', run_limits: new Map() });
await engine.close();
