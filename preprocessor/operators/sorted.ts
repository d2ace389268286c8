/** How many of the ascending numbers in [from, to) of the array, by index, lie below x: where the first ≥ x is. */
export function lowerBound(sorted: readonly number[], x: number, from = 0, to = sorted.length): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the first number > x. */
export function upperBound(sorted: readonly number[], x: number, from = 0, to = sorted.length): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts x behind those ≤ x and gives its index. */
export function insertSorted(sorted: number[], x: number): number {
  if (sorted.length === 0 || sorted[sorted.length - 1] <= x) return sorted.push(x) - 1;
  const at = upperBound(sorted, x);
  sorted.splice(at, 0, x);
  return at;
}
