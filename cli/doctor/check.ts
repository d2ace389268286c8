import { failureOf } from '../output/failure.ts';

/** What the doctor found at one place. */
export interface Check {
  /** what was looked at: `broker localhost:9092` */
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** the way out */
  readonly hint: string | null;
}

export const ok = (name: string, message: string): Check => ({ name, status: 'ok', message, hint: null });
export const warn = (name: string, message: string, hint: string): Check => ({ name, status: 'warn', message, hint });
export const fail = (name: string, message: string, hint: string): Check => ({ name, status: 'fail', message, hint });

/** A check that ends: one that throws has failed with what it threw, one that takes longer than `ms` with that. */
export async function within(ms: number, name: string, work: () => Promise<Check>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Check>((resolve) => {
    timer = setTimeout(() => resolve(fail(name, `No answer within ${ms / 1000} s.`, 'Check the network, and that it runs.')), ms);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    const { message, hint } = failureOf(error);
    return fail(name, message, hint ?? 'Check the profile.');
  } finally {
    clearTimeout(timer);
  }
}
