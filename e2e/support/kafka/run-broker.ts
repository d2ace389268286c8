/**
 * `node e2e/support/kafka/run-broker.ts [-JVM-OPTION …] [NAME=VALUE …]`: a broker with these properties for as long as stdin is open; says its address on stdout.
 * What begins with a hyphen are options of its JVM, instead of the usual ones.
 */
import { startBroker } from './broker.ts';

const given = process.argv.slice(2);
const jvm = given.filter((text) => text.startsWith('-'));
const named = given.filter((text) => !text.startsWith('-'));
const properties = Object.fromEntries(named.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));
const broker = await startBroker({ properties, ...(jvm.length > 0 ? { jvm } : {}) });
process.stdout.write(`${broker.brokers.join(',')}\n`);
process.stdin.resume();
process.stdin.once('end', () => void broker.close().then(() => process.exit(0)));
