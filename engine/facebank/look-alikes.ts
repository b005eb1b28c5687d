import type { Confusion, Facebank } from '../core/identities.ts';
import { foldName } from '../core/names.ts';
import type { EngineReader } from '../engine.ts';
import { bankConfusion, likelyPeople, type SeedConflict } from '../math/confusion.ts';
import { type Bank, buildBank } from '../math/prototypes.ts';
import { listPeople } from '../store/people.ts';
import { activeSeeds } from '../store/seeds.ts';
import { bankOf } from './bank.ts';
import type { SeedDraft } from './keep-seeds.ts';
import type { SeedModels } from './seed-vectors.ts';

/** A new seed that may be of the wrong person. It is kept: a person decides. */
export interface SeedWarning {
  readonly file: string;
  readonly person: string;
  /** Whom it looks like; null: only unlike its own person's other seeds. */
  readonly other: string | null;
  /** That it is `other`; null where that was not asked. */
  readonly probability: number | null;
  readonly detail: string;
}

export type ConfusedPair = Confusion['pairs'][number];
type BankPerson = Facebank['people'][number];

/** The bank as it stands, everybody's seeds, in these models. */
export async function wholeBank(engine: EngineReader, models: SeedModels): Promise<Facebank | null> {
  const db = await engine.db();
  return bankOf(engine, await listPeople(db), await activeSeeds(db), models);
}

/** Who of a bank is easily taken for whom, worst first. */
export function confusedPairs(
  { config }: EngineReader,
  facebank: Facebank | null,
  { embedder }: Pick<SeedModels, 'embedder'>,
): ConfusedPair[] {
  if (facebank === null || facebank.people.length < 2) return [];
  const { pairs } = bankConfusion(buildBank(facebank, config.openset.bank), embedder.entry.calibration, {
    ...config.openset,
    ...config.confusion,
  });
  return pairs;
}

/** What is new, compared with what is there and with each other, before any episode is run. */
export async function compareDrafts(
  engine: EngineReader,
  drafts: readonly SeedDraft[],
  models: SeedModels,
): Promise<{ warnings: SeedWarning[]; pairs: ConfusedPair[] }> {
  if (drafts.length === 0) return { warnings: [], pairs: [] };
  const facebank = withDrafts(await wholeBank(engine, models), drafts, models);
  const odd = oddOnes(buildBank(facebank, 'v2'));
  const others = nearestOthers(engine, facebank, drafts, models);
  const warnings = drafts.flatMap((draft, i) => {
    const other = others.get(draftId(i));
    const unlike = odd.get(draftId(i));
    return [...(other ? [looksLike(draft, other)] : []), ...(unlike && !other ? [unlikeOwn(draft, unlike)] : [])];
  });
  const touched = new Set(drafts.map(({ person }) => foldName(person)));
  const pairs = confusedPairs(engine, facebank, models);
  return {
    warnings,
    pairs: pairs.filter((pair) => [pair.name_a, pair.name_b].some((name) => touched.has(foldName(name)))),
  };
}

const DRAFT = 'draft ';

function draftId(i: number): string {
  return `${DRAFT}${i}`;
}

/** The bank as it will be. People who are not there yet go by their name. */
function withDrafts(facebank: Facebank | null, drafts: readonly SeedDraft[], models: SeedModels): Facebank {
  const people = new Map<string, BankPerson>((facebank?.people ?? []).map((each) => [foldName(each.name), each]));
  drafts.forEach(({ person, vector, facts }, i) => {
    const folded = foldName(person);
    const own = people.get(folded) ?? { person_id: `new ${folded}`, name: person, seeds: [] };
    const { quality, yaw_deg, size_px } = facts;
    people.set(folded, { ...own, seeds: [...own.seeds, { seed_id: draftId(i), vector, quality, yaw_deg, size_px }] });
  });
  return {
    detector_id: models.detector.id,
    model_id: models.embedder.id,
    people: [...people.values()].sort((a, b) => (a.person_id < b.person_id ? -1 : 1)),
    without_seeds: [],
  };
}

/**
 * By draft whom else it looks like, where that is probable. The drafts of a person are judged in two halves, each by a bank with the other: a
 * bank of its own for each would take minutes for a whole cast, and one with all of them would find every draft like itself.
 */
function nearestOthers(
  { config }: EngineReader,
  facebank: Facebank,
  drafts: readonly SeedDraft[],
  { embedder }: SeedModels,
): Map<string, SeedConflict> {
  const halves = Map.groupBy(
    drafts.map((draft, i) => ({ ...draft, id: draftId(i) })),
    ({ person, id }) => `${Number(id.slice(DRAFT.length)) % 2} ${foldName(person)}`,
  );
  const found = new Map<string, SeedConflict>();
  for (const half of halves.values()) {
    const judged = new Set(half.map(({ id }) => id));
    const people = facebank.people
      .map((each) => ({ ...each, seeds: each.seeds.filter(({ seed_id }) => !judged.has(seed_id)) }))
      .filter(({ seeds }) => seeds.length > 0);
    const bank = buildBank({ ...facebank, people }, config.openset.bank);
    const vectors = half.map(({ vector }) => vector);
    const likely = likelyPeople(bank, vectors, embedder.entry.calibration, config.openset);
    half.forEach(({ id, person }, i) => {
      const other = likely[i]?.find(({ name }) => foldName(name) !== foldName(person));
      if (other !== undefined && other.probability >= config.facebank.warn_min) found.set(id, other);
    });
  }
  return found;
}

function looksLike({ person, facts }: SeedDraft, other: SeedConflict): SeedWarning {
  const probability = Math.round(other.probability * 1e4) / 1e4;
  const detail = `looks like ${other.name} with a probability of ${probability.toFixed(2)}`;
  return { file: facts.source_name, person, other: other.name, probability, detail };
}

/** Seeds that do not fit to their own person's others. */
function oddOnes(bank: Bank): Map<string, number> {
  return new Map(
    bank.people.flatMap(({ left_out, suspected }) =>
      [...left_out, ...suspected].map(({ seed_id, own }): [string, number] => [seed_id, own]),
    ),
  );
}

function unlikeOwn({ person, facts }: SeedDraft, own: number): SeedWarning {
  const detail = `unlike the other seeds of ${person} (mean similarity ${own.toFixed(2)}): is it the right person?`;
  return { file: facts.source_name, person, other: null, probability: null, detail };
}
