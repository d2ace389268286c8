import { csvRecordEnd } from '@millrace/shared-schemas/csv/split.ts';
import type { Position } from '../log.ts';
import { type FileOptions, FileReader, type Framing } from './file-reader.ts';

const records: Framing = {
  header: true,
  multiline: true,
  find: (buffer, start, _seen, end) => csvRecordEnd(buffer, start, end),
  blank: (_buffer, start, end) => start === end,
};

/**
 * Reads CSV: the first record that is not blank names the columns, a newline inside quotes belongs to its cell. A record's offset is
 * the number of its first line, header and blank lines counted. See {@link FileReader}; throws what `openLines` throws.
 */
export function openCsv(path: string, options: FileOptions, from: Position = { offset: 0, byte: 0 }): FileReader {
  return new FileReader(path, records, options, from);
}

/** The bytes of the record that names the columns (for `csvNames`), or null when the file holds none yet. */
export function csvHeaderRecord(path: string, maxRecord = 1024 * 1024): Buffer | null {
  const reader = new FileReader(path, { ...records, header: false }, { source: path, timestamp: 0, maxRecord }, { offset: 0, byte: 0 });
  try {
    reader.limit(reader.end());
    const view = reader.poll(1, 1);
    return view === null ? null : Buffer.from(view.buffer.subarray(view.valueStart[0], view.valueEnd[0]));
  } finally {
    reader.close();
  }
}
