/** A run that trains on many rows, with native TensorFlow, without it, and with one that is damaged. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { workshop } from '../support/workshop.ts';

const FEATURES = Array.from({ length: 15 }, (_, j) => `f${j}`);
/** times 15 features: enough for native TensorFlow to be loaded */
const ROWS = 200_100;
const DAY = 86_400_000;
const START = 1000 * DAY;

const pipeline = `
version: 1
name: many
schemas:
  row:
    type: record
    name: Row
    fields:
      - { name: at, type: long }
      - { name: card, type: string }
      - { name: fraud, type: boolean }
${FEATURES.map((name) => `      - { name: ${name}, type: double }`).join('\n')}
preprocess:
  sources:
    - { id: in, type: file, path: in.jsonl, format: json, schema: row, event_time: { field: at, out_of_order: 0s } }
  outputs:
    - { id: bridge, topic: rows, schema: row, key: card }
analyze:
  trigger: { every: 0s, max_records: 50000 }
  sources:
    - { id: rows, output: bridge }
  sinks:
    - { id: outliers, from: rows, where: "f0 > 4", type: topic, topic: outliers, format: json }
models:
  m:
    type: logistic_regression
    features: [${FEATURES.join(', ')}]
    label: { field: fraud, known_after: 0s }
    train: { from: rows, window: 1d, every: 1d }
    evaluate: { card: card, alerts_per_day: 100 }
`;

/** A day of rows. */
function rows(): string {
  const random = seededRandom(7);
  const lines: string[] = [];
  for (let i = 0; i < ROWS; i++) {
    const row: Record<string, unknown> = { at: START + Math.floor((i * DAY) / ROWS), card: `c${i % 1000}` };
    let z = -4;
    for (const [j, name] of FEATURES.entries()) {
      const x = Math.round(random.normal() * 1e4) / 1e4;
      row[name] = x * (1 + j) + j;
      z += x * 0.3 * ((j % 3) - 1);
    }
    row['fraud'] = random.uniform() < 1 / (1 + Math.exp(-z));
    lines.push(`${JSON.stringify(row)}\n`);
  }
  return lines.join('');
}

interface Trained {
  readonly intercept: number;
  readonly coefficients: readonly number[];
  readonly training: { readonly engine: string; readonly rows: number; readonly iterations: number };
}

const lack = inject('tensorflowLack');

describe.skipIf(lack !== null)(`native TensorFlow in a run${lack === null ? '' : ` (${lack})`}`, () => {
  const at = workshop();
  const installed = process.env['MILLRACE_TENSORFLOW'] as string;
  let broken = '';
  let input = '';
  beforeAll(() => {
    input = rows();
    broken = mkdtempSync(join(tmpdir(), 'millrace-tensorflow-'));
    damage(installed, broken);
  });
  afterAll(() => rmSync(broken, { recursive: true, force: true }));

  /** `run`, then the one model that it has trained and what it said on the way */
  async function train(env: Record<string, string>): Promise<{ model: Trained; said: string }> {
    at.put('p.yaml', pipeline);
    at.put('in.jsonl', input);
    const { code, stderr } = await at.call(['run', 'p.yaml', '--until', 'end', '--data-dir', 'data'], { cwd: at.path, env });
    expect(stderr).not.toContain('oneDNN');
    expect(code, stderr).toBe(0);
    const list = JSON.parse((await at.call(['model', 'list', 'p.yaml', '--json', '--data-dir', 'data'], { cwd: at.path })).stdout) as {
      models: { hash: string }[];
    };
    expect(list.models).toHaveLength(1);
    const { stdout } = await at.call(['model', 'show', 'p.yaml', list.models[0]?.hash as string, '--json', '--data-dir', 'data'], { cwd: at.path });
    return { model: JSON.parse(stdout) as Trained, said: stderr };
  }

  let reference: Trained | undefined;

  test('a damaged library: the run says so and trains in float64', async () => {
    const { model, said } = await train({ MILLRACE_TENSORFLOW: broken });
    expect(said).toMatch(/tensorflow_broken.*dies of SIG\w+: its library is damaged.*float64 trains instead/s);
    expect(model.training).toMatchObject({ engine: 'float64', rows: ROWS });
    reference = model;
  });

  test('a directory without it: the same', async () => {
    const { model, said } = await train({ MILLRACE_TENSORFLOW: at.path });
    expect(said).toContain(`there is no @tensorflow/tfjs-node in ${at.path}, which MILLRACE_TENSORFLOW names`);
    expect(model).toEqual(reference);
  });

  test('where it loads it trains, says so, and finds the same model, twice to the last bit', async () => {
    const { model, said } = await train({ MILLRACE_TENSORFLOW: installed });
    expect(said).toMatch(/tensorflow \(native [\d.]+\) trains/);
    expect(said).not.toContain('tensorflow_broken');
    expect(model.training.engine).toMatch(/^tensorflow \(native /);
    expect(model.training.rows).toBe(ROWS);
    const wanted = reference as Trained;
    const apart = (a: number, b: number): number => Math.abs(a / b - 1);
    expect(apart(model.intercept, wanted.intercept)).toBeLessThan(1e-9);
    for (const [j, value] of model.coefficients.entries()) expect(apart(value, wanted.coefficients[j] as number)).toBeLessThan(1e-9);
    rmSync(join(at.path, 'data'), { recursive: true });
    expect((await train({ MILLRACE_TENSORFLOW: installed })).model).toEqual(model);
  });
});

/** A copy of an install whose library has lost its end; what is not changed is linked. */
function damage(from: string, to: string): void {
  const [theirs, ours] = [join(from, 'node_modules'), join(to, 'node_modules')];
  const scope = '@tensorflow';
  mkdirSync(join(ours, scope), { recursive: true });
  for (const name of readdirSync(theirs)) if (name !== scope) symlinkSync(join(theirs, name), join(ours, name));
  for (const name of readdirSync(join(theirs, scope))) if (name !== 'tfjs-node') symlinkSync(join(theirs, scope, name), join(ours, scope, name));
  cpSync(join(theirs, scope, 'tfjs-node'), join(ours, scope, 'tfjs-node'), { recursive: true });
  const libraries = join(ours, scope, 'tfjs-node', 'deps', 'lib');
  const library = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'].map((name) => join(libraries, name)).find((path) => existsSync(path));
  if (library === undefined) throw new Error(`no library in ${libraries}`);
  truncateSync(library, 100_000_000);
}
