import { dirname, resolve } from 'node:path';
import { readAnalyze } from './analyze/read-analyze.ts';
import { readableOutputs } from './analyze/source.ts';
import { decodeUtf8, readBytes } from './files.ts';
import type { Finding } from './finding.ts';
import { Expressions } from './flow/expressions.ts';
import type { Flow } from './flow/flow.ts';
import { Ids } from './flow/ids.ts';
import { readFlow } from './flow/read-flow.ts';
import { readTables } from './flow/read-tables.ts';
import { pipelineFields } from './flow/sections.ts';
import { analyzeHash, deepFreeze, planHash } from './hash.ts';
import { declaredModels, planModels, readModels } from './models/read-models.ts';
import type { Plan, StagePlan, TablePlan } from './plan.ts';
import { planStages } from './planner.ts';
import { Report } from './report.ts';
import { loadSchemas } from './schemas.ts';
import { readFields } from './spec/field.ts';
import { openChecker } from './sql/check.ts';
import type { Table } from './tables.ts';
import { checkTargets, outputTargets, sinkTargets } from './targets.ts';
import { entryOf, type MapNode } from './yaml/node.ts';
import { parseYaml } from './yaml/parse.ts';
import type { Environment } from './yaml/substitute.ts';

export interface Loaded {
  /** by position */
  readonly findings: readonly Finding[];
  /** frozen; null when a finding is an error */
  readonly plan: Plan | null;
  readonly text: string;
}

/**
 * Reads, checks and plans a pipeline file. Whatever is in it ends in findings; only a file that cannot be read throws
 * (`MillraceError` unreadable_pipeline). Reads the schemas and tables it names, nothing else.
 */
export async function loadPipeline(file: string, { env }: { env: Environment }): Promise<Loaded> {
  const path = resolve(file);
  const { text: decoded, broken } = decodeUtf8(readBytes(path, file));
  const text = decoded.startsWith('\ufeff') ? decoded.slice(1) : decoded;
  const report = new Report(path, text);
  if (broken >= 0) report.error({ start: broken, end: broken + 1 }, 'yaml_syntax', 'The file is not UTF-8 from here on.', 'Save it as UTF-8.');
  const root = broken >= 0 ? null : parseYaml(text, env, report);
  const plan = root === null ? null : await planOf(root, path, report);
  return { findings: report.findings(), plan: report.failed ? null : plan, text };
}

async function planOf(root: MapNode, file: string, report: Report): Promise<Plan | null> {
  const directory = dirname(file);
  const read = readFields(root, pipelineFields, report, 'a pipeline');
  const section = (key: 'schemas' | 'tables' | 'preprocess' | 'analyze' | 'models'): MapNode | undefined => {
    const node = entryOf(root, key)?.value;
    return node?.kind === 'map' ? node : undefined;
  };
  // schemas, tables and steps are looked at whatever else is missing at the top
  const schemas = loadSchemas(section('schemas'), directory, report);
  const tables = await readTables(section('tables'), directory, schemas, report);
  const models = readModels(section('models'), report);
  const preprocess = section('preprocess');
  if (preprocess === undefined) return null;
  const checker = await openChecker();
  try {
    const context = { report, tables, models: declaredModels(models, section('analyze') !== undefined), expressions: new Expressions(checker, report) };
    const ids = new Ids(root, report);
    const flow = await readFlow(preprocess, directory, schemas, ids, context);
    const analyze = section('analyze');
    const analysis = analyze === undefined ? null : await readAnalyze(analyze, readableOutputs(preprocess, flow), directory, schemas, ids, context);
    const trained = analyze === undefined || analysis !== null ? await planModels(models, analysis, context) : [];
    if (report.failed || read === null || flow === null) return null;
    const { name, guarantee, dead_letter } = read.values;
    const budget = dead_letter?.values.budget?.values;
    const deadLetter = {
      topic: dead_letter?.values.topic?.text ?? `${name.text}.dead`,
      budget: budget === undefined ? null : { ratio: budget.ratio, per: budget.per },
    };
    checkTargets(
      [...outputTargets(flow.outputs, flow.outputNodes), ...(analysis === null ? [] : sinkTargets(analysis.plan.sinks, analysis.sinkNodes))],
      { deadLetter: deadLetter.topic, pipeline: name.text, files: filesRead(file, flow, tables) },
      report,
    );
    if (report.failed) return null;
    const bridges = new Set((analysis?.plan.sources ?? []).flatMap(({ output }) => output ?? []));
    const stages = planStages(flow, name.text, bridges);
    const plan = {
      version: 1,
      name: name.text,
      file,
      guarantee,
      mergeWait: flow.mergeWait,
      sources: flow.sources.map((source) => source.plan),
      stages,
      tables: [...tables.values()].map((table) => planTable(table, stages)),
      deadLetter,
    } as const;
    const analyzePlan = analysis === null ? null : { ...analysis.plan, hash: analyzeHash(analysis.plan, trained, file) };
    return deepFreeze({ ...plan, hash: planHash(plan), analyze: analyzePlan, models: trained });
  } finally {
    checker.close();
  }
}

/** Of a table what lookups take from it: another column that comes, goes or changes its type is no other plan. */
function planTable({ id, path, key, columns }: Table, stages: readonly StagePlan[]): TablePlan {
  const lookups = stages.flatMap(({ nodes }) => nodes).flatMap((node) => (node.type === 'lookup' && node.table === id ? [node] : []));
  const used = new Set([...key, ...lookups.flatMap(({ add }) => add.map(({ column }) => column))]);
  return { id, path, key, columns: (columns ?? []).filter(({ name }) => used.has(name)) };
}

/** What the pipeline reads, by path: no output may write over it. */
function filesRead(file: string, flow: Flow, tables: ReadonlyMap<string, Table>): ReadonlyMap<string, string> {
  const files = new Map([[file, 'the pipeline file']]);
  for (const { plan } of flow.sources) if (plan.path !== null) files.set(plan.path, `the file of source ${plan.id}`);
  for (const table of tables.values()) files.set(table.path, `the file of table ${table.id}`);
  return files;
}
