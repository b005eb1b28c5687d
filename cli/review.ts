import type { z } from 'zod';
import type { getHistory } from '#mcps/screenalytics/tools/get-history.ts';
import type { listLowConfidenceTracks } from '#mcps/screenalytics/tools/list-low-confidence-tracks.ts';
import type { showFaces } from '#mcps/screenalytics/tools/show-faces.ts';
import { moment, seconds } from './render.ts';
import { facts, type Look, table } from './table.ts';

type Output<T extends { output: z.ZodType }> = z.output<T['output']>;

export function reviewText(found: Output<typeof listLowConfidenceTracks>, look: Look): string {
  const { items, omitted, certainty, unmatched, episode } = found;
  const rows = items.map((item) => [
    item.id,
    item.label,
    seconds(item.stake_s),
    seconds(item.seconds),
    item.targets.length,
    item.suggestion,
    item.why,
  ]);
  const sheets = items.flatMap(({ id, sheet }) =>
    sheet === null ? [] : [[`${id} (${sheet.sheet})`, sheet.path] as const],
  );
  const [first] = items;
  const answer = first?.sheet
    ? `npx screenalytics assign ${episode} "<name>" --sheet ${first.sheet.sheet} --except "#3"`
    : undefined;
  return [
    items.length === 0
      ? 'Nothing to ask.'
      : table(['question', 'now', 'at stake', 'seconds', 'tracks', 'suggestion', 'why'], rows, look),
    ...(omitted > 0 ? [`${omitted} more questions`] : []),
    '',
    `${certainty.line}.`,
    ...(unmatched.length === 0
      ? []
      : [`${unmatched.length} decisions of people have nothing to attach to in this run.`]),
    ...(sheets.length === 0 ? [] : ['', facts(sheets)]),
    ...(answer === undefined ? [] : ['', facts([['answer', answer]])]),
  ].join('\n');
}

export function shownFacesText({ faces, total, sheet, next }: Output<typeof showFaces>, look: Look): string {
  if (faces.length === 0) return 'No crops.';
  const rows = faces.map((face) => [
    ...[face.number, face.face_id, moment(face.at_ms), face.label, face.quality.toFixed(2)],
    ...[face.flags.join(' '), face.path],
  ]);
  return [
    table(['#', 'face', 'at', 'counts for', 'quality', 'flags', 'picture'], rows, look),
    '',
    facts([
      ['crops', `${faces.length} of ${total} shown`],
      ...(sheet === null ? [] : [['sheet', sheet.path] as const]),
    ]),
    ...(next === null ? [] : [`more: --cursor ${next}`]),
  ].join('\n');
}

export function historyText({ changes, next, verified }: Output<typeof getHistory>, look: Look): string {
  const rows = changes.map((line) => [
    line.change_id,
    line.at.slice(0, 19).replace('T', ' '),
    line.actor === null ? '(erased)' : `${line.actor} (${line.surface})`,
    line.target === null ? line.kind : `${line.kind} of ${line.target}`,
    line.episode,
    line.reason,
    line.undone_by,
  ]);
  return [
    changes.length === 0
      ? 'Nobody has changed anything yet.'
      : table(['change', 'at', 'who', 'what', 'episode', 'why', 'undone by'], rows, look),
    ...(changes.length === 1 ? ['', ...states(changes[0])] : []),
    ...(next === null ? [] : [`more: --cursor ${next}`]),
    ...(verified === null ? [] : ['', `The log holds: ${verified.changes} changes, ${verified.erased} erased.`]),
  ].join('\n');
}

function states(line: Output<typeof getHistory>['changes'][number] | undefined): string[] {
  const words = (state: readonly unknown[]) => state.map((each) => JSON.stringify(each)).join(' ');
  return line === undefined
    ? []
    : [
        facts([
          ['before', words(line.before)],
          ['after', words(line.after)],
          ['about', line.entities.join(', ')],
        ]),
      ];
}
