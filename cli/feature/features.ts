import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { FeaturePolicy } from '#config/features.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';

/** Where a feature is worked on: the project's folder, and its rules. */
export interface Workshop {
  readonly root: string;
  readonly policy: FeaturePolicy;
  /** yyyy-mm-dd. */
  readonly today: string;
}

/** Two lines of TODO.md. */
const Head = z.strictObject({ owner: z.string().min(1), created: z.iso.date() });

export interface Feature extends z.output<typeof Head> {
  readonly name: string;
  /** From the project's folder. */
  readonly folder: string;
  /** The last day on which it may be there. */
  readonly until: string;
  readonly expired: boolean;
  /** What is wrong with it, in words. */
  readonly problems: string[];
}

export const PARTS = ['src', 'tests', 'docs'] as const;
const DAY_MS = 86_400_000;

/** Makes `FEATURES/<name>/` with its parts and a TODO.md that says whose it is. INPUT_INVALID when it is there. */
export function newFeature({ root, policy, today }: Workshop, name: string, owner: string): string {
  const folder = `${policy.folder}/${name}`;
  if (existsSync(join(root, folder))) throw wrong('name', `${folder} is there already`);
  for (const part of PARTS) mkdirSync(join(root, folder, part), { recursive: true });
  const docs = `# ${name}\n\nWhat it does, and every setting that it brings.\n`;
  writeFileSync(join(root, folder, 'docs/README.md'), docs);
  const rows = `Which rows it fulfils, and the test of each, is in acceptance.yaml: \`ROW-01: tests/a.test.ts\`.\n`;
  const head = `# To do\n\n- owner: ${owner.replaceAll(/\s+/g, ' ')}\n- created: ${today}\n`;
  writeFileSync(join(root, folder, 'TODO.md'), `${head}\n${rows}\n- [ ] tests\n- [ ] docs\n`);
  writeFileSync(join(root, folder, 'acceptance.yaml'), '{}\n');
  return folder;
}

/** By name. */
export function listFeatures(shop: Workshop): Feature[] {
  const folder = join(shop.root, shop.policy.folder);
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory());
  return found.map(({ name }) => readFeature(shop, name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** INPUT_INVALID, with those that are there, for a name that none has. */
export function requireFeature(shop: Workshop, name: string): Feature {
  const all = listFeatures(shop);
  const found = all.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw wrong('name', `is no feature; there are: ${all.map((each) => each.name).join(', ') || 'none'}`);
}

function readFeature({ root, policy, today }: Workshop, name: string): Feature {
  const folder = `${policy.folder}/${name}`;
  const problems = PARTS.flatMap((part) => (existsSync(join(root, folder, part)) ? [] : [`has no ${part}/`]));
  const head = headOf(join(root, folder, 'TODO.md'));
  if (head === undefined) problems.push('has no TODO.md with its owner and the day of its creation');
  const { owner, created } = head ?? { owner: 'nobody', created: today };
  const until = new Date(Date.parse(created) + policy.ttl_days * DAY_MS).toISOString().slice(0, 10);
  const expired = today > until;
  if (expired) problems.push(`was to be promoted or dropped by ${until}: ${owner}`);
  return { name, folder, owner, created, until, expired, problems };
}

function headOf(path: string): z.output<typeof Head> | undefined {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const [owner, created] = ['owner', 'created'].map((name) => new RegExp(`^- ${name}: (.+)$`, 'm').exec(text)?.[1]);
  return Head.safeParse({ owner, created }).data;
}

export function wrong(field: string, problem: string, options?: ErrorOptions): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem }] }, options);
}
