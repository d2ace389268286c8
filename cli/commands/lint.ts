import type { Finding } from '@millrace/pipeline/finding.ts';
import { checkFile, findingsDocument, hasErrors, printFindings } from '../checked.ts';
import type { CommandSpec, Host } from '../command.ts';
import { readNamed } from '../files.ts';
import { styleFor } from '../output/color.ts';
import { failureDocument, failureOf, renderFailure } from '../output/failure.ts';
import { summarizeFindings } from '../output/findings.ts';
import { checkProfile, isProfile } from '../profiles.ts';

export const lintCommand: CommandSpec = {
  name: 'lint',
  summary: 'check pipeline files and profiles, offline, and report everything wrong at once',
  doc: 'Exit code 0 when nothing is wrong, 1 when there is an error, 2 when a file cannot be read.',
  args: [{ name: '<file...>', doc: 'pipeline files, or profiles' }],
  options: [],
  examples: ['millrace lint pipeline.yaml', 'millrace lint --json pipelines/*/pipeline.yaml profiles/*.yaml'],
  async run({ host, args, json, flag }) {
    const findings: Finding[] = [];
    const read: string[] = [];
    const failures: ReturnType<typeof failureOf>[] = [];
    for (const file of args) {
      try {
        findings.push(...(await findingsOf(host, file)));
        read.push(file);
      } catch (error) {
        failures.push(failureOf(error));
      }
    }
    for (const failure of failures) await host.stderr.write(renderFailure(failure, styleFor(host.stderr, host.env), flag('debug')));
    if (json) {
      const [first] = failures;
      await host.stdout.write(`${JSON.stringify({ ...findingsDocument(findings), ...(first ? failureDocument(first, flag('debug')) : {}) })}\n`);
    } else if (findings.length > 0) await printFindings(host, findings);
    else if (read.length > 0) await host.stdout.write(`${summarizeFindings(findings, read)}\n`);
    if (failures.length > 0) return Math.max(...failures.map(({ exit }) => exit));
    return hasErrors(findings) ? 1 : 0;
  },
};

async function findingsOf(host: Host, file: string): Promise<readonly Finding[]> {
  const text = readNamed(host.cwd, file, 'unreadable_pipeline');
  return (isProfile(text) ? await checkProfile(host, file, text) : await checkFile(host, file)).findings;
}
