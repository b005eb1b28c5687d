/** As it is stored and shown: whole characters, single spaces. Letters keep the case in which the name first came. */
export function canonicalName(name: string): string {
  return name
    .normalize('NFC')
    .replace(/[\s_]+/g, ' ')
    .trim();
}

/** What two spellings of one name have in common: no case, no accents, single spaces. */
export function foldName(name: string): string {
  return canonicalName(name.normalize('NFKD').replace(/\p{M}+/gu, '')).toLowerCase();
}

/** True for what is written like the label of somebody who is not known, such as `Unknown-3`, in any spelling. */
export function isUnknown(name: string): boolean {
  return /^unknown ?[-\u2010-\u2015]? ?\d+$/.test(foldName(name));
}

/** The names most like what was asked, best first: those that share a word, or differ by a few letters. */
export function nearNames(asked: string, names: readonly string[], most = 5): string[] {
  const wanted = foldName(asked);
  const words = new Set(wanted.split(' '));
  const scored = names.map((name) => {
    const folded = foldName(name);
    const shares = folded.split(' ').some((word) => words.has(word));
    const apart = editDistance(wanted, folded) / Math.max(wanted.length, folded.length, 1);
    return { name, apart: shares ? Math.min(apart, APART_SHARED) : apart };
  });
  return scored
    .filter(({ apart }) => apart <= APART_MAX)
    .sort((a, b) => a.apart - b.apart || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name);
}
/** Share of the letters that may differ; a shared word counts as this close. */
const APART_MAX = 0.4;
const APART_SHARED = 0.3;

/** Letters to insert, delete or replace (Levenshtein 1966; Wagner and Fischer 1974). */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}
