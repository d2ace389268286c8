/** longer texts are left to a Map, whose hash is quicker on them */
const SHORT = 32;
/** a text that finds no place so near to its own is left to the Map too: so no choice of keys makes a search long */
const REACH = 16;

/**
 * The numbers of texts, as a Map from text to number: but its places are numbers side by side, each with the text's hash, so that a search
 * touches no text but the one it finds. Linear probing; places that are free again are filled by those behind them.
 */
export class TextNumbers {
  /** by number: the texts that have one; the caller's */
  private readonly texts: readonly string[];
  /** pairs: a text's hash, and its number + 1; 0 for a free place */
  private places = new Int32Array(2 * 64);
  private mask = 63;
  private count = 0;
  private readonly others = new Map<string, number>();

  constructor(texts: readonly string[]) {
    this.texts = texts;
  }

  /** −1 for a text that has none */
  get(text: string): number {
    if (text.length <= SHORT) {
      const { places, mask } = this;
      const hash = hashOf(text);
      for (let place = hash & mask; places[2 * place + 1] !== 0; place = (place + 1) & mask) {
        const number = places[2 * place + 1] - 1;
        if (places[2 * place] === hash && this.texts[number] === text) return number;
      }
    }
    return this.others.size === 0 ? -1 : (this.others.get(text) ?? -1);
  }

  /** The text has no number yet; `texts` has it at that place. */
  set(text: string, number: number): void {
    if (2 * (this.count + 1) > this.mask + 1) this.enlarge();
    if (text.length > SHORT || !this.put(hashOf(text), number)) this.others.set(text, number);
  }

  /** `texts` still has the text. */
  delete(text: string): void {
    if (this.others.delete(text)) return;
    const { places, mask } = this;
    let free = hashOf(text) & mask;
    while (this.texts[places[2 * free + 1] - 1] !== text) free = (free + 1) & mask;
    for (let place = (free + 1) & mask; places[2 * place + 1] !== 0; place = (place + 1) & mask) {
      // one that is no further from where it belongs than the free place is must stay
      if (((place - places[2 * place]) & mask) < ((place - free) & mask)) continue;
      places[2 * free] = places[2 * place];
      places[2 * free + 1] = places[2 * place + 1];
      free = place;
    }
    places[2 * free + 1] = 0;
    this.count--;
  }

  private put(hash: number, number: number): boolean {
    const { places, mask } = this;
    for (let reach = 0; reach < REACH; reach++) {
      const place = (hash + reach) & mask;
      if (places[2 * place + 1] !== 0) continue;
      places[2 * place] = hash;
      places[2 * place + 1] = number + 1;
      this.count++;
      return true;
    }
    return false;
  }

  private enlarge(): void {
    const before = this.places;
    this.places = new Int32Array(2 * before.length);
    this.mask = 2 * this.mask + 1;
    this.count = 0;
    for (let i = 0; i < before.length; i += 2) {
      const number = before[i + 1] - 1;
      if (number >= 0 && !this.put(before[i], number)) this.others.set(this.texts[number], number);
    }
  }
}

/** Which places a text comes to; for tests, that look for texts that meet. */
export function hashOf(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
