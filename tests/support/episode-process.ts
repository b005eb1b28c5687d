import { runOnce } from './run.ts';

/** A process of its own that runs one episode: `node episode-process.ts '{"home", "request", "over"}'`; a line per progress. */
const { home, request, over } = JSON.parse(process.argv[2] ?? '{}');
await runOnce(home, request, over, { progress: (now) => process.stdout.write(`${JSON.stringify(now)}\n`) });
