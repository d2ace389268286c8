import { createRequire } from 'node:module';

/**
 * kafkajs hides what was aborted in the order in which a broker lists the transactions, one a record: where several writers have aborted in one partition, it shows some of
 * it (2.2.4, consumer/filterAbortedMessages.js). Kafka's own consumer takes them by their first offset, as many as have begun; this does the same to what
 * a consumer of kafkajs with this client id fetches.
 */

interface Message {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
  isControlRecord?: boolean;
}

interface Partition {
  abortedTransactions: { readonly producerId: string; readonly firstOffset: string }[] | null;
  readonly messages: Message[];
}

interface Answer {
  readonly responses: readonly { readonly partitions: Partition[] }[];
}

interface Broker {
  readonly connectionPool: { readonly clientId: string };
  fetch(request: unknown): Promise<Answer>;
}

const ABORT = 0;

function hide(partition: Partition): void {
  const begun = (partition.abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({ producerId, first: Number(firstOffset) }));
  begun.sort((a, b) => a.first - b.first);
  const open = new Set<string>();
  for (const message of partition.messages) {
    while (begun[0] !== undefined && begun[0].first <= Number(message.offset)) open.add((begun.shift() as { producerId: string }).producerId);
    const writer = message.batchContext;
    if (writer === undefined || !writer.inTransaction) continue;
    if (message.isControlRecord) {
      if (message.key?.readInt16BE(2) === ABORT) open.delete(writer.producerId);
    } else if (open.has(writer.producerId)) message.isControlRecord = true;
  }
  partition.abortedTransactions = null;
}

let done = false;

/** Makes consumers of kafkajs whose client id is this one read committed as the protocol says. */
export function readCommittedFor(clientId: string): void {
  if (done) return;
  done = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/broker') as { prototype: Broker };
  const { fetch } = prototype;
  prototype.fetch = async function (this: Broker, request) {
    const answer = await fetch.call(this, request);
    if (this.connectionPool.clientId === clientId) for (const { partitions } of answer.responses) partitions.forEach(hide);
    return answer;
  };
}
