import { describe, test } from 'vitest';
import { missing } from './kafka/jars.ts';

export { type Broker, startBroker } from './kafka/broker.ts';

/** A suite that needs a broker. Where none can be started it is skipped and says why; in CI it fails. */
export function describeKafka(name: string, body: () => void): void {
  const lack = missing();
  if (lack === null) describe(name, body);
  else if (process.env['CI'] === 'true') {
    test(name, () => {
      throw new Error(lack);
    });
  } else {
    console.warn(`${name}: skipped, ${lack}`);
    describe.skip(name, body);
  }
}
