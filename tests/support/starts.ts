import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** What is started while `work` runs, as the operating system and Node see it: programs by name, and threads. */
export async function countStarts(work: () => Promise<unknown>): Promise<{ programs: string[]; threads: number }> {
  const programs: string[] = [];
  let threads = 0;
  const onThread = () => {
    threads++;
  };
  const onProgram = (message: unknown) => {
    const { process: child } = message as { process: { spawnfile?: string } };
    setImmediate(() => programs.push(child.spawnfile ?? ''));
  };
  process.on('worker', onThread);
  subscribe('child_process', onProgram);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('worker', onThread);
    unsubscribe('child_process', onProgram);
  }
  return { programs, threads };
}
