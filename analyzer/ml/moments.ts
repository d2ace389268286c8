const BLOCK = 1024;

export interface Moments {
  readonly mean: number;
  /** population standard deviation: exactly 0 when all values are equal */
  readonly std: number;
}

/**
 * Mean and population standard deviation in two passes. Values are taken as differences from the first one, in units of a power
 * of two near the largest: so equal values give exactly 0, a large mean costs no digits and no square overflows.
 */
export function moments(values: Float64Array): Moments {
  const n = values.length;
  if (n === 0) return { mean: 0, std: 0 };
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(values[i]));
  if (largest === 0) return { mean: 0, std: 0 };
  const unit = 2 ** Math.max(-1000, Math.min(1023, Math.floor(Math.log2(largest))));
  const first = values[0] / unit;
  const shift = blockSum(n, (i) => values[i] / unit - first) / n;
  const spread = blockSum(n, (i) => (values[i] / unit - first - shift) ** 2) / n;
  return { mean: (first + shift) * unit, std: Math.sqrt(spread) * unit };
}

/** Sum in blocks, whose sums are summed: the rounding error grows with the block and the number of blocks, not with n. */
function blockSum(n: number, at: (i: number) => number): number {
  let total = 0;
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(n, start + BLOCK);
    let sum = 0;
    for (let i = start; i < end; i++) sum += at(i);
    total += sum;
  }
  return total;
}
