// Sums vitest's JSON reports and prints `N passed, N failed, N skipped`: node scripts/tally.js [--broken N] report.json …
// A report that is missing or holds no test counts as one failure, and so does a suite that failed (`report.json.failed` exists) though
// no test of it did, and each --broken step.
import { existsSync, readFileSync } from 'node:fs';

const args = process.argv.slice(2);
const broken = args[0] === '--broken' ? Number(args.splice(0, 2)[1]) : 0;
const sum = { passed: 0, failed: broken, skipped: 0 };

for (const file of args) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    sum.passed += report.numPassedTests;
    sum.skipped += report.numPendingTests + report.numTodoTests;
    if (report.numPassedTests + report.numFailedTests === 0) {
      process.stdout.write(`${file}: no test ran\n`);
      sum.failed++;
    } else sum.failed += report.numFailedTests || Number(existsSync(`${file}.failed`));
  } catch (error) {
    process.stdout.write(`${file}: ${error.message}\n`);
    sum.failed++;
  }
}

process.stdout.write(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
process.exitCode = sum.failed > 0 || args.length === 0 ? 1 : 0;
