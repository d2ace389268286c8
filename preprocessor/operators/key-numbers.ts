import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import { slotGetter } from '@millrace/shared-schemas/row.ts';
import type { Column, Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { TaskTime } from './operator.ts';
import { TextNumbers } from './text-numbers.ts';

/** Types other than text whose values are equal in SQL exactly when they are the same key of a Map: neither −0 nor NaN is one of two. */
const ATOMS: ReadonlySet<SqlType['kind']> = new Set([
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'DECIMAL',
  'FLOAT',
  'DOUBLE',
  'DATE',
  'TIMESTAMP',
]);

/** Natural numbers below this are looked up in an array, which takes 4 bytes for each up to the largest seen. */
const DENSE = 1 << 20;

/** Where in the array an atom is; −1 for one that is not in it. */
function placeOf(atom: Value): number {
  return typeof atom === 'number' && atom >= 0 && atom < DENSE && (atom | 0) === atom ? atom : -1;
}

/**
 * Numbers for the keys that are in use, shared by the steps of a task with the same key columns: of these, the first one
 * looks a record's key up, the others find it where that one left it. Numbers are used again and show nowhere.
 */
export class KeyNumbers {
  /** the number of the key that was looked up; −1 when no step holds it */
  number = -1;
  private readonly writer;
  private readonly get: (row: Row) => Value;
  private readonly isText: boolean;
  private readonly isAtom: boolean;
  private readonly texts: string[] = [];
  private readonly byText = new TextNumbers(this.texts);
  /** of keys whose column is an atom: no text is made to find them */
  private readonly byAtom = new Map<Value, number>();
  /** the same of small natural numbers, which ids often are: the key's number + 1, 0 for none */
  private dense = new Int32Array(1024);
  private readonly atoms: Value[] = [];
  private readonly holders: number[] = [];
  private readonly free: number[] = [];
  private last: Value = null;

  constructor(key: readonly Column[]) {
    this.writer = keyWriter(key);
    this.get = slotGetter(key[0].slot);
    this.isText = key.length === 1 && key[0].type.kind === 'VARCHAR';
    this.isAtom = key.length === 1 && ATOMS.has(key[0].type.kind);
  }

  /** the row's key as text, see `keyWriter`; null when a column is NULL */
  text(row: Row): string | null {
    return this.writer.text(row);
  }

  /** Finds the row's key: `number` has it then. False when a column is NULL. */
  find(row: Row): boolean {
    if (!this.isAtom) {
      const text = this.isText ? (this.get(row) as string | null) : this.writer.text(row);
      if (text === null) return false;
      if (this.number >= 0 && text === this.last) return true;
      this.last = text;
      this.number = this.byText.get(text);
      return true;
    }
    const atom = this.get(row);
    if (atom === null) return false;
    if (this.number >= 0 && atom === this.last) return true;
    this.last = atom;
    const place = placeOf(atom);
    this.number = place < 0 ? (this.byAtom.get(atom) ?? -1) : place < this.dense.length ? this.dense[place] - 1 : -1;
    if (this.number < 0) this.findAtom(atom, row);
    return true;
  }

  /** One more step holds the key. */
  hold(text: string): number {
    let number = this.byText.get(text);
    if (number < 0) {
      number = this.free.pop() ?? this.texts.length;
      this.texts[number] = text;
      this.atoms[number] = null;
      this.holders[number] = 0;
      this.byText.set(text, number);
    }
    this.holders[number]++;
    return number;
  }

  /** A step lets go of it. */
  release(number: number): void {
    if (--this.holders[number] > 0) return;
    this.byText.delete(this.texts[number]);
    const place = placeOf(this.atoms[number]);
    if (place < 0) this.byAtom.delete(this.atoms[number]);
    else this.dense[place] = 0;
    this.texts[number] = '';
    this.atoms[number] = null;
    this.free.push(number);
    if (this.number === number) this.number = -1;
  }

  /** Steps know their keys by text only until a record names them. */
  private findAtom(atom: Value, row: Row): void {
    const number = this.byText.get(this.writer.text(row) as string);
    if (number < 0) return;
    this.number = number;
    this.atoms[number] = atom;
    const place = placeOf(atom);
    if (place < 0) {
      this.byAtom.set(atom, number);
      return;
    }
    if (place >= this.dense.length) {
      const larger = new Int32Array(Math.min(DENSE, Math.max(place + 1, this.dense.length * 2)));
      larger.set(this.dense);
      this.dense = larger;
    }
    this.dense[place] = number + 1;
  }
}

/** by task, which has one time, and key */
const shared = new WeakMap<TaskTime, Map<string, KeyNumbers>>();

export function keyNumbers(time: TaskTime, key: readonly Column[]): KeyNumbers {
  let own = shared.get(time);
  if (own === undefined) {
    own = new Map();
    shared.set(time, own);
  }
  const name = JSON.stringify(key.map(({ slot, type }) => [slot, type]));
  let numbers = own.get(name);
  if (numbers === undefined) {
    numbers = new KeyNumbers(key);
    own.set(name, numbers);
  }
  return numbers;
}
