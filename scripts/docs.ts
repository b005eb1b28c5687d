import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { projectRoot } from '#config/load.ts';
import { generatedDocs } from '../cli/docs-text.ts';
import { commands } from '../cli/everything.ts';

// `npm run docs` writes the documents and the clients' files that are made from the code; with `-- --check` it only says which are stale.
const is_check = process.argv.includes('--check');
for (const [name, text] of generatedDocs(commands)) {
  const path = join(projectRoot, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (!is_check) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  process.stderr.write(is_check ? `${name} is stale: npm run docs writes it anew\n` : `${name} written\n`);
  if (is_check) process.exitCode = 1;
}
