import { createHash } from 'node:crypto';
import { readSchemaId } from '@millrace/shared-schemas/framing.ts';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';

const POLL_BYTES = 1 << 20;

/** Stands for the multiset of the values in topics, schema ids and headers aside: equal where these are, whatever the order. */
export async function digest(dir: string, topics: readonly string[]): Promise<string> {
  const transport = openEmbedded(dir);
  const sums: number[] = [];
  for (const topic of topics) {
    const reader = transport.log.reader(topic, 0, { offset: 0 });
    let count = 0;
    let high = 0;
    let low = 0;
    for (let view = reader.poll(POLL_BYTES); view !== null; view = reader.poll(POLL_BYTES)) {
      for (let i = 0; i < view.count; i++) {
        const { buffer, valueStart, valueEnd } = view;
        if (valueEnd[i] < 0) continue;
        const framed = readSchemaId(buffer, valueStart[i], valueEnd[i]) >= 0 ? 5 : 0;
        const hash = createHash('sha256')
          .update(buffer.subarray(valueStart[i] + framed, valueEnd[i]))
          .digest();
        count++;
        high += hash.readUInt32LE(0);
        low += hash.readUInt32LE(4);
      }
    }
    sums.push(count, high, low);
  }
  await transport.close();
  return sums.join(' ');
}
