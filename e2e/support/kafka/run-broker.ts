/** `node e2e/support/kafka/run-broker.ts`: a broker for as long as stdin is open; says its address on stdout. */
import { startBroker } from './broker.ts';

const broker = await startBroker();
process.stdout.write(`${broker.brokers.join(',')}\n`);
process.stdin.resume();
process.stdin.once('end', () => void broker.close().then(() => process.exit(0)));
