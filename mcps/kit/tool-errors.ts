import type { ErrorCode } from '#engine/core/errors.ts';
import type { AnyTool } from './server-face.ts';

/** What any call may end with: its input, the policy, the person, and this machine. */
export const OF_EVERY: readonly ErrorCode[] = [
  ...(['INPUT_INVALID', 'POLICY_DENIED', 'PROPOSED', 'PROPOSAL_STALE', 'CANCELED'] as const),
  ...(['CONFIG_INVALID', 'DATABASE_UNAVAILABLE', 'DISK_FULL', 'INVARIANT_BROKEN', 'INTERNAL'] as const),
];

/** Of a call that may be a job. */
export const OF_LONG: readonly ErrorCode[] = ['QUEUE_UNAVAILABLE'];

/** Of what reads a video. */
export const OF_MEDIA = [
  ...(['MEDIA_NOT_FOUND', 'MEDIA_UNREADABLE', 'MEDIA_EMPTY', 'MEDIA_NOT_VIDEO', 'MEDIA_NO_VIDEO'] as const),
  ...(['MEDIA_DECODE_FAILED', 'FFMPEG_MISSING'] as const),
] as const satisfies ErrorCode[];

/** Of what finds or compares faces. */
export const OF_MODELS = [
  ...(['MODEL_UNKNOWN', 'MODEL_MISSING', 'MODEL_CORRUPT', 'MODEL_LICENCE', 'DEVICE_UNAVAILABLE'] as const),
] as const satisfies ErrorCode[];

/** Of what says who faces are. */
export const OF_CORRECTIONS = [
  ...(['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND', 'PERSON_NOT_FOUND', 'TRACK_NOT_FOUND'] as const),
  ...(['LOCKED', 'SAME_FRAME', 'CHANGE_CONFLICT', 'CHANGE_NOT_FOUND'] as const),
] as const satisfies ErrorCode[];

/** Everything that a call of a tool may end with, its own first. */
export function errorsOf({ errors, long }: AnyTool): ErrorCode[] {
  return [...errors, ...(long === undefined ? [] : OF_LONG), ...OF_EVERY];
}
