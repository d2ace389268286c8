/** What a member says of itself when it asks to be in the next generation. */
export interface Claim {
  readonly id: string;
  /** slots that it was given and works on, or may be about to open */
  readonly owned: readonly number[];
  /** slots withdrawn from it that it has not quite given up */
  readonly closing: readonly number[];
  /** the last generation that it was in; −1: none. Of two who claim a slot, the one who was not away meanwhile has it */
  readonly generation: number;
}

/** Whose each slot is: that of the newest claim, and among equals of the least id. */
function owners(members: readonly Claim[], slots: number): (Claim | undefined)[] {
  const found: (Claim | undefined)[] = Array.from({ length: slots });
  for (const member of members) {
    for (const slot of [...member.owned, ...member.closing]) {
      const other = found[slot];
      if (slot < slots && (other === undefined || member.generation > other.generation)) found[slot] = member;
    }
  }
  return found;
}

/**
 * Which slots each member has in the next generation, ascending. Balanced: counts differ by at most one in the end, and a slot moves only where that
 * asks for it. A slot that is to move and that its owner still claims is given to nobody; when its owner has given it up, the same rule gives it to
 * another. So two generations do, and one where nothing has to be given up.
 */
export function assign(members: readonly Claim[], slots: number): Map<string, number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const owner = owners(sorted, slots);
  const parts = sorted.map((claim) => {
    const won = (claimed: readonly number[]) => [...new Set(claimed)].filter((slot) => owner[slot] === claim);
    return { id: claim.id, owned: won(claim.owned), closing: won(claim.closing), has: [] as number[], quota: 0 };
  });
  const given = new Map(parts.map(({ id, has }) => [id, has]));
  if (parts.length === 0) return given;
  const least = Math.floor(slots / parts.length);
  const over = slots % parts.length;
  // those who have most keep one more: so fewest move; what somebody is giving up does not count, or the one more would go to and fro
  const most = parts.toSorted((a, b) => b.owned.length - a.owned.length || b.closing.length - a.closing.length);
  for (const [rank, part] of most.entries()) {
    part.quota = least + (rank < over ? 1 : 0);
    part.has.push(...[...new Set([...part.owned, ...part.closing])].slice(0, part.quota));
  }
  // what is free goes to those who have least, so that nobody waits for a slot with nothing to do
  for (const slot of owner.keys()) {
    if (owner[slot] !== undefined) continue;
    let to = parts[0] as (typeof parts)[number];
    for (const part of parts) if (part.has.length < part.quota && (to.has.length >= to.quota || part.has.length < to.has.length)) to = part;
    to.has.push(slot);
  }
  for (const { has } of parts) has.sort((a, b) => a - b);
  return given;
}
