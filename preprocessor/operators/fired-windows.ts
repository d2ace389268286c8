/**
 * A set of windows of one key, by their starts, as runs [first, last, first, last, …] in ascending order: the windows that an end
 * of the input fired before the watermark got there.
 */
export function hasFired(runs: readonly number[], start: number): boolean {
  for (let i = runs.length - 2; i >= 0; i -= 2) if (start >= runs[i]) return start <= runs[i + 1];
  return false;
}

/** Adds a window; windows that begin `slide` apart share a run. Runs whose windows all start before `past` go. */
export function addFired(runs: number[], start: number, slide: number, past: number): void {
  while (runs.length > 0 && runs[1] < past) runs.splice(0, 2);
  let i = 0;
  while (i < runs.length && runs[i + 1] < start - slide) i += 2;
  if (i === runs.length || runs[i] > start + slide) runs.splice(i, 0, start, start);
  else {
    runs[i] = Math.min(runs[i], start);
    runs[i + 1] = Math.max(runs[i + 1], start);
    if (i + 2 < runs.length && runs[i + 2] <= runs[i + 1] + slide) runs.splice(i + 1, 2);
  }
}
