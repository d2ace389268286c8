/** A pivot below this share of its diagonal element is rounding error: the column depends on those before it. */
const PIVOT = 1e-12;

/**
 * Solves matrix · x = right for a symmetric positive definite matrix (row-major), in place over copies, after scaling its diagonal
 * to ones. Gives null when it is singular to working precision.
 */
export function solveCholesky(matrix: Float64Array, right: Float64Array): Float64Array | null {
  const n = right.length;
  const scale = Float64Array.from({ length: n }, (_, i) => 1 / Math.sqrt(matrix[i * n + i]));
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j] * scale[i] * scale[j];
      for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      if (i !== j) l[i * n + j] = sum / l[j * n + j];
      else if (sum > PIVOT) l[i * n + i] = Math.sqrt(sum);
      else return null;
    }
  }
  const x = right.map((value, i) => value * scale[i]);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
  return x.map((value, i) => value * scale[i]);
}
