import { z } from 'zod';
import { runTool } from '#mcps/kit/run-tool.ts';
import { deleteData } from '#mcps/screenalytics/tools/delete-data.ts';
import type { Command } from './commands.ts';
import { facts, type Look, table } from './table.ts';

type Deleted = z.output<typeof deleteData.output>;

function deleteCommand(words: string[], what: Deleted['what'], about: string, named?: 'person' | 'episode'): Command {
  const { dry_run, confirm, reason, person, episode } = deleteData.input.shape;
  const whom = named === undefined ? {} : { [named]: { person, episode }[named] };
  return {
    words,
    about,
    input: z.object({ ...whom, dry_run, confirm, reason }),
    positional: named,
    everyday: true,
    run: async (raw, session) => {
      const output = await runTool(deleteData, { what, ...raw }, { surface: 'cli', ...session });
      return { output, ok: true, text: (look) => deletedText(output, look) };
    },
  };
}

/** Everyday names of delete_data. */
export const erasureCommands: readonly Command[] = [
  deleteCommand(['forget'], 'person_data', 'Erases a person everywhere; shows first what would go.', 'person'),
  deleteCommand(['forget', 'episode'], 'episode', 'Deletes an episode with its files; shows them first.', 'episode'),
  deleteCommand(
    ['forget', 'everything'],
    'everything',
    'Deletes all shows, episodes and people; shows first what would go.',
  ),
];

export function deletedText(done: Deleted, look: Look): string {
  const overdue = done.overdue.map((each) => [each.person, each.retain_until, each.person_id]);
  const overdueTable = () => table(['overdue', 'keep until', 'id'], overdue, look);
  const more = done.files_omitted > 0 ? [`${done.files_omitted} more files`] : [];
  const whom = done.person ?? done.person_id ?? done.episodes.join(', ');
  if (done.what === 'person_data' && whom === '') {
    const nobody =
      overdue.length === 0 ? ', and of nobody the last day has passed' : '; of these the last day has passed';
    const said = `Nobody was named${nobody}. Of one person it shows what would go: screenalytics forget <person>`;
    return [said, ...(overdue.length === 0 ? [] : ['', overdueTable()])].join('\n');
  }
  const about: [string, string][] =
    done.what === 'everything'
      ? [
          ['episodes', done.episodes.join(' ')],
          ['people, seeds', `${done.people}, ${done.seeds}`],
        ]
      : [
          ['in episodes', done.episodes.join(' ') || (done.what === 'person_data' ? 'none' : '')],
          ['seeds, tracks', `${done.seeds}, ${done.tracks}`],
        ];
  return [
    facts([
      [done.deleted ? 'deleted' : 'would delete', done.what === 'everything' ? done.what : whom],
      ...about,
      ...(done.deleted ? ([['changes erased', done.changes_erased]] as const) : []),
      ...done.left.map((where) => ['still named in', where] as const),
      ...(done.stale.length > 0 ? ([['not named anew', done.stale.join(' ')]] as const) : []),
      ...(done.deleted && done.what === 'person_data'
        ? done.episodes.map((ep_id) => ['then', `screenalytics run episode ${ep_id}`] as const)
        : []),
      ...done.beyond.map((what) => ['not erased', what] as const),
    ]),
    ...(done.files.length === 0 ? [] : ['', ...done.files, ...more]),
    ...(overdue.length === 0 ? [] : ['', overdueTable()]),
    ...(done.deleted || done.confirm === null ? [] : ['', `To delete: --no-dry-run --confirm "${done.confirm}"`]),
  ].join('\n');
}
