import type { Position } from '../log.ts';
import { type FileOptions, FileReader, type Framing } from './file-reader.ts';

const NEWLINE = 10;
const SPACE = 32;
const TAB = 9;

const lines: Framing = {
  header: false,
  multiline: false,
  find(buffer, _start, seen, end) {
    const newline = buffer.indexOf(NEWLINE, seen);
    return newline < end ? newline : -1;
  },
  blank(buffer, start, end) {
    for (let at = start; at < end; at++) if (buffer[at] !== SPACE && buffer[at] !== TAB) return false;
    return true;
  },
};

/** Reads JSON lines: a record a line, lines of nothing but spaces and tabs skipped. See {@link FileReader}. Throws `MillraceError` source_missing, source_unreadable; later source_changed. */
export function openLines(path: string, options: FileOptions, from: Position = { offset: 0, byte: 0 }): FileReader {
  return new FileReader(path, lines, options, from);
}
