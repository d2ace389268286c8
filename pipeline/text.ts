/** Lines and columns of a text, both from 1; columns count UTF-16 units, as editors do. Lines end in LF, CRLF or CR. */
export class LineIndex {
  readonly #starts: number[] = [0];
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
    for (const match of text.matchAll(/\r\n|\n|\r/g)) this.#starts.push(match.index + match[0].length);
  }

  /** Line and column of a position, and the column behind a span, kept within its first line. */
  locate(start: number, end: number): { line: number; col: number; end: number } {
    const at = Math.max(0, Math.min(start, this.#text.length));
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= at) low = middle;
      else high = middle - 1;
    }
    const lineStart = this.#starts[low];
    const rest = this.#text.slice(at, Math.max(at, Math.min(end, this.#text.length)));
    const width = rest.search(/[\r\n]/);
    const length = Math.max(1, width < 0 ? rest.length : width);
    return { line: low + 1, col: at - lineStart + 1, end: at - lineStart + 1 + length };
  }
}
