/** A line of input without its break, as bytes; numbers count from 1. */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer;
}

const LF = 0x0a;
const CR = 0x0d;

/** Splits a stream at LF and CRLF, a chunk's lines at a time. A last line without a break counts; an empty rest does not. */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  let number = 0;
  let rest: Buffer[] = [];
  for await (const part of input) {
    const chunk = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      const piece = chunk.subarray(from, at);
      lines.push({ number: ++number, bytes: trimmed(rest.length === 0 ? piece : Buffer.concat([...rest, piece])) });
      rest = [];
      from = at + 1;
    }
    if (from < chunk.length) rest.push(Buffer.from(chunk.subarray(from)));
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [{ number: ++number, bytes: trimmed(Buffer.concat(rest)) }];
}

function trimmed(line: Buffer): Buffer {
  return line.length > 0 && line[line.length - 1] === CR ? line.subarray(0, -1) : line;
}
