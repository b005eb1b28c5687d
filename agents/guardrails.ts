/** What looks like a key of one of the larger services, or a private one. */
export const SECRET =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[\w+/=]{20}|\b(AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|github_pat_\w{50}|npm_\w{36}|xox[abprs]-[\w-]{10}|sk-(ant-|proj-)?[\w-]{20}|AIza[\w-]{35}|glpat-[\w-]{20}|eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20})/;
/** Of a webhook of ours: documents show one that is public. */
const WEBHOOK = /\bwhsec_[\w+/=]{24}/;
/** An address with a password in it, as databases have them. */
const WITH_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:[^\s:/@]+@/i;
/** Shorter ones are words. */
const SECRET_LETTERS_MIN = 8;

/** Whether a message holds what must not go to a model's server; `own`: secrets of this process. */
export function holdsSecret(text: string, own: readonly (string | null | undefined)[]): boolean {
  if ([SECRET, WEBHOOK, WITH_PASSWORD].some((kind) => kind.test(text))) return true;
  return own.some((secret) => secret && secret.length >= SECRET_LETTERS_MIN && text.includes(secret));
}

const ADDRESS = /\b(?:https?|wss?|ftps?):\/\/[^\s<>"'`()[\]{}]+/gi;
/** In the place of an address. */
export const WITHHELD = '[address withheld]';

/**
 * A text of a model, without web addresses that nobody has said to it: names and captions that give orders may bring it to put what it has
 * read into one, for somebody to click on. `said`: what it was told, where an address has to stand letter by letter.
 */
export function withheld(text: string, said: readonly string[]): string {
  return text.replaceAll(ADDRESS, (found) => {
    const address = found.replace(/[.,;:!?*_~]+$/, '');
    return said.some((each) => each.includes(address)) ? found : WITHHELD + found.slice(address.length);
  });
}

/** The same for a text that comes in parts: words are handed on when they are whole. */
export function wholeWords(out: (text: string) => void): { add(part: string): void; end(): void } {
  let kept = '';
  return {
    add(part) {
      kept += part;
      const upTo = kept.search(/\s\S*$/) + 1;
      if (upTo > 0) out(kept.slice(0, upTo));
      kept = kept.slice(upTo);
    },
    end() {
      if (kept !== '') out(kept);
      kept = '';
    },
  };
}
