import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { decimal, isPlainKind } from './sql-type.ts';

/**
 * Reads a type as DuckDB writes it, such as `STRUCT("a" INTEGER, "b" VARCHAR[])`; null for one that no row can hold (unsigned
 * integers, TIME, INTERVAL, UUID, enums, arrays of fixed size, TIMESTAMP WITH TIME ZONE …).
 */
export function parseType(text: string): SqlType | null {
  const reader = new TypeReader(text);
  const type = reader.type();
  return reader.done ? type : null;
}

class TypeReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at === this.text.length;
  }

  type(): SqlType | null {
    let type = this.base();
    while (type !== null && this.takes('[]')) type = { kind: 'LIST', of: type };
    return type;
  }

  private takes(word: string): boolean {
    const there = this.text.startsWith(word, this.at);
    if (there) this.at += word.length;
    return there;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at += found[0].length;
    return found;
  }

  private base(): SqlType | null {
    const exact = this.match(/DECIMAL\((\d+),(\d+)\)/y);
    if (exact !== null) return decimal(Number(exact[1]), Number(exact[2]));
    if (this.takes('STRUCT(')) return this.struct();
    if (this.takes('MAP(VARCHAR, ')) {
      const of = this.type();
      return of !== null && this.takes(')') ? { kind: 'MAP', of } : null;
    }
    const word = this.match(/[A-Z_]+(?: WITH TIME ZONE)?/y)?.[0] ?? '';
    return isPlainKind(word) ? { kind: word } : null;
  }

  private struct(): SqlType | null {
    const fields: { name: string; type: SqlType }[] = [];
    do {
      const name = this.match(/"((?:[^"]|"")*)" /y)?.[1];
      const type = name === undefined ? null : this.type();
      if (name === undefined || type === null) return null;
      fields.push({ name: name.replaceAll('""', '"'), type });
    } while (this.takes(', '));
    return this.takes(')') ? { kind: 'STRUCT', fields } : null;
  }
}
