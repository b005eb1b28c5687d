import type { ProfileName, Rule } from '#config/schema.ts';
import type { ErrorCode } from '#engine/core/errors.ts';
import type { By } from '#engine/core/identities.ts';
import type { Engine } from '#engine/engine.ts';
import type { AuditRow } from '#engine/store/audit.ts';
import type { ToolProgress } from './tool.ts';

export interface Question {
  readonly tool: string;
  /** What would change, in words; part of them may come from media and models. */
  readonly summary: string;
  /** Has to be typed: of what cannot be undone. */
  readonly phrase?: string;
}

/** `cannot`: nobody is there who could be asked. */
export type Answered = 'yes' | 'no' | 'cannot';

/** Who asks, and with what. */
export interface Caller {
  readonly surface: By['surface'];
  /** Who asks; `operator` if absent. */
  readonly actor?: string;
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** Of config/policy.yaml. It can only make stricter what `services.profile` says, and several only each other. */
  readonly profile?: ProfileName | readonly ProfileName[];
  /** Further rules, as of a playbook: they can only make it stricter, too. `writes_max`: how much may change under them in `run_limits`. */
  readonly policies?: readonly {
    readonly name: string;
    readonly rules: readonly Rule[];
    readonly writes_max?: number;
  }[];
  /** What this session has changed so far: one map for all its calls. Absent: each call is a session of its own. */
  readonly run_limits?: Map<string, number>;
  /** Id of the proposal that a person has approved for exactly this call. The database says whether that is so. */
  readonly approved?: string;
  /**
   * Whether long calls may become jobs: where the input says so, or also where it says nothing. Absent: what is asked is done here.
   */
  readonly jobs?: 'on_request' | 'by_default';
  /** The call is such a job. */
  readonly job?: {
    /** It was begun before: what was approved for it is approved still. */
    readonly again: boolean;
    /** It failed so, and will be begun again: nothing has ended. */
    goesOn(error: ErrorCode): boolean;
  };
  /** Asks a person, when the policy says so. */
  confirm?(question: Question): Promise<Answered>;
  progress?(now: ToolProgress): void;
  /** Hears what the audit is told of this call. */
  ended?(row: AuditRow): void;
}
