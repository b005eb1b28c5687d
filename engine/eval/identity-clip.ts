import type { Config } from '#config/schema.ts';
import type { Facebank } from '#engine/core/identities.ts';
import type { Span } from '#engine/core/spans.ts';
import { identifyTracks } from '#engine/math/identify-tracks.ts';
import type { Engine } from '../engine.ts';
import { type Gates, gatesFor } from '../facebank/gates.ts';
import { reviewQueue, uncheckedTracks } from '../review/queue.ts';
import { planCells } from '../review/sheet-plan.ts';
import { type OpenRun, openRun } from '../run/open-run.ts';
import { measure } from '../stages/measure.ts';
import type { TrueClip } from './clips.ts';
import type { Readers } from './identified-faces.ts';
import { type IdentityScore, type IdentityTask, scoreIdentity } from './score-identity.ts';
import { type IdentifiableRun, unscored, withoutSpans } from './scored-part.ts';

/** Where the bank of a clip comes from. */
export interface SeedPlan {
  /** Whose faces seed the bank, and which are then neither identified nor scored; none where the bank is photos. */
  readonly spans: readonly Span[];
  bank(run: OpenRun, gates: Gates): Promise<Facebank>;
}

/** A clip that was run, identified with a bank by the product's own functions, against its truth. */
export async function identityOfClip(
  engine: Engine,
  clip: TrueClip,
  ep_id: string,
  plan: SeedPlan,
  markOf?: Readers['markOf'],
): Promise<IdentityScore> {
  const whole = await openRun(engine, ep_id);
  const { config } = engine;
  const facebank = await plan.bank(whole, gatesFor(config, whole.detector));
  return scoreIdentity(taskOf({ config, clip, whole, facebank, spans: plan.spans, markOf }));
}

interface Parts {
  readonly config: Config;
  readonly clip: TrueClip;
  readonly whole: IdentifiableRun &
    Pick<OpenRun, 'shots'> & { readonly settings: Pick<OpenRun['settings'], 'calibration'> };
  readonly facebank: Facebank;
  readonly spans: readonly Span[];
  readonly markOf?: Readers['markOf'] | undefined;
}

/** The product's own functions, in memory: nothing is decoded, and nothing is written. */
export function taskOf({ config, clip, whole, facebank, spans, markOf }: Parts): IdentityTask {
  const run = withoutSpans(whole, spans);
  const { detections, tracks, faces, embeddings, clusters } = run;
  const calibration = whole.settings.calibration ?? undefined;
  const { openset, confusion, review } = config;
  const isSeed = (at_ms: number) => spans.some((span) => at_ms >= span.start_ms && at_ms < span.end_ms);
  const faceOf = new Map(faces.rows.map((row) => [row.face_id, row]));
  return {
    ...{ clip: unscored(clip, spans), run, facebank, openset, calibration },
    markOf: markOf && ((person, at_ms) => (isSeed(at_ms) ? null : markOf(person, at_ms))),
    identify: (bank, version, decisions) =>
      identifyTracks({
        ...{ tracks: tracks.rows, detections: detections.rows, faces: faces.rows, embeddings, clusters, decisions },
        ...{ facebank: bank, params: { openset: { ...openset, bank: version }, confusion }, calibration },
      }),
    measure: (identities) =>
      measure.run({ shots: whole.shots, detections, tracks, identities }, config.screen_time, undefined),
    queue: (identities) => {
      const params = {
        accept: openset.accept,
        ask: openset.ask,
        margin_small: review.margin_small,
        mixed: review.mixed,
      };
      const input = { identities, embeddings, clusters, tracks, params };
      return [...reviewQueue(input).items, ...uncheckedTracks(input)];
    },
    sheet: ({ targets }) =>
      planCells(targets, { tracks: tracks.rows, faces: faces.rows }, review.sheet_cells).flatMap(({ face_ids }) =>
        face_ids.flatMap((id) => faceOf.get(id) ?? []),
      ),
  };
}
