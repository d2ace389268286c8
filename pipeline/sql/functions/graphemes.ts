import { breakRuns } from './unicode-data.ts';

/**
 * Where a text may be cut between characters as people see them (extended grapheme clusters of UAX #29), as DuckDB's `reverse` finds
 * them: utf8proc's classes and rules, the Indic conjuncts of GB9c among them.
 */

/**
 * Grapheme break classes: CR `r`, LF `n`, Control `c`, Extend `e` (with GB9c's part in it: `E` extends, `K` links), Hangul `L` `V` `T` `v` (LV) `t` (LVT),
 * Regional_Indicator `R`, SpacingMark `s`, Prepend `p`, ZWJ `z`, Extended_Pictographic `x`, a consonant of GB9c `C`, other `o`; `j` is a ZWJ behind a pictograph.
 */
type Class = 'r' | 'n' | 'c' | 'e' | 'E' | 'K' | 'L' | 'V' | 'T' | 'v' | 't' | 'R' | 's' | 'p' | 'z' | 'x' | 'C' | 'o' | 'j';

const starts: number[] = [];
const ends: number[] = [];
const classes: Class[] = [];
let last = 0;
for (const run of breakRuns.split(' ')) {
  const [gap, name, length = '0'] = run.split(':');
  starts.push(last + Number.parseInt(gap, 36));
  last = starts[starts.length - 1] + Number.parseInt(length, 36);
  ends.push(last);
  classes.push(name as Class);
}

const HANGUL_FIRST = 0xac00;
const HANGUL_LAST = 0xd7a3;

function classOf(code: number): Class {
  if (code >= HANGUL_FIRST && code <= HANGUL_LAST) return (code - HANGUL_FIRST) % 28 === 0 ? 'v' : 't';
  let low = 0;
  let high = starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < starts[middle]) high = middle - 1;
    else if (code > ends[middle]) low = middle + 1;
    else return classes[middle];
  }
  return 'o';
}

const isControl = (one: Class) => one === 'r' || one === 'n' || one === 'c';
const isExtend = (one: Class) => one === 'e' || one === 'E' || one === 'K';

/** Rules GB3 to GB13 for two neighbours; `before` is the state that holds for the cluster so far. */
function breaksBetween(before: Class, after: Class): boolean {
  if (before === 'r' && after === 'n') return false;
  if (isControl(before) || isControl(after)) return true;
  if (before === 'L' && (after === 'L' || after === 'V' || after === 'v' || after === 't')) return false;
  if ((before === 'v' || before === 'V') && (after === 'V' || after === 'T')) return false;
  if ((before === 't' || before === 'T') && after === 'T') return false;
  if (isExtend(after) || after === 'z' || after === 's' || before === 'p') return false;
  if (before === 'j' && after === 'x') return false;
  return !(before === 'R' && after === 'R');
}

/** GB9c's state: none, a consonant, extended behind one, or linked, when a consonant joins. */
type Conjunct = 'none' | 'consonant' | 'extend' | 'linker';

function conjunctOf(one: Class): Conjunct {
  if (one === 'C') return 'consonant';
  if (one === 'E' || one === 'z') return 'extend';
  return one === 'K' ? 'linker' : 'none';
}

/** The UTF-16 lengths of a text's clusters, first to last. */
export function graphemeLengths(text: string): number[] {
  const lengths: number[] = [];
  let length = 0;
  let state: Class = 'o';
  let conjunct: Conjunct = 'none';
  for (const char of text) {
    const next = classOf(char.codePointAt(0)!);
    const joins = conjunctOf(next);
    if (length === 0 || (breaksBetween(state, next) && !(conjunct === 'linker' && joins === 'consonant'))) {
      if (length > 0) lengths.push(length);
      length = char.length;
      state = next;
      conjunct = joins === 'consonant' ? joins : 'none';
      continue;
    }
    length += char.length;
    if (joins === 'consonant' || conjunct === 'consonant' || conjunct === 'extend') conjunct = joins;
    else if (conjunct === 'linker') conjunct = joins === 'extend' ? 'linker' : joins;
    // a second regional indicator ends its pair; what extends a pictograph is part of it until a ZWJ
    if (state === 'R' && next === 'R') state = 'o';
    else if (state === 'x' && isExtend(next)) state = 'x';
    else if (state === 'x' && next === 'z') state = 'j';
    else state = next;
  }
  if (length > 0) lengths.push(length);
  return lengths;
}
