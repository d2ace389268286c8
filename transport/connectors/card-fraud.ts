import { type Random, seededRandom } from '@millrace/runtime/random.ts';

const DAY_S = 86_400;
const DAY_MS = DAY_S * 1000;
const PLANE = 100;
const RADIUS = 5;
const FRAUD_ABOVE = 220;
const TERMINALS_A_DAY = 2;
const TERMINAL_DAYS = 28;
const CUSTOMERS_A_DAY = 3;
const CUSTOMER_DAYS = 14;
const FACTOR = 5;

/** Streams of chance: who there is, who turns bad on a day, what a customer does on a day. */
const PEOPLE = 0;
const BAD_TERMINALS = 1;
const ROBBED = 2;
const PAYMENTS = 3;
const STREAMS = 4;

export interface CardFraudOptions {
  readonly seed: number;
  readonly customers: number;
  readonly terminals: number;
  /** epoch ms of the first day's midnight, UTC */
  readonly start: number;
  /** null: endless */
  readonly days: number | null;
}

export interface Payment {
  /** epoch ms, whole seconds */
  readonly t: number;
  readonly customer: number;
  readonly terminal: number;
  /** in units of currency, whole cents */
  readonly amount: number;
  /** 0: honest; else which of the three scenarios */
  readonly scenario: 0 | 1 | 2 | 3;
}

interface Customer {
  readonly mean: number;
  readonly deviation: number;
  readonly perDay: number;
  readonly reach: Int32Array;
}

/**
 * Card payments and three kinds of fraud as the simulator of the Fraud Detection Handbook draws them (Le Borgne, Siblini,
 * Lebichot, Bontempi: "Reproducible Machine Learning for Credit Card Fraud Detection", chapter 3): customers and terminals on a plane, a customer
 * pays at terminals within reach, a Poisson number of times a day. Frauds, each overwriting the one before: amounts above 220; two
 * terminals a day turn bad for 28 days; three customers a day have a third of their payments multiplied by 5 for 14 days.
 *
 * Payments are numbered by time, ties by customer. Day d is a pure function of (seed, d), so any payment can be made again at any time.
 */
export class CardFraud {
  readonly #options: CardFraudOptions;
  readonly #customers: readonly Customer[];
  /** number of the first payment of each day known so far, and of the day after the last */
  readonly #firsts: number[] = [0];
  /** the day asked for last, and the one before: where a reader is and where time is may be weeks apart */
  #day: readonly Payment[] = [];
  #dayNumber = -1;
  #other: readonly Payment[] = [];
  #otherNumber = -1;

  constructor(options: CardFraudOptions) {
    this.#options = options;
    this.#customers = people(options);
  }

  /** payments in all; null: endless */
  get count(): number | null {
    return this.#options.days === null ? null : this.#first(this.#options.days);
  }

  /** payment `i`, from 0 */
  at(i: number): Payment {
    let day = Math.max(0, this.#dayNumber);
    while (i < this.#first(day)) day--;
    while (i >= this.#first(day + 1)) day++;
    return this.#load(day)[i - this.#first(day)] as Payment;
  }

  /** how many payments have event times up to `t` */
  upTo(t: number): number {
    const { start, days } = this.#options;
    const day = Math.min(Math.floor((t - start) / DAY_MS), days ?? Number.POSITIVE_INFINITY);
    if (day < 0) return 0;
    if (day === days) return this.#first(day);
    const payments = this.#load(day);
    let low = 0;
    let high = payments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((payments[middle] as Payment).t <= t) low = middle + 1;
      else high = middle;
    }
    return this.#first(day) + low;
  }

  #first(day: number): number {
    for (let known = this.#firsts.length; known <= day; known++) this.#firsts.push((this.#firsts[known - 1] as number) + this.#load(known - 1).length);
    return this.#firsts[day] as number;
  }

  #load(day: number): readonly Payment[] {
    if (day === this.#dayNumber) return this.#day;
    const found = day === this.#otherNumber ? this.#other : this.#draw(day);
    this.#other = this.#day;
    this.#otherNumber = this.#dayNumber;
    this.#day = found;
    this.#dayNumber = day;
    return found;
  }

  #draw(day: number): Payment[] {
    const { seed, start, terminals } = this.#options;
    const badTerminals = new Set(this.#chosen(BAD_TERMINALS, day, TERMINAL_DAYS, TERMINALS_A_DAY, terminals));
    const robbed = this.#chosen(ROBBED, day, CUSTOMER_DAYS, CUSTOMERS_A_DAY, this.#customers.length);
    const thefts = new Map<number, number>();
    for (const customer of robbed) thefts.set(customer, (thefts.get(customer) ?? 0) + 1);
    const payments: Payment[] = [];
    for (const [number, customer] of this.#customers.entries()) {
      if (customer.reach.length === 0) continue;
      const random = seededRandom(seed, (day * this.#customers.length + number) * STREAMS + PAYMENTS);
      for (let left = poisson(customer.perDay, random); left > 0; left--) {
        const second = Math.trunc(DAY_S / 2 + 20_000 * random.normal());
        let amount = customer.mean + customer.deviation * random.normal();
        if (amount < 0) amount = random.uniform() * 2 * customer.mean;
        amount = Math.round(amount * 100) / 100;
        const terminal = customer.reach[random.below(customer.reach.length)] as number;
        let scenario: Payment['scenario'] = amount > FRAUD_ABOVE ? 1 : 0;
        if (badTerminals.has(terminal)) scenario = 2;
        for (let theft = thefts.get(number) ?? 0; theft > 0; theft--) {
          if (random.below(3) > 0) continue;
          amount = Math.round(amount * FACTOR * 100) / 100;
          scenario = 3;
        }
        // as the Handbook has it: a time outside the day is no payment
        if (second > 0 && second < DAY_S) payments.push({ t: start + day * DAY_MS + second * 1000, customer: number, terminal, amount, scenario });
      }
    }
    return payments.sort((a, b) => a.t - b.t);
  }

  /** who, drawn on one of the last `days` days, is bad on `day`; one drawn twice stands twice */
  #chosen(stream: number, day: number, days: number, each: number, among: number): number[] {
    const bad: number[] = [];
    for (let drawn = Math.max(0, day - days + 1); drawn <= day; drawn++) {
      const random = seededRandom(this.#options.seed, drawn * STREAMS + stream);
      const today = new Set<number>();
      while (today.size < Math.min(each, among)) today.add(random.below(among));
      bad.push(...today);
    }
    return bad;
  }
}

function people({ seed, customers, terminals }: CardFraudOptions): Customer[] {
  const random = seededRandom(seed, PEOPLE);
  const place = () => ({ x: random.uniform() * PLANE, y: random.uniform() * PLANE });
  const cells = new Map<number, { terminal: number; x: number; y: number }[]>();
  const cell = (column: number, line: number): number => column * PLANE + line;
  for (let terminal = 0; terminal < terminals; terminal++) {
    const at = place();
    const key = cell(Math.floor(at.x / RADIUS), Math.floor(at.y / RADIUS));
    const there = cells.get(key);
    if (there) there.push({ terminal, ...at });
    else cells.set(key, [{ terminal, ...at }]);
  }
  return Array.from({ length: customers }, () => {
    const { x, y } = place();
    const mean = 5 + 95 * random.uniform();
    const reach: number[] = [];
    for (let column = Math.floor(x / RADIUS) - 1; column <= Math.floor(x / RADIUS) + 1; column++) {
      for (let line = Math.floor(y / RADIUS) - 1; line <= Math.floor(y / RADIUS) + 1; line++) {
        for (const other of cells.get(cell(column, line)) ?? []) if (Math.hypot(other.x - x, other.y - y) < RADIUS) reach.push(other.terminal);
      }
    }
    return { mean, deviation: mean / 2, perDay: 4 * random.uniform(), reach: Int32Array.from(reach).sort() };
  });
}

/** Knuth's product of uniforms: fit for the small means of a day. */
function poisson(mean: number, random: Random): number {
  const least = Math.exp(-mean);
  let n = 0;
  for (let product = random.uniform(); product > least; product *= random.uniform()) n++;
  return n;
}
