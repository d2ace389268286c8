/**
 * The number under which the analyzer writes records: stages of the record stage number theirs `(generation · 1024 + stage) · 1024 + task`,
 * and no pipeline has 1,023 stages. One writer for ever: its numbering is part of the checkpoint.
 */
export const ANALYZER_WRITER = 1023 * 1024;
