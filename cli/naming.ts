import type { Naming } from '#mcps/screenalytics/naming.ts';
import { percent } from './render.ts';
import { facts, type Look, table } from './table.ts';

/** Who is easily taken for whom, what was split, and why each face has its name or none. */
export function namingText({ confusion, splits, decisions, ...more }: Naming, look: Look): string {
  const pairs = confusion.pairs.map((pair) => [
    ...[pair.name_a, pair.name_b, pair.similarity_max.toFixed(2), pair.similarity_mean.toFixed(2)],
    percent(pair.confusion),
  ]);
  const lines = decisions.map((line) => [
    line.what === 'cluster' ? `cluster ${line.cluster_id}` : `track ${line.track_id}`,
    line.label,
    line.outcome,
    line.candidates.map(({ name, probability }) => `${name} ${percent(probability)}`).join(', '),
    line.reason,
  ]);
  const parts = splits.map((split) => [
    ...[split.cluster_id, split.people.join(', '), split.applied ? 'split' : 'left whole'],
    ...[split.before.toFixed(2), split.after.toFixed(2), split.reason],
  ]);
  return [
    facts([
      ['facebank', confusion.people.map(({ name, seeds }) => `${name} (${seeds})`).join(', ')],
      ['decisions open', `${more.unmatched.length} unmatched, ${more.conflicts.length} in conflict`],
    ]),
    '',
    table(['who', 'is like', 'at most', 'on average', 'taken for another'], pairs, look),
    ...(parts.length === 0 ? [] : ['', table(['cluster', 'between', 'result', 'before', 'after', 'why'], parts, look)]),
    '',
    table(['what', 'named', 'band', 'candidates', 'why'], lines, look),
    ...(more.decisions_omitted === 0 ? [] : [`${more.decisions_omitted} more in id_assign_audit.jsonl`]),
  ].join('\n');
}
