const DURATION: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `number unit`, exactly: decimals count when the result is whole. */
function withUnit(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{1,9}))?([A-Za-z]+)$/.exec(text);
  if (match === null || !Object.hasOwn(units, match[4])) return null;
  const [, sign, whole, decimals = '', unit] = match;
  const scaled = BigInt(whole + decimals) * BigInt(units[unit]);
  const scale = 10n ** BigInt(decimals.length);
  if (scaled % scale !== 0n) return null;
  const value = Number(scaled / scale);
  if (!Number.isSafeInteger(value)) return null;
  return sign === '-' && value !== 0 ? -value : value;
}

/** Milliseconds of `250ms`, `2s`, `1.5h`, `-5m`; null when it is no duration or no whole number of milliseconds. */
export function parseDuration(text: string): number | null {
  return withUnit(text, DURATION);
}

/** Bytes of `64MiB`, `512KiB`, `100B`; null when it is no size. */
export function parseSize(text: string): number | null {
  const value = withUnit(text, SIZE);
  return value === null || value < 0 ? null : value;
}

function format(value: number, units: Readonly<Record<string, number>>): string {
  const names = Object.keys(units).reverse();
  const unit = names.find((name) => value !== 0 && value % units[name] === 0) ?? names[names.length - 1];
  return `${value / units[unit]}${unit}`;
}

/** The shortest exact duration text: 90000 is `90s`, 0 is `0s`. */
export function formatDuration(ms: number): string {
  return ms === 0 ? '0s' : format(ms, DURATION);
}

export function formatSize(bytes: number): string {
  return format(bytes, SIZE);
}
