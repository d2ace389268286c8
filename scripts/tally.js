// Sums vitest's JSON reports and prints `N passed, N failed, N skipped`, and before that each test that failed with what it said:
// node scripts/tally.js [--broken N] report.json …
// A report that is missing or holds no test counts as one failure, and so does a suite that failed (`report.json.failed` exists) though
// no test of it did, and each --broken step.
import { existsSync, readFileSync } from 'node:fs';

const args = process.argv.slice(2);
const broken = args[0] === '--broken' ? Number(args.splice(0, 2)[1]) : 0;
const sum = { passed: 0, failed: broken, skipped: 0 };
/** Of what a failed test says, in lines. */
const SAID = 20;

const say = (text) => process.stdout.write(`${text}\n`);

function sayFailed(file, report) {
  for (const suite of report.testResults) {
    if (suite.status === 'failed' && suite.message) say(`failed: ${file}: ${suite.name}\n${suite.message}`);
    for (const test of suite.assertionResults) {
      if (test.status !== 'failed') continue;
      say(`failed: ${file}: ${suite.name}: ${test.fullName}`);
      for (const message of test.failureMessages) say(message.split('\n').slice(0, SAID).join('\n'));
    }
  }
}

for (const file of args) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    sum.passed += report.numPassedTests;
    sum.skipped += report.numPendingTests + report.numTodoTests;
    sayFailed(file, report);
    if (report.numPassedTests + report.numFailedTests === 0) {
      say(`${file}: no test ran`);
      sum.failed++;
    } else sum.failed += report.numFailedTests || Number(existsSync(`${file}.failed`));
  } catch (error) {
    say(`${file}: ${error.message}`);
    sum.failed++;
  }
}

say(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed > 0 || args.length === 0 ? 1 : 0;
