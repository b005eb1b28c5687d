import { ScreenalyticsError } from '../core/errors.ts';
import { parseNumber } from './refs.ts';

/** What the numbers of a sheet mean, the first one first, and everything that the sheet is about. */
export interface Numbered {
  readonly cells: readonly string[];
  readonly targets: readonly string[];
}

/**
 * What people name, with the numbers of the sheet that they look at (`#7`) replaced by what they mean. Nothing named and a sheet:
 * everything that it is about.
 */
export function readNumbers(
  { targets, except }: { readonly targets: readonly string[]; readonly except: readonly string[] },
  sheet: Numbered | undefined,
): { targets: string[]; except: string[] } {
  if (targets.length === 0 && sheet === undefined) throw invalid('targets', 'name tracks, identities, or a sheet');
  const meant = targets.length === 0 ? (sheet?.targets ?? []) : targets;
  return {
    targets: meant.map((text) => meaningOf(text, 'targets', sheet)),
    except: except.map((text) => meaningOf(text, 'except', sheet)),
  };
}

function meaningOf(text: string, field: string, sheet: Numbered | undefined): string {
  const number = parseNumber(text);
  if (number === undefined) return text;
  const cell = sheet?.cells[number - 1];
  if (cell !== undefined) return cell;
  throw invalid(
    field,
    sheet === undefined ? `${text} is a number of a sheet: give its id, too` : `${text} is not on the sheet`,
  );
}

function invalid(field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem }] });
}
