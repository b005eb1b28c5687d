import process from 'node:process';
import { loadConfig } from '#config/load.ts';
import { causes, missed } from '#engine/eval/bars.ts';
import { IDENTITY_BARS, identityCauses, missedIdentity } from '#engine/eval/identity-bars.ts';
import {
  FACE_SET_HEAD,
  faceSetRows,
  IDENTITY_TABLES,
  identityCells,
  identityHead,
  identityMarkdown,
} from '#engine/eval/identity-table.ts';
import { cells, HEAD, markdown } from '#engine/eval/scores-table.ts';
import { note, say, writeScores } from '../script.ts';
import { table } from '../table.ts';
import type { Scored } from './evaluate.ts';

export interface ShowFlags {
  readonly json: boolean;
  readonly write: boolean;
  readonly detector: string;
  readonly embedder: string;
}

/** The tables, the bars that were missed with what they come from, and docs/SCORES.md where that is asked for. */
export async function show(scored: Scored, flags: ShowFlags): Promise<void> {
  if (flags.json) return say(JSON.stringify(scored, undefined, 1));
  const look = { rules: process.stdout.isTTY === true };
  const { runs, identities, faces } = scored;
  if (runs.length > 0) say(table(HEAD, runs.map(cells), look));
  if (identities.length > 0)
    for (const { title, columns } of IDENTITY_TABLES)
      say(
        `\n${title}\n${table(
          identityHead(columns),
          identities.map((run) => identityCells(run, columns)),
          look,
        )}`,
      );
  if (faces.length > 0) say(`\nmedia/faces\n${table(FACE_SET_HEAD, faces.flatMap(faceSetRows), look)}`);
  for (const { weights, score } of runs) {
    const names = missed(score, weights);
    if (names.length > 0) say(`\n${score.clip}, ${weights}: missed ${names.join(', ')}`);
    for (const cause of causes(score, weights)) say(`  ${cause}`);
  }
  for (const { weights, embedder, score } of identities) {
    const names = missedIdentity(score).map((name) => IDENTITY_BARS[name].name);
    if (names.length > 0) say(`\n${score.clip}, ${weights}, ${embedder}: missed ${names.join(', ')}`);
    for (const cause of identityCauses(score)) say(`  ${cause}`);
  }
  if (flags.write) await write(scored, flags);
}

async function write({ runs, identities, faces }: Scored, { detector, embedder }: ShowFlags): Promise<void> {
  const { detection, recognition } = loadConfig({}).config;
  const text = markdown(runs, {
    embedded: `${detection.order[0]} and ${recognition.order[0]}, the defaults`,
    local: `${detector} and ${embedder}, from $SCREENALYTICS_SHARED/models`,
  });
  if (runs.length > 0) await writeScores('eval: begin', 'eval: end', text);
  if (identities.length > 0) await writeScores('identity: begin', 'identity: end', identityMarkdown(identities, faces));
  note('docs/SCORES.md is written.');
}
