import type { TrackRow } from '#engine/core/artifacts.ts';
import type { Decision } from '#engine/core/identities.ts';
import { intersect, type Span, subtract } from '#engine/core/spans.ts';
import type { Claim } from './decide-match.ts';

/** A claim and the parts of its track that it speaks of: sorted, disjoint. */
export interface Region {
  readonly claim: Claim;
  readonly spans: readonly Span[];
}

const SCOPES = ['cluster', 'track', 'frame'] as const;
/** What is left of an older claim at the edge of a newer one is the jitter of two runs, unless it is longer than this. */
const SLIVER_MS = 500;

/** Above 0: `a` goes before `b`. Locked beats everything, then frame > track > cluster, then newer beats older. */
export function strength(a: Decision, b: Decision): number {
  return Number(a.locked) - Number(b.locked) || SCOPES.indexOf(a.scope) - SCOPES.indexOf(b.scope) || a.seq - b.seq;
}

/** True when both cannot hold for one face. */
export function contradict(a: Decision, b: Decision): boolean {
  if (a === b) return false;
  const denied = (yes: Decision, no: Decision) =>
    yes.act === 'assign' && no.act === 'deny' && yes.person_id === no.person_id;
  if (denied(a, b) || denied(b, a)) return true;
  const places = (each: Decision) => each.act === 'assign' || each.act === 'drop' || each.act === 'detach';
  if (!places(a) || !places(b)) return false;
  return a.act !== b.act || (a.act === 'assign' && a.person_id !== b.person_id);
}

/**
 * How far each claim of a track reaches. One for a span alone keeps to it. One for a whole track takes the whole track, also
 * where this run's is longer, until it meets a claim that contradicts it: there the track is divided.
 */
export function regionsOf(track: TrackRow, claims: readonly Claim[], switches_ms: readonly number[]): Region[] {
  const all: Span = { start_ms: track.start_ms, end_ms: track.end_ms };
  const spans = new Map<Claim, Span[]>();
  for (const claim of claims) spans.set(claim, claim.evidence.whole_track ? [all] : intersect([all], [claim.evidence]));
  const whole = claims.filter((claim) => claim.evidence.whole_track);
  whole.forEach((a, i) => {
    for (const b of whole.slice(i + 1)) {
      if (!contradict(a.decision, b.decision)) continue;
      const [strong, weak] = strength(a.decision, b.decision) >= 0 ? [a, b] : [b, a];
      const own = { start_ms: all.start_ms, end_ms: all.end_ms };
      const rest: Span[] = [];
      const left = edgeBetween(weak, strong, switches_ms, 'left');
      const right = edgeBetween(weak, strong, switches_ms, 'right');
      if (left !== undefined) {
        own.start_ms = left;
        rest.push({ start_ms: all.start_ms, end_ms: left });
      }
      if (right !== undefined) {
        own.end_ms = right;
        rest.push({ start_ms: right, end_ms: all.end_ms });
      }
      const valid = (list: readonly Span[]) => list.filter((span) => span.end_ms > span.start_ms);
      spans.set(strong, intersect(spans.get(strong) ?? [], valid([own])));
      spans.set(weak, subtract(intersect(spans.get(weak) ?? [], valid(rest)), valid([own])));
    }
  });
  return claims.map((claim) => ({ claim, spans: spans.get(claim) ?? [] }));
}

/** Where the weaker claim's part on that side ends; undefined when it has none there. */
function edgeBetween(
  weak: Claim,
  strong: Claim,
  switches_ms: readonly number[],
  side: 'left' | 'right',
): number | undefined {
  const [w, s] = [ends(weak), ends(strong)];
  if (side === 'left') {
    if (w.last < s.first) return middle(w.last, s.first, switches_ms);
    if (w.first > s.last || s.first - w.first <= SLIVER_MS) return undefined;
    const { start_ms, moments } = strong.evidence;
    const whole = s.first === Math.min(...moments.map((moment) => moment.at_ms));
    return whole && start_ms > w.first ? Math.min(start_ms, s.first) : s.first;
  }
  if (w.first > s.last) return middle(s.last, w.first, switches_ms);
  if (w.last < s.first || w.last - s.last <= SLIVER_MS) return undefined;
  const { end_ms, moments } = strong.evidence;
  const whole = s.last === Math.max(...moments.map((moment) => moment.at_ms));
  return whole && end_ms <= w.last ? Math.max(end_ms, s.last + 1) : s.last + 1;
}

function ends({ hits }: Claim): { first: number; last: number } {
  return { first: hits[0] as number, last: hits.at(-1) as number };
}

/** A suspected switch in the gap, the nearest to its middle; else the middle. */
function middle(from: number, to: number, switches_ms: readonly number[]): number {
  const half = Math.round((from + to) / 2);
  const inside = switches_ms.filter((at_ms) => at_ms > from && at_ms <= to);
  return inside.sort((a, b) => Math.abs(a - half) - Math.abs(b - half) || a - b)[0] ?? half;
}
