/** `node e2e/support/kafka/run-broker.ts [NAME=VALUE …]`: a broker with these properties for as long as stdin is open; says its address on stdout. */
import { startBroker } from './broker.ts';

const properties = Object.fromEntries(process.argv.slice(2).map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));
const broker = await startBroker({ properties });
process.stdout.write(`${broker.brokers.join(',')}\n`);
process.stdin.resume();
process.stdin.once('end', () => void broker.close().then(() => process.exit(0)));
