/** What is known of one error: where it may appear, whether trying again can help, and the way out. */
export interface ErrorEntry {
  /** lint: a finding about a file · record: a dead letter's code · run: stops a run · usage: a wrong call */
  readonly kind: 'lint' | 'record' | 'run' | 'usage';
  readonly meaning: string;
  readonly hint: string;
  readonly retryable?: true;
}
