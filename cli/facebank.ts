import type { z } from 'zod';
import type { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import type { listFacebank } from '#mcps/screenalytics/tools/list-facebank.ts';
import type { promoteToFacebank } from '#mcps/screenalytics/tools/promote-to-facebank.ts';
import { percent } from './render.ts';
import { facts, type Look, table } from './table.ts';

type Output<T extends { output: z.ZodType }> = z.output<T['output']>;
type Added = Output<typeof promoteToFacebank>;
type Status = Output<typeof listFacebank>['people'][number];

export function seedsAddedText(done: Output<typeof addSeeds>, look: Look): string {
  if (done.exported !== null)
    return `${done.exported.folder}\n${done.exported.people} people, ${done.exported.files} files`;
  if (done.removed.length > 0) return `Taken out: ${done.removed.join(' ')}${changeOf(done)}`;
  return promotedText(done, look);
}

export function promotedText(done: Added, look: Look): string {
  const rows = done.results.map((row) => [row.person, row.file, row.code, row.seed_id, row.detail]);
  const several = done.results.filter(({ code }) => code === 'multi_face');
  return [
    table(['person', 'picture', 'outcome', 'seed', 'detail'], rows, look),
    ...several.flatMap(({ file, faces }) =>
      faces.map(({ n, box_px, score }) => `${file}#${n}: ${box_px.join(' ')} px, score ${score.toFixed(2)}`),
    ),
    ...(done.warnings.length === 0 ? [] : ['', 'Look at these again:']),
    ...done.warnings.map(({ person, file, detail }) => `  ${file} of ${person}: ${detail}`),
    ...confusedText(done.confused_with, look),
    ...(done.people.length === 0 ? [] : ['', peopleText(done.people, look)]),
    '',
    `Added ${done.added} seeds, refused ${done.rejected}.${changeOf(done)}`,
  ].join('\n');
}

export function facebankText(bank: Output<typeof listFacebank>, look: Look): string {
  if (bank.people.length === 0)
    return 'Nobody is there yet: screenalytics seeds add <folder with one sub-folder per person>';
  const seeds = bank.seeds.map((row) => [
    row.n,
    row.seed_id,
    row.source,
    row.pose,
    Math.round(row.yaw_deg),
    Math.round(row.size_px),
    row.quality.toFixed(2),
    row.score.toFixed(2),
  ]);
  return [
    peopleText(bank.people, look),
    ...(bank.people_omitted > 0 ? [`${bank.people_omitted} more people omitted`] : []),
    ...(seeds.length === 0
      ? []
      : ['', table(['no.', 'seed', 'source', 'pose', 'yaw', 'pixels', 'quality', 'score'], seeds, look)]),
    ...confusedText(bank.confused, look),
    '',
    facts([
      ...(bank.sheet === null ? [] : [['contact sheet', bank.sheet] as const]),
      ['models', `${bank.models.detector}, ${bank.models.embedder}`],
      [
        'gates',
        `score ${bank.gates.min_conf}, ${bank.gates.min_face_px} px, ready from ${bank.gates.ready_seeds} seeds`,
      ],
    ]),
    ...(bank.next === null ? [] : ['', `More: --cursor ${bank.next}`]),
  ].join('\n');
}

function peopleText(people: readonly Status[], look: Look): string {
  const count = (row: Status, pose: string) => row.poses[pose] ?? 0;
  const rows = people.map((row) => [
    row.person,
    row.seeds,
    row.ready ? 'ready' : 'needs more',
    `${count(row, 'frontal')} ${count(row, 'three-quarter')} ${count(row, 'profile')}`,
    `${row.sizes.large} ${row.sizes.small}`,
    row.consent,
    row.retain_until ?? '',
    [...row.missing, ...(row.ready ? row.advice : [])].join('; '),
  ]);
  const columns = ['person', 'seeds', 'state', 'front 3/4 side', 'large small', 'consent', 'keep until', 'add next'];
  return table(columns, rows, look);
}

function confusedText(pairs: Added['confused_with'], look: Look): string[] {
  if (pairs.length === 0) return [];
  const rows = pairs.map((pair) => [pair.name_a, pair.name_b, pair.similarity_max.toFixed(2), percent(pair.confusion)]);
  return ['', table(['easily taken for', 'one another', 'similarity', 'wrong name'], rows, look)];
}

function changeOf({ change_id, affected }: Pick<Added, 'change_id' | 'affected'>): string {
  const again = affected.length === 0 ? '' : ` Identified anew: ${affected.join(' ')}.`;
  return change_id === null ? again : ` Change ${change_id}.${again}`;
}
