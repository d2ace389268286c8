import type { Clock } from '@millrace/runtime/clock.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import { type Model, parseModel } from '@millrace/shared-schemas/model.ts';
import { decisionOf, modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import { FileRegistry } from '@millrace/shared-schemas/registry/file.ts';
import type { BatchView, Reader, Transport } from '@millrace/transport/log.ts';
import { valuePrinter } from '../logs/values.ts';
import type { Story } from './story.ts';

const POLL_BYTES = 1 << 20;
const WAIT_MS = 100;

export interface WatchOptions {
  readonly story: Story;
  readonly transport: Transport;
  readonly dataDir: string;
  readonly pipeline: string;
  readonly bridge: string;
  readonly alerts: string;
  readonly clock: Clock;
  /** epoch ms at which generated records began to come */
  readonly begun: number;
}

/**
 * Looks on from outside, as any reader of the topics would: follows the bridge, the alerts and the decisions on models from their beginnings.
 * A record's latency goes from when it was due, whether or not the machine kept up, to when it is committed and read here.
 */
export class Watcher {
  readonly #options: WatchOptions;
  readonly #readers = new Map<string, { readonly reader: Reader; readonly take: (view: BatchView, i: number) => void }>();
  readonly #header = new HeaderReader();
  #stopped = false;
  /** settles when it has stopped: rejects with what went wrong while reading */
  readonly done: Promise<void>;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.done = this.#follow();
  }

  /** Reads what there still is, and stops. Rejects as `done` does. */
  async close(): Promise<void> {
    this.#stopped = true;
    await this.done;
    for (const { reader } of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  async #follow(): Promise<void> {
    const { log } = this.#options.transport;
    for (;;) {
      const stopping = this.#stopped;
      const since = log.version();
      this.#look();
      if (stopping) return;
      await log.wait(WAIT_MS, since);
    }
  }

  #look(): void {
    const { pipeline, bridge, alerts } = this.#options;
    this.#open(modelsTopic(pipeline), (view, i) => this.#decision(view, i));
    this.#open(alerts, this.#alertTaker);
    this.#open(bridge, (view, i) => this.#bridged(view, i));
    for (const { reader, take } of this.#readers.values())
      for (let view = reader.poll(POLL_BYTES); view !== null; view = reader.poll(POLL_BYTES)) {
        for (let i = 0; i < view.count; i++) take(view, i);
        view.release();
      }
  }

  /** a topic is there once someone writes to it */
  #open(topic: string, take: (view: BatchView, i: number) => void): void {
    if (this.#readers.has(`${topic}/0`)) return;
    const { log } = this.#options.transport;
    for (let p = 0; p < (log.topic(topic)?.partitions ?? 0); p++) this.#readers.set(`${topic}/${p}`, { reader: log.reader(topic, p, { offset: 0 }), take });
  }

  #late(time: number): number {
    const { story, clock, begun } = this.#options;
    return clock.now() - begun - story.due(time);
  }

  #bridged(view: BatchView, i: number): void {
    const { story } = this.#options;
    if (!this.#header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number) || this.#header.heartbeat) return;
    story.bridged++;
    if (this.#header.eventTime >= story.setting.live) story.toBridge.add(this.#late(this.#header.eventTime));
  }

  readonly #alertTaker = (view: BatchView, i: number): void => {
    if ((view.valueEnd[i] as number) < 0) return;
    const { story, clock, begun } = this.#options;
    const row = this.#alert(view.buffer.subarray(view.valueStart[i], view.valueEnd[i]));
    const { tx_id: tx, event_time: time, customer_id: card, terminal_id: terminal, amount, score, is_fraud } = row;
    story.addAlert({ tx, time, card, terminal, amount, score: score ?? 0, fraud: is_fraud }, clock.now() - begun);
    if (time >= story.setting.live) story.toAlert.add(this.#late(time));
  };

  #print: ReturnType<typeof valuePrinter> | null = null;

  #alert(bytes: Buffer): AlertRow {
    const { transport, alerts, dataDir } = this.#options;
    const topic = transport.log.topic(alerts);
    if (topic === null) throw new Error(`the topic ${alerts} is gone`);
    this.#print ??= valuePrinter(topic, new FileRegistry(dataDir));
    return JSON.parse(this.#print('value', bytes).json) as AlertRow;
  }

  #decision(view: BatchView, i: number): void {
    const decision = (view.valueEnd[i] as number) < 0 ? null : decisionOf(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
    if (decision === null) return;
    const { story } = this.#options;
    story.addDecision(decision, decision.trained === null ? null : this.#model(decision.trained));
    // what was waiting for its window may have been judged at this boundary
    for (const { hash, model } of story.models) {
      const now = model.metrics === null ? this.#model(hash) : null;
      if (now !== null && now.metrics !== null) story.judge(hash, now);
    }
  }

  #model(hash: string): Model | null {
    const bytes = this.#options.transport.ledger.get(modelKey(this.#options.pipeline, hash));
    return bytes === null ? null : parseModel(Buffer.from(bytes).toString());
  }
}

interface AlertRow {
  readonly tx_id: number;
  readonly event_time: number;
  readonly customer_id: number;
  readonly terminal_id: number;
  readonly amount: number;
  readonly score: number | null;
  readonly is_fraud: boolean;
}
