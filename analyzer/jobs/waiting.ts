/** how often it is looked for what is waited for, though nobody has said that it is there, ms */
const LOOK_EVERY = 250;

/** Resolves when what was posted is said to be done or lost, or what is looked for is seen; rejects as `posted` does. */
export async function saidOrSeen(posted: Promise<'done' | 'lost'>, seen: () => boolean): Promise<'done' | 'lost' | 'seen'> {
  let timer: NodeJS.Timeout | undefined;
  const looked = new Promise<'seen'>((resolve) => {
    timer = setInterval(() => {
      if (seen()) resolve('seen');
    }, LOOK_EVERY);
  });
  // what is said later nobody hears
  posted.catch(() => {});
  try {
    return await Promise.race([posted, looked]);
  } finally {
    clearInterval(timer);
  }
}

/** Times that a job may be said to be done while what it gives is not there. */
const DONE_IN_VAIN = 5;

/** Counts them. */
export class InVain {
  #times = 0;

  /** whether that was once too often */
  tooOften(said: 'done' | 'lost' | 'seen'): boolean {
    return said === 'done' && ++this.#times > DONE_IN_VAIN;
  }
}
