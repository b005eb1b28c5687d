/** A half-open interval of integer milliseconds: start_ms <= t < end_ms. */
export interface Span {
  readonly start_ms: number;
  readonly end_ms: number;
}

/** Sorted, disjoint union. Spans that touch or lie at most `gap_ms_max` apart become one. */
export function unite(spans: readonly Span[], gap_ms_max = 0): Span[] {
  const sorted = [...spans].sort((a, b) => a.start_ms - b.start_ms || a.end_ms - b.end_ms);
  const out: { start_ms: number; end_ms: number }[] = [];
  for (const { start_ms, end_ms } of sorted) {
    const last = out.at(-1);
    if (last !== undefined && start_ms - last.end_ms <= gap_ms_max) last.end_ms = Math.max(last.end_ms, end_ms);
    else out.push({ start_ms, end_ms });
  }
  return out;
}

/** Parts that lie in both; each list sorted and disjoint, as `unite` gives it. */
export function intersect(a: readonly Span[], b: readonly Span[]): Span[] {
  const out: Span[] = [];
  let j = 0;
  for (const span of a) {
    while (j < b.length && (b[j] as Span).end_ms <= span.start_ms) j++;
    for (let k = j; k < b.length && (b[k] as Span).start_ms < span.end_ms; k++) {
      const other = b[k] as Span;
      out.push({
        start_ms: Math.max(span.start_ms, other.start_ms),
        end_ms: Math.min(span.end_ms, other.end_ms),
      });
    }
  }
  return out;
}

/** Parts of `a` that are not in `b`; each list sorted and disjoint. */
export function subtract(a: readonly Span[], b: readonly Span[]): Span[] {
  const out: Span[] = [];
  for (const span of a) {
    let start_ms = span.start_ms;
    for (const hole of b) {
      if (hole.end_ms <= start_ms || hole.start_ms >= span.end_ms) continue;
      if (hole.start_ms > start_ms) out.push({ start_ms, end_ms: hole.start_ms });
      start_ms = Math.max(start_ms, hole.end_ms);
    }
    if (start_ms < span.end_ms) out.push({ start_ms, end_ms: span.end_ms });
  }
  return out;
}

export function total(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + span.end_ms - span.start_ms, 0);
}
