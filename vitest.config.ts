import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    // One more than the cores that are promised: some of them wait, for a clock, a disk or a process.
    maxWorkers: 3,
    // Programs that tests start are ours: what Node makes of their files is kept, as bin/screenalytics.mjs does it.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compile') },
    // For what hangs, not for what is slow: no test may fail because the machine does other things, too. Nor may one of its waits.
    testTimeout: 240_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 180_000, interval: 20 } },
    projects: [
      // Small, and without a life beyond their file: reading the program anew for each would take longer than the tests.
      { extends: true, test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], isolate: false } },
      // Our own code starts worker threads and native sessions: a process per file keeps a crash, or a leftover, to its file.
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['tests/**/*.test.ts', 'FEATURES/*/tests/**/*.test.ts'],
          exclude: ['tests/unit/**'],
        },
      },
    ],
  },
});
