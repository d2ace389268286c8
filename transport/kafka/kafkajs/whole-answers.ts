import type { Socket } from 'node:net';

const LENGTH = 4;

/**
 * Has the socket's listeners for data hear of whole answers only. kafkajs keeps the beginning of one that was cut off, puts the first answer of its next connection behind it, and
 * dies of that, or waits for ever (2.2.4; https://github.com/tulios/kafkajs/issues/715).
 */
export function onlyWholeAnswers<S extends Socket>(socket: S): S {
  const on = socket.on.bind(socket) as (event: string, listener: (...args: never[]) => void) => S;
  const whole = (listener: (bytes: Buffer) => void) => wholeAnswers(listener, (error) => socket.destroy(error));
  return Object.assign(socket, {
    on: (event: string, listener: (...args: never[]) => void) => on(event, event === 'data' ? whole(listener as (bytes: Buffer) => void) : listener),
  });
}

/** Gives on what it gets in pieces as one answer or several, each behind its length in four bytes; `wrong` is told of a length that none has. */
export function wholeAnswers(give: (bytes: Buffer) => void, wrong: (error: RangeError) => void): (bytes: Buffer) => void {
  let pieces: Buffer[] = [];
  let have = 0;
  let need = LENGTH;
  return (bytes) => {
    pieces.push(bytes);
    have += bytes.length;
    if (have < need) return;
    const all = pieces.length === 1 ? bytes : Buffer.concat(pieces);
    let end = 0;
    for (need = LENGTH; all.length - end >= need; need = LENGTH) {
      const length = all.readInt32BE(end);
      if (length < 0) {
        wrong(new RangeError(`an answer of ${length} bytes`));
        return;
      }
      need += length;
      if (all.length - end < need) break;
      end += need;
    }
    pieces = end < all.length ? [all.subarray(end)] : [];
    have = all.length - end;
    if (end > 0) give(all.subarray(0, end));
  };
}
