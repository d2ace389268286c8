import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

/** One line of a metric: its labels, and its value in the unit that the metric's name ends with. */
export type Sample = readonly [labels: Labels, value: number];

/** A metric whose values are there already and are read when somebody asks: nothing is done for it meanwhile. */
export interface Family {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** of a counter: totals since the process began */
  read(): Iterable<Sample>;
}

/** Metrics of this process in a registry of their own, told in Prometheus' text format. The only user of prom-client. */
export class Metrics {
  readonly #registry = new Registry();

  /** `common`: labels that every line carries */
  constructor(common: Labels) {
    this.#registry.setDefaultLabels({ ...common });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** CPU, memory, event loop and the like; of the process, or of its main thread */
  addProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  add(family: Family): void {
    const { name, help, kind } = family;
    const shape = { name, help, labelNames: [...family.labels], registers: [this.#registry] };
    if (kind === 'gauge') {
      const gauge: Gauge = new Gauge({
        ...shape,
        collect() {
          gauge.reset();
          // without labels a reset leaves a 0 that nobody measured
          if (family.labels.length === 0) gauge.remove();
          for (const [labels, value] of family.read()) gauge.set({ ...labels }, value);
        },
      });
      return;
    }
    const told = new Map<string, number>();
    const counter: Counter = new Counter({
      ...shape,
      collect() {
        for (const [labels, total] of family.read()) {
          const key = JSON.stringify(family.labels.map((label) => labels[label]));
          const before = told.get(key) ?? 0;
          // a counter never goes back
          counter.inc({ ...labels }, Math.max(0, total - before));
          told.set(key, Math.max(total, before));
        }
      },
    });
  }

  /** Gives what takes each value observed. */
  histogram(name: string, help: string, buckets: readonly number[]): (value: number) => void {
    const histogram = new Histogram({ name, help, buckets: [...buckets], registers: [this.#registry] });
    return (value) => histogram.observe(value);
  }

  async text(): Promise<string> {
    // prom-client writes a gauge that is no number in a way of its own
    return (await this.#registry.metrics()).replace(/ Nan$/gm, ' NaN');
  }
}
