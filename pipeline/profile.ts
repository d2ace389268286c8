/** Where and how a pipeline runs: a linted `profiles/<name>.yaml`, or the defaults. */
export interface Profile {
  readonly name: string;
  /** `partitions`: of topics and exchanges that are made. `kafka` is null exactly where `type` is not `kafka` */
  readonly transport: { readonly type: 'embedded' | 'memory' | 'kafka'; readonly partitions: number; readonly kafka: KafkaProfile | null };
  /** null: the file registry in the data directory */
  readonly registry: RegistryProfile | null;
  /** where the analyzer's batches are handed out; null: they run in one process */
  readonly redis: RedisProfile | null;
  /** where the status page listens; null: nowhere */
  readonly http: HttpProfile | null;
  /** path null: `.millrace/<name>` beside the pipeline file; `every` ms is the longest time between snapshots */
  readonly checkpoint: { readonly path: string | null; readonly every: number };
  readonly parallelism: number;
  /** bytes */
  readonly memory: { readonly state: number; readonly inFlight: number };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'pretty' | 'json' };
  /** for `hmac`; never printed */
  readonly secrets: { readonly hmac: string | null };
}

/** How to reach the brokers, and what is made there. The first four are `KafkaSettings` of transport/kafka/client.ts. */
export interface KafkaProfile {
  /** `host:port`, an IPv6 host in brackets; at least one */
  readonly brokers: readonly string[];
  readonly client: 'fast' | 'kafkajs';
  /** PEM texts, not paths. null: no TLS; `ca` null: the system's authorities; `cert` and `key` both or none */
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null } | null;
  /** the password is never printed */
  readonly sasl: { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: string } | null;
  readonly visibility: 'transactional' | 'immediate';
  /** ms between commits, the longest */
  readonly commitEvery: number;
  /** whether topics that are missing are made */
  readonly create: boolean;
  /** copies of a topic that is made; −1: the brokers' own default */
  readonly replication: number;
  /** the name of this process among those that share the pipeline, kept over restarts; null: one made of machine and data directory */
  readonly instance: string | null;
}

/** A schema registry that speaks Confluent's REST protocol. */
export interface RegistryProfile {
  /** http or https, no trailing slash, no user or password in it */
  readonly url: string;
  /** both or none; the password is never printed */
  readonly username: string | null;
  readonly password: string | null;
  /** PEM text of the authority that signed its certificate; null: the system's */
  readonly ca: string | null;
}

/** A Redis server that hands out jobs. */
export interface RedisProfile {
  /** an address or a name, an IPv6 address without brackets */
  readonly host: string;
  readonly port: number;
  /** number of the database */
  readonly db: number;
  readonly username: string | null;
  /** never printed */
  readonly password: string | null;
  /** PEM texts, as in `KafkaProfile` */
  readonly tls: KafkaProfile['tls'];
}

export interface HttpProfile {
  /** an address or a name, an IPv6 address without brackets */
  readonly host: string;
  /** 0: any that is free */
  readonly port: number;
  /** what a caller has to bring; null: nothing. Never printed */
  readonly token: string | null;
}

export const defaultProfile: Profile = {
  name: 'default',
  transport: { type: 'embedded', partitions: 4, kafka: null },
  registry: null,
  redis: null,
  http: null,
  checkpoint: { path: null, every: 10_000 },
  parallelism: 1,
  memory: { state: 512 * 2 ** 20, inFlight: 32 * 2 ** 20 },
  log: { level: 'info', format: 'pretty' },
  secrets: { hmac: null },
};
