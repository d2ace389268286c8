import { describe } from 'vitest';
import { faultCases } from './client-faults.case.ts';
import { fenceCases } from './client-fence.case.ts';
import { Bench, type Grounds, type Open } from './client-grounds.case.ts';
import { recordCases } from './client-records.case.ts';
import { transactionCases } from './client-transactions.case.ts';

/** What every `KafkaClient` must do, on a real broker; it is killed and paused on the way. `fences`: it has `fenced`. */
export function clientCases(open: Open, grounds: () => Grounds, fences: boolean): void {
  const bench = new Bench(open, grounds);
  describe('records', () => recordCases(bench));
  describe('transactions', () => transactionCases(bench));
  describe('fence', () => fenceCases(bench, grounds, fences));
  describe('faults', () => faultCases(bench, grounds));
}
