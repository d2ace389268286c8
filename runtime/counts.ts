/** Adds counts to those of the same name. */
export function addCounts(into: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) into[name] = (into[name] ?? 0) + count;
}

/** The counts of several, by name. */
export function sumOfCounts(all: Iterable<Readonly<Record<string, number>>>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all) addCounts(sums, counts);
  return sums;
}
