import type { IdentityScore } from './score-identity.ts';

export interface IdentityBar {
  readonly name: string;
  /** null: this clip has no truth for it. */
  readonly value: (score: IdentityScore) => number | null;
  readonly limit: number;
  readonly side: 'min' | 'max';
}

/** What every clip has to reach by itself, with every embedder. */
export const IDENTITY_BARS = {
  accuracy: { name: 'accuracy', value: (s) => s.identification.accuracy, limit: 0.95, side: 'min' },
  hard: { name: 'hard subset', value: (s) => s.identification.hard.all?.accuracy ?? null, limit: 0.9, side: 'min' },
  same_frame: { name: 'same-frame violations', value: (s) => s.same_frame, limit: 0, side: 'max' },
  decisions: {
    name: 'decisions per person',
    value: (s) => (s.review.reached ? s.review.per_person : Infinity),
    limit: 2,
    side: 'max',
  },
} as const satisfies Record<string, IdentityBar>;
export type IdentityBarName = keyof typeof IDENTITY_BARS;

export function passesIdentity(bar: IdentityBar, score: IdentityScore): boolean | null {
  const value = bar.value(score);
  if (value === null) return null;
  return bar.side === 'min' ? value >= bar.limit : value <= bar.limit;
}

export function missedIdentity(score: IdentityScore): IdentityBarName[] {
  const names = Object.keys(IDENTITY_BARS) as IdentityBarName[];
  return names.filter((name) => passesIdentity(IDENTITY_BARS[name], score) === false);
}

/** What a missed bar comes from, the largest first, as sentences. */
export function identityCauses(score: IdentityScore): string[] {
  const { identification, review, same_frame } = score;
  const { lost, face_s, by_person, hard } = identification;
  const out: string[] = [];
  const names = new Set(missedIdentity(score));
  const of = (s: number) => `${s.toFixed(1)} s of ${face_s.toFixed(1)} s`;
  if (names.has('accuracy')) {
    const parts: [number, string][] = [
      [lost.not_found_s, 'have no face in the run'],
      [lost.unnamed_s, 'are seeded people left unknown'],
      [lost.wrong_name_s, 'bear a wrong name'],
      [lost.stranger_named_s, 'are strangers with a name'],
    ];
    for (const [s, words] of parts.sort((a, b) => b[0] - a[0])) if (s > 0) out.push(`${of(s)} ${words}`);
    for (const { person, name, face_s: s } of identification.confusions.slice(0, 3))
      out.push(`${person} is called ${name}: ${s.toFixed(1)} s`);
    const worst = by_person.filter((row) => row.accuracy < 0.95).sort((a, b) => wrong(b) - wrong(a));
    for (const row of worst.slice(0, 3))
      out.push(
        `${row.person}${row.seeded ? '' : ' (no seeds)'}: ${wrong(row).toFixed(1)} s of ${row.face_s.toFixed(1)} s wrong`,
      );
  }
  if (names.has('hard'))
    for (const [kind, split] of Object.entries(hard))
      if (kind !== 'all')
        out.push(`${kind}: ${(split.accuracy * 100).toFixed(1)} % of ${split.face_s.toFixed(1)} s right`);
  if (names.has('same_frame')) out.push(`${same_frame} pairs of faces share a label and a frame`);
  if (names.has('decisions'))
    out.push(
      `${review.decisions} decisions in ${review.answers} answers bring ${(review.share_before * 100).toFixed(1)} % to ${(review.share_after * 100).toFixed(1)} % of the found face-seconds${review.reached ? '' : '; nothing more is asked'}`,
    );
  return out;
}

function wrong({ face_s, accuracy }: { face_s: number; accuracy: number }): number {
  return face_s * (1 - accuracy);
}
