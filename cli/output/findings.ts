import type { Finding } from '@millrace/pipeline/finding.ts';
import type { Style } from './color.ts';
import { oneLine } from './table.ts';
import { cut, widthOf } from './width.ts';

/**
 * Findings as people read them:
 *
 *     shop.yaml:12:18 unknown_column there is no column "amout"
 *       12 |     where: "amout > 0"
 *          |             ^^^^^
 *       hint: did you mean "amount"?
 *
 * `sourceOf` gives a file's text, or null when it cannot be read again.
 */
export function renderFindings(findings: readonly Finding[], sourceOf: (file: string) => string | null, style: Style): string {
  return findings.map((finding) => renderFinding(finding, sourceOf(finding.file), style)).join('');
}

function renderFinding(finding: Finding, text: string | null, style: Style): string {
  const paint = finding.severity === 'error' ? style.red : finding.severity === 'warning' ? style.yellow : style.cyan;
  const severity = finding.severity === 'error' ? '' : `${finding.severity}: `;
  let out = `${style.bold(`${finding.file}:${finding.line}:${finding.col}`)} ${paint(finding.code)} ${severity}${finding.message}\n`;
  const line = text?.split(/\r\n|\n|\r/)[finding.line - 1];
  if (line !== undefined && line.trim() !== '') out += excerpt(masked(line), finding, style, paint);
  if (finding.hint) out += `  ${style.dim('hint:')} ${finding.hint}\n`;
  return out;
}

/** what stands before the host in a URL */
const IN_URL = /(:\/\/)([^\s/@"']+)(?=@)/g;
const SECRET = /\b(hmac|password|token)(\s*:\s*)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,}]+)/g;

/** A line with what looks like a secret blotted out, in its own width; names of variables and files stay. */
function masked(line: string): string {
  return line
    .replace(SECRET, (all, key: string, colon: string, value: string) => (/^["']?(\$\{|file:)/.test(value) ? all : `${key}${colon}${'•'.repeat(value.length)}`))
    .replace(IN_URL, (all, slashes: string, user: string) => (user.startsWith('${') ? all : `${slashes}${'•'.repeat(user.length)}`));
}

const WIDEST = 140;

/** The source line with carets below the token. Tabs become blanks, and only the part around the token of a very long line is shown. */
function excerpt(line: string, finding: Finding, style: Style, paint: (text: string) => string): string {
  const from = finding.col - 1 > WIDEST - 40 ? finding.col - 41 : 0;
  const shown = oneLine(line.replaceAll('\t', ' ')).slice(from);
  const before = shown.slice(0, finding.col - 1 - from);
  const token = shown.slice(finding.col - 1 - from, Math.max(finding.end - 1, finding.col) - from);
  const number = String(finding.line);
  const gutter = `${' '.repeat(number.length)} |`;
  const carets = '^'.repeat(Math.max(1, Math.min(widthOf(token), WIDEST - before.length)));
  return `  ${style.dim(`${number} |`)} ${cut(shown, WIDEST)}\n  ${style.dim(gutter)} ${' '.repeat(widthOf(before))}${paint(carets)}\n`;
}

/** `2 errors, 1 warning in shop.yaml`, `3 files, nothing found` */
export function summarizeFindings(findings: readonly Finding[], files: readonly string[]): string {
  const kinds = (['error', 'warning', 'note'] as const)
    .map((severity) => ({ severity, n: findings.filter((finding) => finding.severity === severity).length }))
    .filter(({ n }) => n > 0)
    .map(({ severity, n }) => `${n} ${severity}${n === 1 ? '' : 's'}`);
  const where = files.length === 1 ? files[0] : `${files.length} files`;
  return kinds.length === 0 ? `${where}: nothing wrong` : `${kinds.join(', ')} in ${where}`;
}
