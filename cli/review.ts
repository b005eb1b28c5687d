import type { z } from 'zod';
import type { Corrected } from '#mcps/screenalytics/correction.ts';
import type { NextStep } from '#mcps/screenalytics/next-steps.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { editPeople } from '#mcps/screenalytics/tools/edit-people.ts';
import { editTracks } from '#mcps/screenalytics/tools/edit-tracks.ts';
import { getHistory } from '#mcps/screenalytics/tools/get-history.ts';
import { listLowConfidenceTracks } from '#mcps/screenalytics/tools/list-low-confidence-tracks.ts';
import { mendEpisode } from '#mcps/screenalytics/tools/mend-episode.ts';
import { showFaces } from '#mcps/screenalytics/tools/show-faces.ts';
import { undoChange } from '#mcps/screenalytics/tools/undo-change.ts';
import { type Command, toolCommands } from './commands.ts';
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
  const answer = exampleAnswer(items, episode);
  return [
    items.length === 0
      ? 'Nothing to ask.'
      : table(['question', 'now', 'at stake', 'seconds', 'tracks', 'suggestion', 'why'], rows, look),
    ...(omitted > 0 ? [`and ${omitted} more`] : []),
    '',
    `${certainty.line}.`,
    ...(unmatched.length === 0
      ? []
      : [`${unmatched.length} decisions of people have nothing to attach to in this run.`]),
    ...(sheets.length === 0 ? [] : ['', facts(sheets)]),
    ...(answer === undefined ? [] : ['', facts([['answer', answer]])]),
    ...mendText(found.next_steps),
  ].join('\n');
}

/** To the first question that has somebody to suggest, else to the first that can be looked at. */
function exampleAnswer(items: Output<typeof listLowConfidenceTracks>['items'], episode: string): string | undefined {
  const shown = items.filter(({ sheet }) => sheet !== null);
  const suggests = ({ candidates: [best], suggestion }: (typeof items)[number]) =>
    best !== undefined && suggestion.startsWith(`${best.name}?`);
  const item = shown.find(suggests) ?? shown[0];
  if (item?.sheet == null) return undefined;
  const name = suggests(item) ? item.candidates[0]?.name : '<name>';
  const except = item.sheet.shown > 1 ? ' --except "#2"' : '';
  return `npx screenalytics assign ${episode} "${name}" --sheet ${item.sheet.sheet}${except}`;
}

/** What is gone, and the command that brings it back. */
export function mendFacts(steps: readonly NextStep[]): [string, string][] {
  return steps
    .filter(({ tool }) => tool === 'mend_episode')
    .map(({ input, why }) => [why, `npx screenalytics mend ${input.episode} --action harvest_track`]);
}

function mendText(steps: readonly NextStep[]): string[] {
  const lines = mendFacts(steps);
  return lines.length === 0 ? [] : ['', facts(lines)];
}

export function mendedText({ episodes, left }: Output<typeof mendEpisode>, look: Look): string {
  const rows = episodes.map((each) => [each.episode, each.tracks.length, each.faces, each.named, each.files]);
  return [
    rows.length === 0
      ? 'Nothing to mend.'
      : table(['episode', 'tracks cut again', 'faces', 'named anew', 'files written'], rows, look),
    ...left.map(({ episode, why }) => `${episode}: ${why}; run it again: npx screenalytics run episode ${episode}`),
  ].join('\n');
}

export function shownFacesText(
  { faces, total, sheet, next, next_steps }: Output<typeof showFaces>,
  look: Look,
): string {
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
    ...mendText(next_steps),
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

export function correctedText({ change_id, result }: Corrected, look: Look): string {
  const { totals, certainty, held, later, affected, also } = result;
  const rows = totals.map(({ person, before_s, after_s }) => {
    const difference = after_s - before_s;
    return [person, seconds(before_s), seconds(after_s), `${difference > 0 ? '+' : ''}${difference.toFixed(1)} s`];
  });
  const said: [string, string][] = [
    ...mendFacts(result.next_steps),
    ...(change_id === null ? [] : [['undo', `npx screenalytics undo ${change_id}`] as [string, string]]),
    ...(also.length === 0 ? [] : [['with it', also.join(', ')] as [string, string]]),
    ...(affected.length === 0 ? [] : [['named anew', affected.join(', ')] as [string, string]]),
    ...(held.length === 0 ? [] : [['held by an earlier word', held.join(', ')] as [string, string]]),
    ...(later.length === 0 ? [] : [['later, about the same', later.join(', ')] as [string, string]]),
  ];
  return [
    change_id === null ? 'Nothing was changed.' : `Done: ${change_id}.`,
    ...(rows.length === 0 ? [] : ['', table(['person', 'before', 'after', 'difference'], rows, look)]),
    ...(certainty === null ? [] : ['', `${certainty.line}.`]),
    ...(said.length === 0 ? [] : ['', facts(said)]),
  ].join('\n');
}

function editedText(output: Output<typeof editTracks>, look: Look): string {
  const { lines, sheet, change_id } = output;
  const pictures = (of: typeof sheet) => (of === null ? [] : [`pictures: ${of.path} (${of.sheet})`]);
  const elsewhere = output.elsewhere.flatMap((each) => {
    const outcome = each.problem ?? (each.change_id === null ? [] : `done: ${each.change_id}`);
    return ['', `in ${each.episode}:`, ...each.lines, ...pictures(each.sheet), outcome].flat();
  });
  const shown = [...lines, ...pictures(sheet), ...elsewhere];
  if (shown.length === 0) return correctedText(output, look);
  const after =
    change_id === null
      ? ['', 'A preview: nothing was changed. Say --apply to do it.']
      : ['', correctedText(output, look)];
  return [...shown, ...after].join('\n');
}

/** Asking, answering, correcting, and taking back. */
export const reviewCommands: readonly Command[] = [
  ...toolCommands(listLowConfidenceTracks, { also: ['review'], positional: 'episode', text: reviewText }),
  ...toolCommands(showFaces, { also: ['pictures'], positional: 'episode', text: shownFacesText }),
  ...toolCommands(assignIdentity, { also: ['assign'], positional: 'episode person targets', text: correctedText }),
  ...toolCommands(editTracks, { also: ['edit'], positional: 'episode action targets', text: editedText }),
  ...toolCommands(editPeople, { also: ['person'], positional: 'action person', text: correctedText }),
  ...toolCommands(undoChange, { also: ['undo'], positional: 'change_id', text: correctedText }),
  ...toolCommands(mendEpisode, { also: ['mend'], positional: 'episode', text: mendedText }),
  ...toolCommands(getHistory, { also: ['history'], positional: 'episode', text: historyText }),
];
