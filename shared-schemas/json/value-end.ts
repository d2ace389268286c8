const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where the JSON value at `pos` ends, taking it to be well-formed; −1 when it has no end before `end`. */
export function valueEnd(buffer: Buffer, pos: number, end: number): number {
  const first = buffer[pos];
  if (first === QUOTE) return quoted(buffer, pos + 1, end);
  let to = pos;
  if (first !== 0x7b && first !== 0x5b) {
    while (to < end && buffer[to] > 0x20 && buffer[to] !== 0x2c && buffer[to] !== 0x7d) to++;
    return to;
  }
  let depth = 0;
  do {
    const byte = buffer[to++];
    if (byte === QUOTE) to = quoted(buffer, to, end);
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
  } while (depth > 0 && to > 0 && to < end);
  return depth === 0 ? to : -1;
}

function quoted(buffer: Buffer, from: number, end: number): number {
  for (let to = from; to < end; to++) {
    if (buffer[to] === QUOTE) return to + 1;
    if (buffer[to] === BACKSLASH) to++;
  }
  return -1;
}
