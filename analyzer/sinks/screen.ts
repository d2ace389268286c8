/** Where a console sink shows its rows. */
export interface Screen {
  /** one JSON document a line instead of tables */
  readonly json: boolean;
  write(text: string): void;
}

/** Tables on the process's standard output. */
export const stdoutScreen: Screen = { json: false, write: (text) => void process.stdout.write(text) };
