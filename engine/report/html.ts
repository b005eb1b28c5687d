import { colourOf } from './style.ts';

/** Text that is already safe HTML. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | readonly Part[] | undefined;

/** A template whose every value is escaped, unless it is itself Html; lists are joined, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const out = strings.map((text, i) => text + render(parts[i]));
  return { html: out.join('') };
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
  return 'html' in part ? part.html : part.map(render).join('');
}

/** As text stands in HTML, in attributes too. */
export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
