/** One job, as it is handed out. `id` names it for ever: a second of the same id is the same job. */
export interface Posted {
  readonly id: string;
  /** what a worker is told */
  readonly data: string;
}

/** Where jobs are handed out to whoever works. It may forget: what is done is seen by what was left, never by what it says. */
export interface Board {
  /**
   * Hands out the jobs of a batch. Resolves `done` when all are said to be done, `lost` when the board does not know of them any more. While the board is away it waits.
   * @throws MillraceError as the worker that gave one up for good threw it
   */
  batch(id: string, jobs: readonly Posted[]): Promise<'done' | 'lost'>;
  /** the batch is committed, or given up: nobody waits for it */
  over(id: string): void;
  /** The same for a single job that takes long. `progress`: what the worker said last, told now and then */
  single(job: Posted, progress: (said: number) => void): Promise<'done' | 'lost'>;
  /** whether nobody can be reached just now */
  readonly away: boolean;
  close(): Promise<void>;
}
