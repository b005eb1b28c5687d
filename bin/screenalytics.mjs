#!/usr/bin/env node
// The one entry, plain JS for any Node: finds a Node that strips types, then cli/main.ts.
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findNode, handOver, isFit } from './node24.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = join(root, 'cli/main.ts');

if (/[\\/]node_modules[\\/]/.test(root)) {
  // Node strips no types there.
  process.stderr.write(
    'screenalytics runs from a folder of its own, not from node_modules: unpack its archive and run `npm start` there.\n',
  );
  process.exit(78);
}
// What Node makes of our files is kept, for our processes, too: a command starts in less time.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/compile');
if (isFit(process.versions.node)) {
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  await import(pathToFileURL(main).href);
} else {
  const node = findNode();
  if (node === undefined) {
    process.stderr.write(
      `screenalytics needs Node 22.18 or newer, and this is ${process.versions.node}. Run \`npm start\` in ${root}: it brings one.\n`,
    );
    process.exit(78);
  }
  process.exit(await handOver(node, [main, ...process.argv.slice(2)]));
}
