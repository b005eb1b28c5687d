import { type ErrorReport, report } from '#engine/core/errors.ts';

/** Two lines: what happened, and what to do. */
export function errorText(error: unknown): string {
  const { code, message, hint, details } = report(error);
  return `${code}: ${message}${said(details)}\n${hint}`;
}

export function errorJson(error: unknown): { error: ErrorReport } {
  return { error: report(error) };
}

function said(details: Record<string, unknown>): string {
  const told = Object.entries(details).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  const parts = told.map(([name, value]) => {
    if (!Array.isArray(value)) return `${name}: ${item(value)}`;
    return value.every(isFieldProblem) ? value.map(item).join('; ') : `${name}: ${value.map(item).join(', ')}`;
  });
  return parts.length === 0 ? '' : ` (${parts.join('; ').replaceAll(/\s*\n\s*/g, '; ')})`;
}

function item(value: unknown): string {
  if (isFieldProblem(value)) return `${value.field}: ${value.problem}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isFieldProblem(value: unknown): value is { field: string; problem: string } {
  return typeof value === 'object' && value !== null && 'field' in value && 'problem' in value;
}
