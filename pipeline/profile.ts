/** Where and how a pipeline runs: a linted `profiles/<name>.yaml`, or the defaults. Only what runs embedded is known so far. */
export interface Profile {
  readonly name: string;
  readonly transport: { readonly type: 'embedded' | 'memory'; readonly partitions: number };
  /** path null: `.millrace/<name>` beside the pipeline file; `every` ms is the longest time between snapshots */
  readonly checkpoint: { readonly path: string | null; readonly every: number };
  readonly parallelism: number;
  /** bytes */
  readonly memory: { readonly state: number; readonly inFlight: number };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'pretty' | 'json' };
  /** for `hmac`; never printed */
  readonly secrets: { readonly hmac: string | null };
}

export const defaultProfile: Profile = {
  name: 'default',
  transport: { type: 'embedded', partitions: 4 },
  checkpoint: { path: null, every: 10_000 },
  parallelism: 1,
  memory: { state: 512 * 2 ** 20, inFlight: 32 * 2 ** 20 },
  log: { level: 'info', format: 'pretty' },
  secrets: { hmac: null },
};
