import type { Ledger } from '@millrace/transport/log.ts';
import type { Layout } from '../layout.ts';
import type { RunRecord } from '../lifecycle.ts';
import type { Resources } from '../resources.ts';
import { pipelineKey } from '../task/store.ts';

/** What whoever has slot 0 tells those who have the others: all that they need to open their tasks. */
export interface Word extends Resources {
  readonly planHash: string;
  readonly build: string;
  readonly layout: Layout;
  readonly run: RunRecord;
  readonly begun: number | null;
}

export function wordKey(pipeline: string): string {
  return pipelineKey(pipeline, 'word');
}

/** The newest word, as bytes that differ exactly where it does; null: none was ever given. */
export function heardWord(ledger: Ledger, pipeline: string): { readonly text: string; readonly word: Word } | null {
  const bytes = ledger.get(wordKey(pipeline));
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString();
  return { text, word: JSON.parse(text) as Word };
}
