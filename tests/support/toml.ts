/** As much of TOML as codex.config.toml is written in: tables, and values that are JSON but for a comma after the last one. */
export function parseToml(text: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  let table = root;
  const lines = text.split('\n').map((line) => line.replace(/^\s*#.*$/, '').trim());
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const name = /^\[([\w.-]+)\]$/.exec(line)?.[1];
    if (line === '') continue;
    if (name !== undefined) {
      table = root;
      for (const part of name.split('.')) table = inner(table, part);
      continue;
    }
    const [, key, start] = /^(\w+) = (.*)$/.exec(line) ?? [];
    if (key === undefined || start === undefined) throw new Error(`no TOML that is known here: ${line}`);
    let value = start;
    while (value.startsWith('[') && !value.endsWith(']')) {
      i += 1;
      if (lines[i] === undefined) throw new Error(`a list without an end: ${key}`);
      value += lines[i];
    }
    table[key] = JSON.parse(value.replace(/,\]$/, ']'));
  }
  return root;
}

function inner(table: Record<string, unknown>, name: string): Record<string, unknown> {
  table[name] ??= {};
  return table[name] as Record<string, unknown>;
}
