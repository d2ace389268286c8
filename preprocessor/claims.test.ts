import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { openAlone } from '@millrace/transport/owner.case.ts';
import { beforeEach, expect, test } from 'vitest';
import { claimOutputs } from './claims.ts';
import { layOut } from './layout.ts';

let medium: ReturnType<typeof openMemory>;
beforeEach(() => {
  medium = openMemory();
});

/** two pipelines on one cluster that write the topic `rows`, and the dead letters of each */
async function planOf(name: string, dead = `${name}.dead`): Promise<Plan> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-claims-'));
  const file = join(dir, 'p.yaml');
  writeFileSync(
    file,
    `version: 1
name: ${name}
schemas: { row: { type: record, name: Row, fields: [{ name: id, type: string }] } }
preprocess:
  sources: [{ id: in, type: topic, topic: ${name}.in, format: json, schema: row }]
  outputs: [{ id: out, from: in, topic: ${dead === 'rows' ? 'others' : 'rows'}, format: json }]
dead_letter: { topic: ${dead} }
`,
  );
  const { plan, findings } = await loadPipeline(file, { env: {} });
  rmSync(dir, { recursive: true });
  expect(findings).toEqual([]);
  await medium.log.ensure(`${name}.ledger`, 1);
  return plan as Plan;
}

async function claim(plan: Plan, immediate: boolean, kind: Transport['kind'] = 'kafka'): Promise<void> {
  const { log, ledger, commit, note, close } = medium;
  const transport = immediate ? openAlone(medium, () => 0, kind) : { kind, log, ledger, commit, note, close };
  await claimOutputs(plan, await layOut(plan, medium.log, 2, 0), transport);
}

test('two pipelines may write one topic with commits, and neither at once', async () => {
  const [a, b] = [await planOf('a'), await planOf('b')];
  await claim(a, false);
  await claim(b, false);
  await expect(claim(b, true)).rejects.toMatchObject({
    code: 'topic_shared',
    message: 'The pipeline a writes to rows as well, and records of b leave at once.',
  });
  await claim(b, false);
});

test('what one writes at once no other writes; a pipeline may be started again, in either way', async () => {
  const [a, b] = [await planOf('a'), await planOf('b')];
  await claim(a, true);
  await claim(a, true);
  await expect(claim(b, false)).rejects.toMatchObject({
    code: 'topic_shared',
    message: 'The pipeline a writes to rows as well, and records of a leave at once.',
  });
  await claim(a, false);
  await claim(b, false);
});

test('dead letters count', async () => {
  await claim(await planOf('a'), true);
  await expect(claim(await planOf('b', 'rows'), true)).rejects.toMatchObject({ code: 'topic_shared' });
});

test('a pipeline without a ledger is gone; and where there is no cluster nothing is claimed', async () => {
  const [a, b] = [await planOf('a'), await planOf('b')];
  await claim(a, true, 'memory');
  await claim(b, true);
  await expect(claim(a, true)).rejects.toMatchObject({ code: 'topic_shared' });
  const { log } = medium;
  medium = { ...medium, log: { ...log, topic: (name) => (name === 'b.ledger' ? null : log.topic(name)) } };
  await claim(a, false);
  expect(JSON.parse(log.topic('rows')?.meta['pipelines'] ?? '')).toEqual({ a: 'with commits' });
});
