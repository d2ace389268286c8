import type { Sink } from '../command.ts';

/** The terminal's other screen, the cursor away, drawn anew as a whole: what was there before comes back when it is closed. */
const OPEN = '\u001b[?1049h\u001b[?25l';
const CLOSE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const LINE_END = '\u001b[K';
const BELOW = '\u001b[J';
/** a terminal that knows it shows what is between at once */
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';

/** Shows frames one over the other, until it is closed. */
export class Screen {
  readonly #sink: Sink;
  #open = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  draw(lines: readonly string[]): void {
    const open = this.#open ? '' : OPEN;
    this.#open = true;
    this.#sink.write(`${open}${BEGIN}${HOME}${lines.map((line) => line + LINE_END).join('\r\n')}${BELOW}${END}`);
  }

  /** may be called again, and before anything was drawn */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#sink.write(CLOSE);
  }
}
