import type { Stream } from '../flow/stream.ts';
import type { Report } from '../report.ts';
import { entryOf, headOf, type MapNode } from '../yaml/node.ts';

/** A step on time needs a source that says which field the event time is. */
export function needEventTime(node: MapNode, input: Stream, what: string, report: Report): void {
  if (input.timed) return;
  report.error(entryOf(node, 'type')?.value ?? headOf(node), 'missing_event_time', `${what} works on event time, and the source of ${input.id} has none.`);
}
