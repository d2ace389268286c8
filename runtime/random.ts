/** Chance, as an argument: the same seed gives the same numbers on every machine. */
export interface Random {
  /** uniform in [0, 1), 53 bits */
  uniform(): number;
  /** standard normal (Box–Muller, polar form) */
  normal(): number;
  /** uniform integer in [0, n) */
  below(n: number): number;
}

/** xoshiro128** seeded by splitmix32 (Blackman & Vigna, 2018). `index` picks one of 2^53 independent streams of a seed. */
export function seededRandom(seed: number, index = 0): Random {
  let state = (seed ^ 0x9e3779b9 ^ Math.imul(index >>> 0, 0x85ebca6b) ^ Math.imul(Math.floor(index / 2 ** 32), 0xc2b2ae35)) >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
  let a = next();
  let b = next();
  let c = next();
  let d = next() | 1;
  const bits = (): number => {
    const m = Math.imul(b, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
  const uniform = (): number => ((bits() >>> 5) * 67108864 + (bits() >>> 6)) / 9007199254740992;
  return {
    uniform,
    below: (n) => Math.floor(uniform() * n),
    normal() {
      for (;;) {
        const u = 2 * uniform() - 1;
        const v = 2 * uniform() - 1;
        const s = u * u + v * v;
        if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s);
      }
    },
  };
}
