import type { z } from 'zod';
import { applyLifecycle } from '#mcps/storage/tools/apply-lifecycle.ts';
import { getLifecycle } from '#mcps/storage/tools/get-lifecycle.ts';
import { listObjects } from '#mcps/storage/tools/list-objects.ts';
import { migrateLayout } from '#mcps/storage/tools/migrate-layout.ts';
import { purgeObjects } from '#mcps/storage/tools/purge-objects.ts';
import { setLifecycle } from '#mcps/storage/tools/set-lifecycle.ts';
import { signUpload } from '#mcps/storage/tools/sign-upload.ts';
import { signUrl } from '#mcps/storage/tools/sign-url.ts';
import { statEpisode } from '#mcps/storage/tools/stat-episode.ts';
import { storageInfo } from '#mcps/storage/tools/storage-info.ts';
import { type Command, toolCommands } from './commands.ts';
import { facts, type Look, table } from './table.ts';

type Output<T extends { output: z.ZodType }> = z.output<T['output']>;

/** Files: what is there, URLs to it, and what may go. */
export const storageCommands: readonly Command[] = [
  ...toolCommands(listObjects, { also: ['storage list'], positional: 'episode', text: objectsText }),
  ...toolCommands(statEpisode, { also: ['storage stat'], positional: 'episode', text: episodeText }),
  ...toolCommands(signUrl, { also: ['storage sign'], positional: 'key', text: signedText }),
  ...toolCommands(signUpload, { also: ['storage upload'], positional: 'episode', text: uploadText }),
  ...toolCommands(purgeObjects, { also: ['storage purge'], positional: 'episode', text: purgedText }),
  ...toolCommands(getLifecycle, { also: ['storage lifecycle'], text: lifecycleText }),
  ...toolCommands(setLifecycle, { also: ['storage lifecycle set'], text: daysText }),
  ...toolCommands(applyLifecycle, { also: ['storage lifecycle apply'], text: appliedText }),
  ...toolCommands(migrateLayout, { also: ['storage migrate'], positional: 'episode', text: migratedText }),
  // Its own name spells the everyday one.
  ...toolCommands(storageInfo, { also: [], text: infoText }).map((command) => ({ ...command, everyday: true })),
];

function objectsText({ objects, total, next }: Output<typeof listObjects>, look: Look): string {
  if (total === 0) return 'Nothing is stored of that.';
  const rows = objects.map((each) => [each.kind, size(each.bytes), minute(each.modified_at), each.layout, each.key]);
  return [
    table(['kind', 'size', 'changed', 'layout', 'key'], rows, look),
    ...(objects.length < total ? ['', `${objects.length} of ${total}`] : []),
    ...(next === null ? [] : [`next page: --cursor ${next}`]),
  ].join('\n');
}

function episodeText(found: Output<typeof statEpisode>, look: Look): string {
  const { footage, kinds } = found;
  const rows = kinds.map(({ kind, files, bytes, files_v1 }) => [kind, files, size(bytes), files_v1]);
  return [
    facts([
      ['episode', found.episode],
      ['layout', found.layout],
      ['footage', footage?.key],
      ['sha256', footage?.sha256],
      ['files', `${found.files}, ${size(found.bytes)}`],
    ]),
    ...(rows.length === 0 ? [] : ['', table(['kind', 'files', 'size', 'under v1 names'], rows, look)]),
  ].join('\n');
}

function signedText({ url, key, bytes, content_type, expires_at }: Output<typeof signUrl>): string {
  return `${url}\n${key}: ${content_type}, ${size(bytes)}, until ${expires_at}`;
}

function uploadText({ url, key, episode, bytes_max, expires_at }: Output<typeof signUpload>): string {
  return [
    url,
    `${key}: at most ${bytes_max} bytes, until ${expires_at}`,
    'Send it: curl -T <file> "<url>"',
    `Then: screenalytics run episode ${episode}`,
  ].join('\n');
}

function purgedText({ purged, keys, keys_omitted, ...about }: Output<typeof purgeObjects>): string {
  const what = `${about.files} files (${about.kinds.join(', ')}), ${size(about.bytes)}, of ${about.episode}`;
  return [
    `${purged ? 'deleted' : 'would delete'} ${what}`,
    ...keys,
    ...(keys_omitted > 0 ? [`${keys_omitted} more files`] : []),
    ...(purged || about.files === 0 ? [] : ['', `To delete: --no-dry-run --confirm "${about.confirm}"`]),
  ].join('\n');
}

function lifecycleText({ rules, groups, groups_omitted }: Output<typeof getLifecycle>, look: Look): string {
  const rows = rules.map((rule) => [rule.kind, days(rule.days), rule.files, size(rule.bytes), rule.expired_files]);
  return [
    table(['kind', 'kept', 'files', 'size', 'past that'], rows, look),
    ...groupsText(groups, groups_omitted, look),
  ].join('\n');
}

function daysText({ after, overruled }: Output<typeof setLifecycle>): string {
  return facts([
    ['frames', days(after.frames_days)],
    ['thumbs', days(after.thumbs_days)],
    ...overruled.map((key) => ['does not hold', `${key} is set elsewhere`] as const),
  ]);
}

function appliedText({ applied, files, bytes, busy, ...rest }: Output<typeof applyLifecycle>, look: Look): string {
  return [
    `${applied ? 'deleted' : 'would delete'} ${files} files, ${size(bytes)}`,
    ...groupsText(rest.groups, rest.groups_omitted, look),
    ...(busy.length === 0 ? [] : [`left for the next time, as they are being worked on: ${busy.join(' ')}`]),
    ...(applied || files === 0 ? [] : ['', 'To delete: --no-dry-run']),
  ].join('\n');
}

function groupsText(groups: Output<typeof getLifecycle>['groups'], omitted: number, look: Look): string[] {
  if (groups.length === 0) return [];
  const rows = groups.map((group) => [
    ...[group.episode, group.kind, group.files, size(group.bytes)],
    ...[minute(group.expires_from), minute(group.expires_until)],
  ]);
  const more = omitted > 0 ? [`${omitted} more`] : [];
  return ['', table(['episode', 'kind', 'files', 'size', 'expires from', 'until'], rows, look), ...more];
}

function migratedText({ applied, moves, moves_omitted, ...counts }: Output<typeof migrateLayout>, look: Look): string {
  const rows = moves.map(({ state, bytes, from, to }) => [state.replace('_', ' '), size(bytes), from, to]);
  return [
    facts([
      [applied ? 'copied' : 'to copy', `${applied ? counts.copied : counts.to_copy} files, ${size(counts.bytes)}`],
      ['there already', counts.there],
      ['conflicts', counts.conflicts],
    ]),
    ...(rows.length === 0 ? [] : ['', table(['state', 'size', 'from', 'to'], rows, look)]),
    ...(moves_omitted > 0 ? [`${moves_omitted} more`] : []),
    ...(applied || counts.to_copy === 0 ? [] : ['', 'To copy: --no-dry-run']),
  ].join('\n');
}

function infoText(info: Output<typeof storageInfo>): string {
  const { lifecycle, capabilities } = info;
  return facts([
    ['backend', info.backend],
    ['folder', info.root],
    ['free', `${size(info.free_bytes)} of ${size(info.total_bytes)}`],
    ['signed URLs', `${capabilities.ttl_s_max} s at most${capabilities.loopback_only ? ', on this machine' : ''}`],
    ['frames kept', days(lifecycle.frames_days)],
    ['thumbs kept', days(lifecycle.thumbs_days)],
    ['v1 names', `${info.v1_files} files, ${info.v1_left} under no v2 name`],
    ...info.env_missing.map((name) => ['missing', name] as const),
  ]);
}

function days(number: number | null): string {
  return number === null ? 'for good' : `${number} days`;
}

function minute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

function size(bytes: number): string {
  const step = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${step === 0 ? bytes : (bytes / 1000 ** step).toFixed(1)} ${UNITS[step]}`;
}
