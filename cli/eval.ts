import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { projectRoot } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { WEIGHTS } from '#engine/eval/bars.ts';
import { madeClip } from '#engine/eval/clips.ts';
import { readFaceSet } from '#engine/eval/face-set.ts';
import { type KnownClip, knownClips, knownSample } from '#engine/eval/seed-plans.ts';
import { prepareSample } from '#engine/sample/prepare.ts';
import { evaluate } from './eval/evaluate.ts';
import { show } from './eval/show.ts';
import { flagsFrom, note, runScript, say } from './script.ts';

const HELP = `npm run eval -- [options]

Runs the pipeline on every clip whose truth is known and prints how good it is: what is found, and who it is said to be.
The clips lie in $SCREENALYTICS_SHARED (../shared); without it the composed sample alone is run.

  --clip NAME        only this clip (again for more); sample_episode is the composed one, faces the folder media/faces
  --weights KIND     only embedded (the default models) or local (the best weights in $SCREENALYTICS_SHARED/models)
  --only TABLE       runs (what is found) or identity (who it is: with every embedder that is there)
  --detector ID      another detector for local
  --embedder ID      another embedder for local
  --home FOLDER      keep the runs there, and use what is there already
  --write            put the tables into docs/SCORES.md (needs all clips and both kinds of weights)
  --json             everything that was measured, as JSON`;

const EVALS = join(projectRoot, 'tests/evals');
const SAMPLE = 'sample_episode';
const FACES = 'faces';
const TABLES = ['runs', 'identity'] as const;
const OPTIONS = {
  clip: { type: 'string', multiple: true },
  weights: { type: 'string' },
  only: { type: 'string' },
  detector: { type: 'string', default: 'scrfd_2_5g' },
  embedder: { type: 'string', default: 'faceres' },
  home: { type: 'string' },
  write: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

await runScript(main);

async function main(signal: AbortSignal): Promise<void> {
  const flags = flagsOf(process.argv.slice(2));
  if (flags.help) return say(HELP);
  const folder = resolve(process.env.SCREENALYTICS_SHARED ?? join(projectRoot, '../shared'));
  const shared = existsSync(join(folder, 'media/truth')) ? folder : undefined;
  if (flags.write && (shared === undefined || flags.clip !== undefined || flags.weights !== undefined))
    throw new ScreenalyticsError('INPUT_INVALID', {
      write: 'needs SCREENALYTICS_SHARED, all clips and both kinds of weights',
    });
  if (shared === undefined)
    note(`SKIPPED: the real clips and the local weights, for there is no folder ${folder} (SCREENALYTICS_SHARED).`);

  const home = flags.home === undefined ? await mkdtemp(join(tmpdir(), 'screenalytics-eval-')) : resolve(flags.home);
  try {
    const kinds = WEIGHTS.filter((kind) => flags.weights === undefined || flags.weights === kind);
    const real = shared === undefined ? [] : knownClips(shared, EVALS);
    const wanted = wantedOf(flags.clip, real);
    const asked = real.filter(({ clip }) => wanted.includes(clip.name));
    const clips = await Promise.all(
      asked.map(async (each) => ({ ...each, clip: await madeClip(each.clip, join(home, 'joined')) })),
    );
    // Composed once for both kinds of weights, and only when it is asked for.
    if (wanted.includes(SAMPLE)) clips.push(knownSample(await prepareSample(home, { signal }), EVALS));
    const scored = await evaluate(clips, {
      ...{ home, shared, signal, detector: flags.detector, embedder: flags.embedder },
      kinds: kinds.filter((kind) => kind === 'embedded' || shared !== undefined),
      tables: TABLES.filter((name) => flags.only === undefined || flags.only === name),
      faces:
        shared !== undefined && wanted.includes(FACES)
          ? readFaceSet(shared, join(EVALS, 'hard/stills.json'))
          : undefined,
    });
    await show(scored, flags);
  } finally {
    if (flags.home === undefined) await rm(home, { recursive: true, force: true });
  }
}

function flagsOf(args: string[]) {
  return flagsFrom(() => {
    const { values } = parseArgs({ args, options: OPTIONS });
    if (values.weights !== undefined && !WEIGHTS.some((kind) => kind === values.weights))
      throw new Error('--weights is embedded or local');
    if (values.only !== undefined && !TABLES.some((name) => name === values.only))
      throw new Error('--only is runs or identity');
    return values;
  });
}

/** Everything that is known, or the clips that were named. */
function wantedOf(named: readonly string[] | undefined, real: readonly KnownClip[]): readonly string[] {
  const known = [...real.map(({ clip }) => clip.name), ...(real.length > 0 ? [FACES] : []), SAMPLE];
  const unknown = (named ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { clip: unknown, known });
  return named ?? known;
}
