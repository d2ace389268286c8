/** Numbers ≥ 0 that enter behind and leave at both ends. */
export class Queue {
  private items: number[] = [];
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }
  /** −1 when empty */
  front(): number {
    return this.head < this.items.length ? this.items[this.head] : -1;
  }
  back(): number {
    return this.items[this.items.length - 1];
  }
  push(item: number): void {
    this.items.push(item);
  }
  pop(): void {
    this.items.pop();
    if (this.head === this.items.length) this.clear();
  }
  shift(): void {
    this.head++;
    if (this.head === this.items.length) this.clear();
    else if (this.head > 32 && this.head * 2 > this.items.length) {
      this.items.splice(0, this.head);
      this.head = 0;
    }
  }
  clear(): void {
    if (this.items.length > 0) this.items.length = 0;
    this.head = 0;
  }
}
