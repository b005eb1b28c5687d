import { applyLifecycle } from './apply-lifecycle.ts';
import { getLifecycle } from './get-lifecycle.ts';
import { listObjects } from './list-objects.ts';
import { migrateLayout } from './migrate-layout.ts';
import { purgeObjects } from './purge-objects.ts';
import { setLifecycle } from './set-lifecycle.ts';
import { signUpload } from './sign-upload.ts';
import { signUrl } from './sign-url.ts';
import { statEpisode } from './stat-episode.ts';
import { storageInfo } from './storage-info.ts';

/** What the server answers; its own command line, too. */
export const served = [
  listObjects,
  statEpisode,
  signUrl,
  signUpload,
  purgeObjects,
  getLifecycle,
  setLifecycle,
  applyLifecycle,
  migrateLayout,
  storageInfo,
] as const;

export const tools = [...served] as const;
