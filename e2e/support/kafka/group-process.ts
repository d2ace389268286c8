/**
 * `node e2e/support/kafka/group-process.ts <MembershipOptions as JSON>`: a member that does with its slots what the record stage does, and says it on
 * stdout, a JSON a line. Giving slots up takes `givingUp` ms. Commands on stdin: leave · block <ms> · offsets <JSON of [topic, [partition, offset][]][]>
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MillraceError } from '@millrace/runtime/errors.ts';
import { joinGroup, type MembershipOptions } from '@millrace/transport/kafka/group/membership.ts';

const given = JSON.parse(process.argv[2] as string) as Omit<MembershipOptions, 'topics'> & { topics: [string, number][]; givingUp: number };
const say = (line: object): boolean => process.stdout.write(`${JSON.stringify({ at: Date.now(), ...line })}\n`);
let leaving = false;

function fail(error: MillraceError): never {
  say({ failed: error.code, message: error.message });
  process.exit(1);
}

const group = await joinGroup({ ...given, topics: new Map(given.topics), onEvent: (event) => say({ event: event.code }) }).catch(fail);

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, rest = ''] = line.split(/ (.*)/);
  if (command === 'leave') leaving = true;
  if (command === 'offsets') group.offsets(new Map((JSON.parse(rest) as [string, [number, number][]][]).map(([topic, offsets]) => [topic, new Map(offsets)])));
  if (command !== 'block') return;
  const end = Date.now() + Number(rest);
  say({ blocked: true });
  while (Date.now() < end);
  say({ blocked: false });
});

const open = new Set<number>();
let said = '';
let confirmed = true;
while (!leaving) {
  const word = { assigned: group.assigned, generation: group.generation, members: group.members };
  if (JSON.stringify(word) !== said) say(word);
  said = JSON.stringify(word);
  if (group.confirmed !== confirmed) say({ confirmed: group.confirmed });
  confirmed = group.confirmed;
  const closing = [...open].filter((slot) => !word.assigned.includes(slot));
  if (closing.length > 0) {
    await sleep(given.givingUp);
    for (const slot of closing) {
      open.delete(slot);
      say({ close: slot });
    }
    group.owns([...open]);
  }
  const opening = confirmed ? group.assigned.filter((slot) => !open.has(slot)) : [];
  for (const slot of opening) {
    open.add(slot);
    say({ open: slot });
  }
  if (opening.length > 0) group.owns([...open]);
  await group.changed(200).catch(fail);
}
for (const slot of open) say({ close: slot });
await group.leave();
say({ left: true });
process.exit(0);
