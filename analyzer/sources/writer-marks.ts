import { MillraceError } from '@millrace/runtime/errors.ts';
import type { HeaderReader } from '@millrace/shared-schemas/header.ts';
import type { WriterMark } from './completeness.ts';

/** Follows the numbering and the watermarks of the writers of one partition of a bridge. */
export class WriterMarks {
  readonly #name: string;
  readonly #marks: WriterMark[];

  /** `name`: of the partition, for messages; `marks` are changed in place */
  constructor(name: string, marks: WriterMark[]) {
    this.#name = name;
    this.#marks = marks;
  }

  /** Takes a header in. False for what is no record (a heartbeat) or was taken before. @throws MillraceError lost_tail */
  accept(header: HeaderReader): boolean {
    const mark = this.#markOf(header);
    if (header.watermark > mark.watermark) mark.watermark = header.watermark;
    if (header.heartbeat) {
      if (header.seq !== mark.seq) this.#gap(mark, header.seq);
      // an end says nothing of idleness
      if (header.kind === 'watermark' || header.kind === 'idle') mark.idle = header.kind === 'idle';
      mark.ended = header.kind === 'end' || header.kind === 'final';
      return false;
    }
    if (header.seq <= mark.seq) return false;
    if (header.seq !== mark.seq + 1) this.#gap(mark, header.seq);
    mark.seq = header.seq;
    mark.idle = false;
    mark.ended = false;
    return true;
  }

  /** A reader that comes later than the writer takes the first number it sees as its base. */
  #markOf({ writer, seq, heartbeat }: HeaderReader): WriterMark {
    const found = this.#marks.find((mark) => mark.writer === writer);
    if (found) return found;
    const fresh = { writer, seq: heartbeat ? seq : seq - 1, watermark: Number.NEGATIVE_INFINITY, idle: false, ended: false };
    this.#marks.push(fresh);
    return fresh;
  }

  #gap(mark: WriterMark, seq: number): never {
    throw new MillraceError('lost_tail', `${this.#name}: writer ${mark.writer} goes on at ${seq} where ${mark.seq + 1} was due`);
  }
}
