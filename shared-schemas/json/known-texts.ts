/** bytes a place: the hash, the length (−1 for none) and the text, which is one line of a processor's cache */
const PLACE = 64;
/** longest text that is kept, bytes */
const LONGEST = PLACE - 8;
const FIRST_SIZE = 256;
const MOST = 32_768;
/** texts that are not looked up once most of those in a full table were new */
const REST = 1_000_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The short ASCII texts that one field had lately, by their bytes: a text that comes again is the same string, which costs no object, has its hash and
 * equals by identity. Grows with them up to a bound, forgets them all there, and rests where texts hardly come again.
 */
export class KnownTexts {
  #size = FIRST_SIZE;
  #texts: string[] = [];
  #words: Int32Array = new Int32Array(0);
  #bytes: Uint8Array = new Uint8Array(0);
  #count = 0;
  /** since it was empty */
  #lookups = 0;
  #rest = 0;
  #hash = 0;

  constructor() {
    this.#clear();
  }

  /** Where the text that begins at `from` ends: its quote, or a byte that it does not hold as it is. */
  scan(buffer: Uint8Array, from: number): number {
    let to = from;
    let hash = 0;
    let byte = buffer[to];
    while (byte !== QUOTE && byte !== BACKSLASH && byte >= 0x20 && byte < 0x80) {
      hash = Math.imul(hash ^ byte, 0x01000193);
      byte = buffer[++to];
    }
    this.#hash = hash;
    return to;
  }

  /** The string of `buffer[from, to)`, which `scan` has just passed; null where it is not worth a look. */
  text(buffer: Buffer, from: number, to: number): string | null {
    const length = to - from;
    if (length > LONGEST) return null;
    if (this.#rest > 0) {
      this.#rest--;
      return null;
    }
    this.#lookups++;
    const hash = Math.imul(this.#hash ^ (this.#hash >>> 15), 0x85ebca6b);
    const last = this.#size - 1;
    let place = (hash ^ (hash >>> 13)) & last;
    const words = this.#words;
    for (let at = place << 4; words[at + 1] >= 0; at = place << 4) {
      if (words[at] === hash && words[at + 1] === length && this.#holds(place, buffer, from, length)) return this.#texts[place];
      place = (place + 1) & last;
    }
    return this.#add(place, hash, buffer, from, to);
  }

  #holds(place: number, buffer: Uint8Array, from: number, length: number): boolean {
    const bytes = this.#bytes;
    const at = place * PLACE + 8;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== buffer[from + i]) return false;
    return true;
  }

  #add(place: number, hash: number, buffer: Buffer, from: number, to: number): string {
    const text = internalized(buffer.latin1Slice(from, to));
    this.#texts[place] = text;
    this.#words[place << 4] = hash;
    this.#words[(place << 4) + 1] = to - from;
    this.#bytes.set(buffer.subarray(from, to), place * PLACE + 8);
    if (++this.#count > this.#size * 0.6) this.#full();
    return text;
  }

  #clear(): void {
    this.#count = 0;
    this.#lookups = 0;
    this.#texts = new Array<string>(this.#size).fill('');
    this.#words = new Int32Array(this.#size * (PLACE / 4)).fill(-1);
    this.#bytes = new Uint8Array(this.#words.buffer);
  }

  #full(): void {
    if (this.#size < MOST) this.#size *= 2;
    else if (this.#lookups < 2 * this.#count) {
      this.#rest = REST;
      this.#size = FIRST_SIZE;
    }
    this.#clear();
  }
}

const names: { [name: string]: number } = Object.create(null);

/** V8 keeps each name of a property once: such strings equal by identity, those of programs and tables among them. */
function internalized(text: string): string {
  names[text] = 0;
  for (const name in names) {
    delete names[name];
    return name;
  }
  return text;
}
