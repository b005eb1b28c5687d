import process from 'node:process';
import { commands } from './everything.ts';
import { runProgram } from './program.ts';
import { confirmAtTerminal } from './terminal.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // The first signal asks the work to stop and keep what is finished; the second does not wait for it.
  process.on(name, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
}
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await runProgram(commands, process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
  confirm: confirmAtTerminal(stop.signal),
});
