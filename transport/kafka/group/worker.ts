import { parentPort, workerData } from 'node:worker_threads';
import { commonClock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { GroupMember } from './member.ts';
import type { FromMember, MemberSetup, ToMember } from './messages.ts';

/** The life of the thread: be a member of the group until told to leave, whatever the thread of the records does meanwhile. */
async function main(): Promise<void> {
  const port = parentPort as NonNullable<typeof parentPort>;
  const send = (message: FromMember): void => port.postMessage(message);
  const member = new GroupMember(workerData as MemberSetup, send, commonClock);
  port.on('message', (message: ToMember) => {
    if (message.kind === 'owns') member.owns(message.seen, message.slots);
    else if (message.kind === 'offsets') member.offsets(message.positions);
    else member.leave();
  });
  try {
    await member.run();
  } catch (error) {
    const { code, message, hint } = error instanceof MillraceError ? error : new MillraceError('defect', String((error as Error).stack));
    send({ kind: 'failed', code, message, hint });
  } finally {
    port.close();
  }
}

await main();
