import { HEADER_NAME, HeaderReader, readHeaders } from '@millrace/shared-schemas/header.ts';
import type { BatchView } from '@millrace/transport/log.ts';
import type { Style } from '../output/color.ts';
import { oneLine } from '../output/table.ts';
import { binaryField, type Field, nullField, objectJson, textField } from './text.ts';

/** millrace's own header as it is printed: binary */
const OWN = `${HEADER_NAME}_base64`;

/** Turns the value of a record into a field of its printed form. */
export type ValuePrinter = (name: string, bytes: Buffer) => Field;

export interface PrintOptions {
  readonly headers: boolean;
  readonly internal: boolean;
  readonly value: ValuePrinter;
}

/** Reads records of a batch into printed lines; null for a heartbeat that is not asked for. */
export class RecordPrinter {
  readonly #options: PrintOptions;
  readonly #header = new HeaderReader();
  constructor(options: PrintOptions) {
    this.#options = options;
  }

  /** `{partition, offset, key, value, headers}` on one line; `headers` only when asked for */
  json(batch: BatchView, i: number): string | null {
    const fields = this.#fields(batch, i);
    return fields && objectJson(fields);
  }

  /** the same for a person: `0:17  key  value`, and below it a line a header */
  human(batch: BatchView, i: number, style: Style): string | null {
    const fields = this.#fields(batch, i);
    if (fields === null) return null;
    const [, , key, value] = fields;
    const lines = [`${style.dim(`${batch.partition}:${batch.offsets[i]}`)}  ${style.cyan(bare(key.json))}  ${bare(value.json)}`];
    if (this.#options.headers) {
      for (const { name, json } of headerFields(readHeaders(batch.buffer, batch.headersStart[i], batch.headersEnd[i]))) {
        if (name !== OWN || this.#options.internal) lines.push(`  ${style.dim(`${oneLine(name)}:`)} ${bare(json)}`);
      }
    }
    return lines.join('\n');
  }

  #fields(batch: BatchView, i: number): Field[] | null {
    const { headersStart, headersEnd } = batch;
    const key = span(batch, batch.keyStart[i], batch.keyEnd[i]);
    const value = span(batch, batch.valueStart[i], batch.valueEnd[i]);
    if (value === null && !this.#options.internal && this.#header.read(batch.buffer, headersStart[i], headersEnd[i]) && this.#header.heartbeat) return null;
    const fields = [
      { name: 'partition', json: String(batch.partition) },
      { name: 'offset', json: String(batch.offsets[i]) },
      key === null ? nullField('key') : textField('key', key),
      value === null ? nullField('value') : this.#options.value('value', value),
    ];
    if (this.#options.headers) fields.push({ name: 'headers', json: objectJson(headerFields(readHeaders(batch.buffer, headersStart[i], headersEnd[i]))) });
    return fields;
  }
}

/** millrace's own header is binary though its bytes may happen to be text. */
function headerFields(headers: readonly (readonly [name: string, value: Buffer | null])[]): Field[] {
  return headers.map(([name, value]) => (value === null ? nullField(name) : name === HEADER_NAME ? binaryField(name, value) : textField(name, value)));
}

function span(batch: BatchView, start: number, end: number): Buffer | null {
  return end < 0 ? null : batch.buffer.subarray(start, end);
}

/** A string without its quotes; nothing of it can move the cursor. */
function bare(json: string): string {
  return oneLine(json.startsWith('"') ? (JSON.parse(json) as string) : json);
}
