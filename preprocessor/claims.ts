import type { Plan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Transport } from '@millrace/transport/log.ts';
import type { Layout } from './layout.ts';

/** By pipeline, how the records that it writes to a topic leave. */
type Writers = Readonly<Record<string, 'at once' | 'with commits'>>;

/** The fact of a topic that says which pipelines write it. */
const WRITTEN_BY = 'pipelines';

/**
 * Has the topics that a plan writes on a cluster say so. The tasks of two pipelines have the same numbers as writers: who reads back what of its own had left would take the other's
 * records for it. A pipeline whose ledger is not there any more writes nothing.
 * @throws MillraceError topic_shared
 */
export async function claimOutputs(plan: Plan, layout: Layout, transport: Transport): Promise<void> {
  if (transport.kind !== 'kafka') return;
  const { log } = transport;
  const mine = transport.immediate === undefined ? 'with commits' : 'at once';
  const outputs = plan.stages.flatMap((stage) => stage.outputs.flatMap((output) => (output.kind === 'topic' ? [output.topic] : [])));
  for (const topic of new Set([...outputs, plan.deadLetter.topic])) {
    const written = JSON.parse(log.topic(topic)?.meta[WRITTEN_BY] ?? '{}') as Writers;
    const others = Object.entries(written).filter(([name]) => name !== plan.name && log.topic(`${name}.ledger`) !== null);
    const [other] = others.filter(([, how]) => how === 'at once' || mine === 'at once');
    if (other !== undefined)
      throw new MillraceError(
        'topic_shared',
        `The pipeline ${other[0]} writes to ${topic} as well, and records of ${other[1] === 'at once' ? other[0] : plan.name} leave at once.`,
        {
          hint: `Give each pipeline a topic of its own, or both visibility: transactional. If ${other[0]} is gone for good, delete its topic ${other[0]}.ledger.`,
        },
      );
    const writers: Writers = { ...Object.fromEntries(others), [plan.name]: mine };
    await log.ensure(topic, layout.topics[topic] as number, { [WRITTEN_BY]: JSON.stringify(writers) });
  }
}
