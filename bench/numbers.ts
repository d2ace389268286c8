/** Middle value; of an even count the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The value that a share `p` of the sorted values does not exceed (nearest rank). */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}

/** median [least … most], in `digits` decimals */
export function spread(values: readonly number[], digits = 2): string {
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}]`;
}

/** One line of the final table. `goal` is left empty where none is set. */
export interface Cell {
  readonly what: string;
  readonly value: string;
  readonly goal: string;
  readonly met: boolean | null;
}

export function render(cells: readonly Cell[]): string {
  const rows = [
    ['measure', 'value', 'goal', ''],
    ...cells.map(({ what, value, goal, met }) => [what, value, goal, met === null ? '' : met ? 'met' : 'NOT MET']),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return `${rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}
