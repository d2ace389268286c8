import type { Column } from '@millrace/shared-schemas/types.ts';
import type { TaskTime } from './operator.ts';

/**
 * Numbers for the keys that are in use, shared by the steps of a task with the same key columns: of these, the first one
 * looks a record's key up, the others find it where that one left it. Numbers are used again and show nowhere.
 */
export class KeyNumbers {
  private readonly numbers = new Map<string, number>();
  private readonly texts: string[] = [];
  private readonly holders: number[] = [];
  private readonly free: number[] = [];
  private lastText = '';
  private lastNumber = -1;

  /** The key's number; −1 when no step holds it. */
  find(text: string): number {
    if (text === this.lastText && this.lastNumber >= 0) return this.lastNumber;
    const number = this.numbers.get(text);
    if (number === undefined) return -1;
    this.lastText = text;
    this.lastNumber = number;
    return number;
  }

  /** One more step holds the key. */
  hold(text: string): number {
    let number = this.find(text);
    if (number < 0) {
      number = this.free.pop() ?? this.texts.length;
      this.texts[number] = text;
      this.holders[number] = 0;
      this.numbers.set(text, number);
    }
    this.holders[number]++;
    return number;
  }

  /** A step lets go of it. */
  release(number: number): void {
    if (--this.holders[number] > 0) return;
    this.numbers.delete(this.texts[number]);
    this.texts[number] = '';
    this.free.push(number);
    if (this.lastNumber === number) this.lastNumber = -1;
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
  const name = key.map(({ slot }) => slot).join();
  let numbers = own.get(name);
  if (numbers === undefined) {
    numbers = new KeyNumbers();
    own.set(name, numbers);
  }
  return numbers;
}
