import { createRequire } from 'node:module';
import type * as Library from '@platformatic/kafka';
import type { KafkaSettings } from '../client.ts';

/** Loaded when first needed: as it loads it compiles schemas for the options of its clients, a quarter of a second in every thread that has a connection. */
const library = (): typeof Library => createRequire(import.meta.url)('@platformatic/kafka');

/** Shows a broker that one knows the password, by what is exchanged with it. @throws what `exchange` throws, and when the broker's own proof is wrong */
export async function provePassword(sasl: NonNullable<KafkaSettings['sasl']>, exchange: (bytes: Buffer) => Promise<Buffer>): Promise<void> {
  const { mechanism, username, password } = sasl;
  const { saslPlain, saslScramSha } = library();
  const api = ((_connection: unknown, bytes: Buffer, answered: (error: unknown, answer?: { authBytes: Buffer }) => void) => {
    exchange(bytes).then((authBytes) => answered(null, { authBytes }), answered);
  }) as unknown as Parameters<typeof Library.saslPlain.authenticate>[0];
  // only handed on to `api`
  const connection = undefined as unknown as Parameters<typeof Library.saslPlain.authenticate>[1];
  if (mechanism === 'plain') await saslPlain.authenticate(api, connection, username, password);
  else await saslScramSha.authenticate(api, connection, mechanism === 'scram-sha-256' ? 'SHA-256' : 'SHA-512', username, password);
}

/** The bytes that a codec of Kafka (1 gzip, 2 snappy, 3 lz4, 4 zstd) made these of; null: there is no such codec here. */
export function inflate(codec: number, bytes: Buffer): Buffer | null {
  const algorithm = library().compressionsAlgorithmsByBitmask[codec];
  return algorithm?.available ? algorithm.decompressSync(bytes) : null;
}
