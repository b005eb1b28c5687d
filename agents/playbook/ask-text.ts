import { inShort } from '#mcps/kit/model-answer.ts';
import { dataText } from '#mcps/kit/results.ts';
import { fill, type Reference, readTemplate, type Scope } from './reference.ts';
import type { AskStep } from './schema.ts';

/**
 * What a model is asked. What was given to run the playbook stands in the question as words; what steps answered stands below it as data,
 * between marks and under its name, for it may hold anybody's words.
 */
export function askText({ ask }: AskStep, scope: Scope, home: string): { text: string } | { missing: Reference } {
  const template = readTemplate(ask);
  if (typeof template === 'string') return { text: ask }; // that it is a template was looked at before anything ran
  let words = '';
  const data = new Map<string, unknown>();
  for (const part of template.parts) {
    if (typeof part === 'string') {
      words += part;
      continue;
    }
    const found = fill({ parts: [part] }, scope);
    if ('missing' in found) return found;
    const name = [part.root, ...part.path].join('.');
    if (part.root === 'inputs' && !Array.isArray(found.value)) words += String(found.value);
    else {
      words += name;
      data.set(name, found.value);
    }
  }
  const below = [...data].map(([name, value]) => dataText(`${name}.`, inShort(value, home)));
  return { text: [words, ...below].join('\n\n') };
}
