/** Records too few to judge a ratio by. */
const ENOUGH = 100;
const SLICES = 10;

/** Watches the share of dead letters among the records of the last `per` ms, in slices of a tenth of it. */
export class DeadLetterBudget {
  readonly #ratio: number;
  readonly #slice: number;
  #slices: { from: number; records: number; dead: number }[] = [];

  constructor(budget: { readonly ratio: number; readonly per: number }) {
    this.#ratio = budget.ratio;
    this.#slice = budget.per / SLICES;
  }

  /** counts what came since the last call; `now` in monotonic ms */
  add(now: number, records: number, dead: number): void {
    const last = this.#slices.at(-1);
    if (last && now - last.from < this.#slice) {
      last.records += records;
      last.dead += dead;
    } else this.#slices.push({ from: now, records, dead });
    while (this.#slices.length > SLICES) this.#slices.shift();
  }

  /** whether the budget is spent; `final`: no more will come, so that few records count too */
  over(final: boolean): boolean {
    const records = this.#slices.reduce((sum, slice) => sum + slice.records, 0);
    const dead = this.#slices.reduce((sum, slice) => sum + slice.dead, 0);
    return dead > 0 && (final || records >= ENOUGH) && dead > this.#ratio * records;
  }
}
