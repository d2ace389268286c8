import type { Log, Reader, TopicInfo, Transport } from '@millrace/transport/log.ts';

/** A transport as if its topics were the only ones of the cluster: each test has names of its own on a broker that all share. */
export function prefixed(transport: Transport, prefix: string): { transport: Transport; end: (reader: Reader) => Promise<number> } {
  const { log } = transport;
  const places = new WeakMap<Reader, readonly [topic: string, partition: number]>();
  const short = (info: TopicInfo): TopicInfo => ({ ...info, name: info.name.slice(prefix.length) });
  const own: Log = {
    ensure: async (topic, partitions, meta) => short(await log.ensure(prefix + topic, partitions, meta)),
    topic(name) {
      const info = log.topic(prefix + name);
      return info === null ? null : short(info);
    },
    topics: () =>
      log
        .topics()
        .filter(({ name }) => name.startsWith(prefix))
        .map(short),
    identity: async (topic) => (await log.identity?.(prefix + topic)) ?? null,
    reader(topic, partition, from) {
      const reader = log.reader(prefix + topic, partition, from);
      places.set(reader, [prefix + topic, partition]);
      return reader;
    },
    appender: (topic) => log.appender(prefix + topic),
    startOffset: (topic, partition) => log.startOffset(prefix + topic, partition),
    endOffset: (topic, partition) => log.endOffset(prefix + topic, partition),
    ends: (topic) => log.ends(prefix + topic),
    truncateBefore: (topic, partition, offset) => log.truncateBefore(prefix + topic, partition, offset),
    version: () => log.version(),
    wait: (ms, since) => log.wait(ms, since),
  };
  return {
    transport: {
      kind: transport.kind,
      log: own,
      ledger: transport.ledger,
      commit: (commit) => transport.commit({ ...commit, truncate: (commit.truncate ?? []).map((of) => ({ ...of, topic: prefix + of.topic })) }),
      note: (puts, fence) => transport.note(puts, fence),
      close: () => transport.close(),
    },
    end: (reader) => log.endOffset(...(places.get(reader) ?? ['', 0])),
  };
}
