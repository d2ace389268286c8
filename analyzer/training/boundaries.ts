/** When models are trained and judged. Times are event times in epoch ms; a boundary is a multiple of `every`. */
export interface Schedule {
  readonly every: number;
  readonly window: number;
  readonly knownAfter: number;
}

export interface Range {
  /** inclusive */
  readonly from: number;
  /** exclusive */
  readonly to: number;
}

const floorTo = (time: number, every: number): number => Math.floor(time / every) * every;
const ceilTo = (time: number, every: number): number => Math.ceil(time / every) * every;

/** What a model of `boundary` learns from: the last whole window whose labels are known by then. */
export function trainingRange({ window, knownAfter }: Schedule, boundary: number): Range {
  return { from: boundary - knownAfter - window, to: boundary - knownAfter };
}

/** What a model of `boundary` is judged on: the window that follows. */
export function judgedRange({ window }: Schedule, boundary: number): Range {
  return { from: boundary, to: boundary + window };
}

/** The first boundary at which all labels of the window that follows `boundary` are known. */
export function judgedAt({ every, window, knownAfter }: Schedule, boundary: number): number {
  return ceilTo(boundary + window + knownAfter, every);
}

/** The model of which boundary is judged at `boundary`; null when none is. With a window that is no multiple of `every` each still has its turn. */
export function judgedNow(schedule: Schedule, boundary: number): number | null {
  const candidate = floorTo(boundary - schedule.window - schedule.knownAfter, schedule.every);
  return judgedAt(schedule, candidate) === boundary ? candidate : null;
}

/** The first boundary whose training range lies in data that begins at `first`, rounded down to `every`. */
export function firstTraining({ every, window, knownAfter }: Schedule, first: number): number {
  return ceilTo(floorTo(first, every) + window + knownAfter, every);
}

/** The last boundary that is complete when nothing at or below `completeness` is still to come. */
export function lastComplete({ every }: Schedule, completeness: number): number {
  return floorTo(completeness + 1, every);
}

/** The boundary that the end of the input completes: the first behind the last row. */
export function lastOfEnd({ every }: Schedule, last: number): number {
  return floorTo(last, every) + every;
}

/** What no later training or judgement looks at: rows before this. `next` is the next boundary. */
export function forgettable({ every, window, knownAfter }: Schedule, next: number): number {
  // a model is judged up to window + knownAfter + every after its boundary, and leaves out cards compromised since its training range began
  return next - 2 * (window + knownAfter) - every;
}
