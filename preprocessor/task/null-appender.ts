import type { Appender } from '@millrace/transport/log.ts';

/** Takes records and forgets them: what a task writes to while it replays what has already left. */
export class NullAppender implements Appender {
  readonly topic: string;
  readonly partitions: number;
  readonly pendingBytes = 0;
  readonly pendingRecords = 0;
  buffer = Buffer.allocUnsafe(64 * 1024);

  constructor(topic: string, partitions: number) {
    this.topic = topic;
    this.partitions = partitions;
  }

  begin(): number {
    return 0;
  }

  grow(): number {
    this.buffer = Buffer.allocUnsafe(this.buffer.length * 2);
    return 0;
  }

  end(): void {}
  abandon(): void {}
  null(): void {}
  discard(): void {}
  async flush(): Promise<void> {}
}
