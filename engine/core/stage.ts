import { createHash } from 'node:crypto';
import type { ArtifactName, Artifacts } from './artifacts.ts';

/** What a stage is known by. Raise `version` when the same inputs would give another output. */
export interface StageFace<Needs extends ArtifactName = ArtifactName, Makes extends ArtifactName = ArtifactName> {
  /** A verb. */
  readonly name: string;
  readonly version: number;
  readonly needs: readonly Needs[];
  readonly makes: Makes;
}

/** Turns artifacts into one artifact. Same inputs, same output. `In`: the artifacts, where one that is given may be absent. */
export interface Stage<
  Needs extends ArtifactName,
  Makes extends ArtifactName,
  P,
  Context = undefined,
  In = Pick<Artifacts, Needs>,
> extends StageFace<Needs, Makes> {
  run(needs: In, params: P, context: Context): Promise<Artifacts[Makes]>;
}

export function defineStage<
  const N extends ArtifactName,
  const M extends ArtifactName,
  P,
  C = undefined,
  In = Pick<Artifacts, N>,
>(stage: Stage<N, M, P, C, In>): Stage<N, M, P, C, In> {
  return stage;
}

/**
 * The name of an artifact: a hash of everything that determined it. `facts` are the model ids with their sha256 and the class of
 * execution provider. Never in it: thread and batch counts, `device: auto`, a clock, a path.
 */
export function artifactKey(
  stage: Pick<StageFace, 'name' | 'version'>,
  params: unknown,
  facts: Readonly<Record<string, string>>,
  needs: readonly string[],
): string {
  return digest([stage.name, stage.version, params, facts, needs]);
}

/** Hash of a value as canonical JSON (keys sorted), 32 hexadecimal digits. */
export function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 32);
}

/** JSON with sorted keys: the same value gives the same text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
