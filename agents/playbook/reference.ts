/** `${steps.find.episodes}`: where a value comes from, and the way into it. */
export interface Reference {
  readonly text: string;
  readonly root: 'inputs' | 'steps' | 'item';
  readonly path: readonly string[];
}

/** A text of a playbook, read once: what is put in for a reference is never looked at again. */
export interface Template {
  readonly parts: readonly (string | Reference)[];
}

/** What references are looked up in. `item`: of the present call of `each`. */
export interface Scope {
  readonly inputs: ReadonlyMap<string, unknown>;
  readonly steps: ReadonlyMap<string, unknown>;
  readonly item?: { readonly value: unknown };
}

export type Found = { readonly value: unknown } | { readonly missing: Reference };

const BETWEEN = /\$\{([^{}]*)\}/g;
const REFERENCE = /^(?:(?:inputs|steps)(?:\.[\w-]+)+|item(?:\.[\w-]+)*)$/;

/** The template that a text is; a string says what is wrong with it. */
export function readTemplate(text: string): Template | string {
  const parts: (string | Reference)[] = [];
  let from = 0;
  for (const found of text.matchAll(BETWEEN)) {
    const reference = readReference(found[0], found[1] ?? '');
    if (reference === undefined) return `${found[0]} is no reference: inputs.x, steps.id.x or item.x`;
    parts.push(text.slice(from, found.index), reference);
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  if (parts.some((part) => typeof part === 'string' && part.includes('${'))) return 'a ${ that is not closed';
  return { parts: parts.filter((part) => part !== '') };
}

function readReference(text: string, inner: string): Reference | undefined {
  if (!REFERENCE.test(inner)) return undefined;
  const [root, ...path] = inner.split('.');
  return root === 'inputs' || root === 'steps' || root === 'item' ? { text, root, path } : undefined;
}

/** The one reference that a text is, and nothing beside it. */
export function onlyReference({ parts }: Template): Reference | undefined {
  const [part] = parts;
  return parts.length === 1 && typeof part === 'object' ? part : undefined;
}

export function referencesOf({ parts }: Template): Reference[] {
  return parts.flatMap((part) => (typeof part === 'object' ? [part] : []));
}

/** A lone reference keeps the type of its value; within words only what can be written as a word is put in. */
export function fill(template: Template, scope: Scope): Found {
  const alone = onlyReference(template);
  if (alone !== undefined) return lookUp(alone, scope);
  let text = '';
  for (const part of template.parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const found = lookUp(part, scope);
    if ('missing' in found || !isWord(found.value)) return { missing: part };
    text += String(found.value);
  }
  return { value: text };
}

function isWord(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** Own fields and elements alone, so that no way leads into what is not data. */
function lookUp(reference: Reference, { inputs, steps, item }: Scope): Found {
  const { root, path } = reference;
  const [name = '', ...rest] = path;
  if (root === 'item') return item === undefined ? { missing: reference } : inside(item.value, path, reference);
  const from = root === 'inputs' ? inputs : steps;
  return from.has(name) ? inside(from.get(name), rest, reference) : { missing: reference };
}

function inside(from: unknown, path: readonly string[], reference: Reference): Found {
  let value = from;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return { missing: reference };
    if (Array.isArray(value) && !/^\d+$/.test(key)) return { missing: reference };
    value = Reflect.get(value, key);
  }
  return value === undefined ? { missing: reference } : { value };
}
