/** What the recomputation found, in rows. */
export interface Comparison {
  /** rows of the pipeline, of the SQL, and of both by transaction id */
  readonly ours: number;
  readonly sql: number;
  readonly joined: number;
  readonly distinct: number;
  /** of a customer with another transaction at the same time: SQL counts that one in, the pipeline if it came before */
  readonly tied: number;
  readonly tiedDiffering: number;
  /** all others that differ, which none may */
  readonly differing: number;
}

/** What is wrong; null when the pipeline and the SQL agree. */
export function disagreement({ ours, sql, joined, distinct, differing }: Comparison): string | null {
  if (ours === 0) return 'the pipeline gave no rows';
  if (ours !== sql || joined !== sql || distinct !== sql)
    return `${ours} rows of the pipeline, ${sql} of the SQL, ${joined} pairs over ${distinct} transactions`;
  return differing === 0 ? null : `${differing} rows differ and are no ties`;
}
