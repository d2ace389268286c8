import { basename, resolve } from 'node:path';
import type { Finding } from '@millrace/pipeline/finding.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Host } from './command.ts';
import { checkReadable, readNamed, shownPath } from './files.ts';
import { styleFor } from './output/color.ts';
import { renderFindings, summarizeFindings } from './output/findings.ts';

/** A pipeline file and what lint says of it. `plan` is null when a finding is an error. */
export interface CheckedFile {
  readonly findings: readonly Finding[];
  readonly plan: Plan | null;
}

/** Ends a command because of what lint found: the findings on stderr, exit code 1. */
export class FindingsError extends Error {
  readonly findings: readonly Finding[];
  constructor(findings: readonly Finding[]) {
    super(`${findings.length} findings`);
    this.findings = findings;
  }
}

/** Loads and lints a pipeline file. Findings name files as they were typed. Throws unreadable_pipeline when there is nothing to read. */
export async function checkFile(host: Host, file: string): Promise<CheckedFile> {
  const path = checkReadable(host.cwd, file, 'unreadable_pipeline');
  const { loadPipeline } = await import('@millrace/pipeline/load.ts');
  const { findings, plan } = await loadPipeline(path, { env: host.env });
  const named = findings.map((finding) => ({ ...finding, file: typedPath(host.cwd, finding.file, path, file) }));
  return { findings: named, plan: hasErrors(named) ? null : plan };
}

function typedPath(cwd: string, found: string, path: string, typed: string): string {
  return resolve(cwd, found) === path || found === basename(path) ? typed : shownPath(cwd, resolve(cwd, found));
}

/** A plan that can be run. Prints what is worth knowing about the file; throws `FindingsError` when it has errors. */
export async function planOf(host: Host, file: string): Promise<Plan> {
  const { findings, plan } = await checkFile(host, file);
  if (plan === null) throw new FindingsError(findings);
  if (findings.length > 0) await printFindings(host, findings);
  return plan;
}

/** Prints findings for people, on stderr, with a line that counts them. */
export async function printFindings(host: Host, findings: readonly Finding[]): Promise<void> {
  const style = styleFor(host.stderr, host.env);
  const texts = new Map<string, string | null>();
  const sourceOf = (file: string): string | null => {
    if (!texts.has(file)) texts.set(file, textOf(host, file));
    return texts.get(file) ?? null;
  };
  const files = [...new Set(findings.map((finding) => finding.file))];
  await host.stderr.write(`${renderFindings(findings, sourceOf, style)}${style.bold(summarizeFindings(findings, files))}\n`);
}

function textOf(host: Host, file: string): string | null {
  try {
    return readNamed(host.cwd, file, 'file_unreadable');
  } catch {
    return null;
  }
}

/** The JSON form of findings, every key always there. */
export function findingsDocument(findings: readonly Finding[]): { findings: object[] } {
  return {
    findings: findings.map(({ file, line, col, end, code, severity, message, hint }) => ({
      file,
      line,
      col,
      end,
      code,
      severity,
      message,
      hint: hint ?? null,
    })),
  };
}

export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity === 'error');
}
