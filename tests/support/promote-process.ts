import process from 'node:process';
import { loadFeaturePolicy } from '#config/features.ts';
import { projectRoot } from '#config/load.ts';
import { toKnown } from '#engine/core/errors.ts';
import { requireFeature } from '../../cli/feature/features.ts';
import { promoteFeature } from '../../cli/feature/promote.ts';

/** A process of its own that promotes a feature of a project without gates of commands: `node promote-process.ts ROOT NAME TO`. */
const [root = '', name = '', to = ''] = process.argv.slice(2);
const shop = { root, policy: { ...loadFeaturePolicy(projectRoot), gates: [] }, today: '2030-01-01' };
const ended = await promoteFeature(shop, requireFeature(shop, name), to, new AbortController().signal).then(
  ({ gates, moved }) => moved?.join('\n') ?? JSON.stringify(gates),
  (error: unknown) => toKnown(error).code,
);
process.stdout.write(`${ended}\n`);
