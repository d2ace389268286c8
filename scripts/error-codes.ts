/** Where the sources name an error code: `docs/errors.md` and its test compare these with the table in `runtime/error-codes/`. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

const PACKAGES = ['analyzer', 'cli', 'pipeline', 'preprocessor', 'runtime', 'shared-schemas', 'transport'];

/** Functions and classes that are given a code, by the last name in the call. */
const TAKE_A_CODE: ReadonlySet<string> = new Set([
  'BadRecord',
  'BindError',
  'FlawError',
  'MillraceError',
  'PlacedError',
  'deadLetter',
  'error',
  'flaw',
  'refuse',
  'refused',
  'skip',
  'sourceFlaw',
]);
/** What a code looks like: no word with a capital, a space or a dash. */
const CODE = /^[a-z]+(_[a-z]+)*$/;

interface Named {
  readonly file: string;
  readonly code: string;
}

export interface CodesInSources {
  /** codes handed to something that takes one, or given as the `code` of an object that is no message of a run */
  readonly named: readonly Named[];
  /** every text constant: a code may also pass through a table or a choice */
  readonly texts: ReadonlySet<string>;
}

interface Tree {
  readonly type: string;
  readonly name?: string;
  readonly value?: unknown;
  readonly key?: Tree;
  readonly property?: Tree;
  readonly consequent?: Tree;
  readonly alternate?: Tree;
}

const isTest = (file: string): boolean => /\.(test|case)\.ts$/.test(file);
const nameOf = (node: Tree): string => (node.type === 'MemberExpression' ? (node.property?.name ?? '') : (node.name ?? ''));

/** The codes named in one file. */
export function codesIn(file: string, text: string): { readonly named: string[]; readonly texts: string[] } {
  const named: string[] = [];
  const texts: string[] = [];
  const take = (node: Tree | undefined): void => {
    if (node?.type === 'ConditionalExpression') {
      take(node.consequent);
      take(node.alternate);
    }
    if (node?.type === 'Literal' && typeof node.value === 'string' && CODE.test(node.value)) named.push(node.value);
  };
  const call = (callee: Tree, args: readonly Tree[]): void => {
    const name = nameOf(callee);
    if (!TAKE_A_CODE.has(name)) return;
    // the code comes first, or second behind the place it is about
    for (const arg of args.slice(0, 2)) {
      take(arg);
      if (arg.type === 'Literal' || arg.type === 'ConditionalExpression') break;
    }
  };
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  new Visitor({
    Literal: (node) => typeof node.value === 'string' && texts.push(node.value),
    CallExpression: (node) => call(node.callee as Tree, node.arguments as readonly Tree[]),
    NewExpression: (node) => call(node.callee as Tree, node.arguments as readonly Tree[]),
    ObjectExpression: (node) => {
      const properties = node.properties as readonly Tree[];
      if (properties.some((property) => property.key?.name === 'level')) return;
      for (const property of properties) if (property.key?.name === 'code') take(property.value as Tree);
    },
  }).visit(program);
  return { named, texts };
}

/** What all product files under `root` name; the table itself and tests are left out. */
export function codesInSources(root: string): CodesInSources {
  const named: Named[] = [];
  const texts = new Set<string>();
  const files = globSync(`{${PACKAGES.join(',')}}/**/*.ts`, { cwd: root, exclude: (name) => /(^|\/)(node_modules|dist)$/.test(name) });
  for (const name of files) {
    const file = name.replaceAll('\\', '/');
    if (isTest(file) || file.startsWith('runtime/error-codes/')) continue;
    const found = codesIn(file, readFileSync(join(root, file), 'utf8'));
    named.push(...found.named.map((code) => ({ file, code })));
    for (const text of found.texts) texts.add(text);
  }
  return { named, texts };
}
