import { colourOf } from './style.ts';

/** Text that is already safe HTML. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | readonly Part[] | undefined;

/** A template whose every value is escaped, unless it is itself Html; lists are joined, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  // Added, not joined: what is in a part is not copied again for each that it is a part of.
  let out = '';
  for (let i = 0; i < strings.length; i++) out += (strings[i] as string) + render(parts[i]);
  return { html: out };
}

/** Text that another library made and that is trusted to be HTML. */
export function trusted(text: string): Html {
  return { html: text };
}

/** A person's colour, by place in the tables. */
export function dot(place: number): Html {
  return html`<span class="dot" style="background:${colourOf(place)}"></span>`;
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part));
  return 'html' in part ? part.html : part.reduce((all: string, each) => all + render(each), '');
}

/** As text stands in HTML, in attributes too. */
export function escapeText(text: string): string {
  if (!/[&<>"']/.test(text)) return text;
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
