const STEP = /\.?([\w-]+)|\[([\w-]+)=([^\]]*)\]|\[(\*)\]/y;
const BETWEEN = /\$\{([^{}]*)\}/g;

/** `people[name=Ada].seeds`, `items.0.label`, `items[*].track`: a way into data; undefined: it leads nowhere. */
export function lookUp(data: unknown, path: string): unknown {
  let values: unknown[] = [data];
  let many = false;
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const [, name, field = '', wanted, every] = STEP.exec(path) ?? [];
    if (name === undefined && wanted === undefined && every === undefined) return undefined;
    values = values.flatMap((value) => {
      if (every !== undefined) return Array.isArray(value) ? value : [];
      if (name !== undefined) return own(value, name);
      return (Array.isArray(value) ? value : []).filter((each) => String(own(each, field)[0]) === wanted).slice(0, 1);
    });
    many ||= every !== undefined;
  }
  return many ? values : values[0];
}

/** Own fields and elements alone; nothing for what is not there. */
function own(value: unknown, name: string): unknown[] {
  if (typeof value !== 'object' || value === null || !Object.prototype.propertyIsEnumerable.call(value, name))
    return [];
  return [Reflect.get(value, name)];
}

/** What references lead to nothing, or into a sentence something that is no word. */
export class NothingThere extends Error {
  override readonly name = 'NothingThere';
  constructor(reference: string) {
    super(`\${${reference}} leads nowhere`);
  }
}

/** Puts in what `${root.path}` refers to, however deep it stands; alone it keeps its type, and a list within a list is put into that. */
export function fillIn(value: unknown, roots: Readonly<Record<string, unknown>>): unknown {
  if (typeof value === 'string') return fillText(value, roots);
  if (Array.isArray(value))
    return value.flatMap((each: unknown) => {
      const filled = fillIn(each, roots);
      return typeof each === 'string' && Array.isArray(filled) ? (filled as unknown[]) : [filled];
    });
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, fillIn(each, roots)]));
}

function fillText(text: string, roots: Readonly<Record<string, unknown>>): unknown {
  const [alone] = text.matchAll(BETWEEN);
  if (alone?.[0] === text) return found(alone[1] ?? '', roots);
  return text.replaceAll(BETWEEN, (_, path: string) => {
    const value = found(path, roots);
    if (typeof value === 'object') throw new NothingThere(path);
    return String(value);
  });
}

function found(path: string, roots: Readonly<Record<string, unknown>>): unknown {
  const value = lookUp(roots, path);
  if (value === undefined) throw new NothingThere(path);
  return value;
}

/** Every text in data, with the path that leads to it. */
export function textsIn(data: unknown, path: string): [path: string, text: string][] {
  if (typeof data === 'string') return [[path, data]];
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([name, value]) => textsIn(value, `${path}.${name}`));
}
