/** Rows to train on, a column a feature. A value that is no finite number (NaN stands for NULL) leaves its row out of the fit. */
export interface Dataset {
  readonly features: readonly string[];
  readonly rows: number;
  /** `rows` values each, in the order of `features` */
  readonly columns: readonly Float64Array[];
  /** 1: positive, 0: negative */
  readonly labels: Uint8Array;
  /** what each row counts; null: 1 */
  readonly weights: Float64Array | null;
}

/** Collects rows one by one; the columns grow by doubling. */
export class DatasetBuilder {
  private rows = 0;
  private readonly features: readonly string[];
  private readonly columns: Float64Array[];
  private labels: Uint8Array;

  constructor(features: readonly string[], capacity = 1024) {
    this.features = features;
    this.columns = features.map(() => new Float64Array(capacity));
    this.labels = new Uint8Array(capacity);
  }

  /** Copies one row; `values` in the order of the features, NaN for NULL. */
  add(values: ArrayLike<number>, label: boolean): void {
    if (this.rows === this.labels.length) this.grow();
    for (let j = 0; j < this.columns.length; j++) this.columns[j][this.rows] = values[j];
    this.labels[this.rows++] = label ? 1 : 0;
  }

  /** The rows so far, as views: nothing may be added after. */
  build(): Dataset {
    return {
      features: this.features,
      rows: this.rows,
      columns: this.columns.map((column) => column.subarray(0, this.rows)),
      labels: this.labels.subarray(0, this.rows),
      weights: null,
    };
  }

  private grow(): void {
    const capacity = Math.max(16, this.rows * 2);
    for (let j = 0; j < this.columns.length; j++) {
      const wider = new Float64Array(capacity);
      wider.set(this.columns[j]);
      this.columns[j] = wider;
    }
    const labels = new Uint8Array(capacity);
    labels.set(this.labels);
    this.labels = labels;
  }
}

/** The rows whose features are all finite and whose weight is positive and finite: the dataset itself when that is all of them. */
export function usableRows(dataset: Dataset): Dataset {
  const { rows, columns, weights } = dataset;
  const keep = new Uint8Array(rows).fill(1);
  for (const column of columns) for (let i = 0; i < rows; i++) if (!Number.isFinite(column[i])) keep[i] = 0;
  if (weights !== null) for (let i = 0; i < rows; i++) if (!(weights[i] > 0 && weights[i] < Number.POSITIVE_INFINITY)) keep[i] = 0;
  const kept = keep.reduce((sum, it) => sum + it, 0);
  if (kept === rows) return dataset;
  const pick = <T extends Float64Array | Uint8Array>(from: T, to: T): T => {
    let at = 0;
    for (let i = 0; i < rows; i++) if (keep[i] === 1) to[at++] = from[i];
    return to;
  };
  return {
    features: dataset.features,
    rows: kept,
    columns: columns.map((column) => pick(column, new Float64Array(kept))),
    labels: pick(dataset.labels, new Uint8Array(kept)),
    weights: weights === null ? null : pick(weights, new Float64Array(kept)),
  };
}
