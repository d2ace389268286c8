/**
 * The loop one would write by hand for `pipelines/keyed.yaml`, knowing its input: in order, few cards, no NULLs. It keeps its
 * state in memory only and writes no header. `node keyed.ts DIR DECODE ENCODE`, see `codec.ts`.
 */
import { readFileSync } from 'node:fs';
import type { Appender } from '@millrace/transport/log.ts';
import { decoder, encoder } from './codec.ts';
import { append, consume } from './consume.ts';

const MINUTE = 60_000;
const OUT_OF_ORDER = 2_000;
const FIRST = 16;

/** One record, made once, with the fields of the input that are used and those of the output in its order. */
const record = { tx_id: '', card_id: '', category: '' as string | null, amount_usd: 0.5, event_time: 0, n_1m: 0, avg_1m: 0.5, merchant_id: '', amount: 0.5 };
const minute = { card_id: '', n: 0, total: 0.5, window_start: 0, window_end: 0 };

/** What is known of a card: the payments of the last minute in a ring, and the two minutes that may be open. */
class Card {
  readonly id: string;
  readonly key: Buffer;
  times = new Float64Array(FIRST);
  amounts = new Float64Array(FIRST);
  head = 0;
  end = 0;
  sum = 0;
  /** by the minute's number, even or odd */
  readonly n = [0, 0];
  readonly totals = [0, 0];

  constructor(id: string) {
    this.id = id;
    this.key = Buffer.from(id);
  }

  add(time: number, amount: number): void {
    let mask = this.times.length - 1;
    while (this.head < this.end && this.times[this.head & mask] <= time - MINUTE) this.sum -= this.amounts[this.head++ & mask];
    if (this.end - this.head === this.times.length) {
      this.enlarge();
      mask = this.times.length - 1;
    }
    this.times[this.end & mask] = time;
    this.amounts[this.end++ & mask] = amount;
    this.sum += amount;
  }

  private enlarge(): void {
    const size = this.times.length;
    const times = new Float64Array(2 * size);
    const amounts = new Float64Array(2 * size);
    for (let i = this.head; i < this.end; i++) {
      times[i & (2 * size - 1)] = this.times[i & (size - 1)];
      amounts[i & (2 * size - 1)] = this.amounts[i & (size - 1)];
    }
    this.times = times;
    this.amounts = amounts;
  }
}

const [dir, decodeWith, encodeWith] = process.argv.slice(2);
const decode = decoder(decodeWith, 'payment', record, ['tx_id', 'card_id', 'merchant_id', 'amount', 'event_time']);
const encode = encoder<typeof record>(encodeWith, 'enriched');
const encodeMinute = encoder<typeof minute>(encodeWith, 'minute');
const lines = readFileSync(new URL('../pipelines/merchants.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1);
const categories = new Map(lines.map((line) => line.split(',') as [string, string]));
const cards = new Map<string, Card>();
/** cards with payments in a minute, by its number, even or odd */
const open: [Card[], Card[]] = [[], []];
let closing = Number.POSITIVE_INFINITY;
let watermark = Number.NEGATIVE_INFINITY;

function close(number: number, now: number, out: Appender): void {
  const side = number & 1;
  for (const card of open[side].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    minute.card_id = card.id;
    minute.n = card.n[side];
    minute.total = card.totals[side];
    minute.window_start = number * MINUTE;
    minute.window_end = (number + 1) * MINUTE;
    append(out, now, encodeMinute, minute, card.key, card.key.length);
    card.n[side] = 0;
    card.totals[side] = 0;
  }
  open[side].length = 0;
}

await consume(
  dir,
  ['payments.enriched', 'card.minutes'],
  (view, now, [out, minutes]) => {
    const { buffer, valueStart, valueEnd, count } = view;
    for (let i = 0; i < count; i++) {
      const payment = decode(buffer, valueStart[i], valueEnd[i]);
      const time = payment.event_time;
      if (payment.amount > 0) {
        payment.category = categories.get(payment.merchant_id) ?? null;
        payment.amount_usd = payment.amount * 1.25;
        let card = cards.get(payment.card_id);
        if (card === undefined) {
          card = new Card(payment.card_id);
          cards.set(card.id, card);
        }
        card.add(time, payment.amount_usd);
        payment.n_1m = card.end - card.head;
        payment.avg_1m = card.sum / payment.n_1m;
        append(out, now, encode, payment, card.key, card.key.length);
        const number = Math.floor(time / MINUTE);
        const side = number & 1;
        if (card.n[side]++ === 0) open[side].push(card);
        card.totals[side] += payment.amount_usd;
        if (closing === Number.POSITIVE_INFINITY) closing = number;
      }
      watermark = time - OUT_OF_ORDER - 1;
      while (watermark >= (closing + 1) * MINUTE - 1) close(closing++, now, minutes);
    }
  },
  (now, [, minutes]) => {
    close(closing, now, minutes);
    close(closing + 1, now, minutes);
  },
);
