/** Numbers and times as people read them; no locale, so the same everywhere. */

/** 1234567 → `1,234,567` */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `950/s`, `41,200/s` */
export function rate(perSecond: number): string {
  return Number.isFinite(perSecond) ? `${count(perSecond >= 1000 ? Math.round(perSecond / 100) * 100 : perSecond)}/s` : '–';
}

/** `840 ms`, `4.2 s`, `3 min 5 s`, `2 h 4 min` */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `812 B`, `1.4 MiB` */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Epoch ms as `2018-04-03 12:00:01`, UTC; the milliseconds only when there are some. */
export function time(ms: number): string {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return ms > 0 ? 'end' : '–';
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.000Z$|Z$/, '');
}
