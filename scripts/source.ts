/** What the house rules ask of a TypeScript file, found in its syntax tree: what it imports, and where it reads time or chance. */
import { parseSync, Visitor } from 'oxc-parser';

/** `start`: offset into the text, in UTF-16 units. */
export interface Site {
  readonly start: number;
}

export interface ImportSite extends Site {
  /** undefined: computed at run time */
  readonly specifier: string | undefined;
  /** an `import('…')` inside a type */
  readonly inType: boolean;
}

function parse(file: string, text: string) {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  return program;
}

const literal = (node: { type: string; value?: unknown } | undefined): unknown => (node?.type === 'Literal' ? node.value : undefined);

/** All imports and re-exports of a file: values, types, dynamic, required, inside types. */
export function imports(file: string, text: string): ImportSite[] {
  const found: ImportSite[] = [];
  const add = (start: number, specifier: unknown, inType = false): void => {
    found.push({ start, specifier: typeof specifier === 'string' ? specifier : undefined, inType });
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.start, node.source.value),
    ExportNamedDeclaration: (node) => node.source && add(node.start, node.source.value),
    ExportAllDeclaration: (node) => add(node.start, node.source.value),
    ImportExpression: (node) => add(node.start, literal(node.source)),
    TSImportEqualsDeclaration: (node) => node.moduleReference.type === 'TSExternalModuleReference' && add(node.start, node.moduleReference.expression.value),
    TSImportType: (node) => add(node.start, node.source.value, true),
    CallExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'require') {
        add(node.start, literal(node.arguments[0]));
      }
    },
  }).visit(parse(file, text));
  return found;
}

export interface ClockSite extends Site {
  readonly what: string;
}

/** Sources of time and chance → the uses that read neither. Any other mention (a call, an alias, a destructuring) counts. */
const HARMLESS: Readonly<Record<string, (member: string) => boolean>> = {
  Date: (member) => member === 'UTC' || member === 'parse' || member === 'prototype',
  Math: (member) => member !== 'random',
  performance: () => false,
  process: (member) => !['hrtime', 'uptime'].includes(member),
  crypto: (member) => !/^random|^getRandom/.test(member),
};
const CHANCE = /^(random(Bytes|UUID|Int|Fill|FillSync)|getRandomValues|hrtime|uptime|performance)$/;
const CLOCK_MODULES = ['node:crypto', 'node:process', 'node:perf_hooks', 'crypto', 'perf_hooks', 'process'];

/** Where a file reads the time of day, an interval or chance by itself. */
export function clockReads(file: string, text: string): ClockSite[] {
  const found: ClockSite[] = [];
  const names = new Set<number>();
  const isName = (node: { start: number }): unknown => names.add(node.start);
  new Visitor({
    MemberExpression: (node) => {
      const { object, property } = node;
      if (!node.computed) isName(property);
      if (object.type !== 'Identifier') return;
      const member = property.type === 'Literal' ? String(property.value) : node.computed ? undefined : (property as { name: string }).name;
      const harmless =
        object.name === 'globalThis' ? (name: string) => !Object.hasOwn(HARMLESS, name) : Object.hasOwn(HARMLESS, object.name) && HARMLESS[object.name];
      isName(object);
      if (harmless && (member === undefined || !harmless(member))) found.push({ start: node.start, what: `${object.name}.${member ?? '[…]'}` });
    },
    NewExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length > 0) isName(node.callee);
    },
    BinaryExpression: (node) => node.operator === 'instanceof' && isName(node.right),
    Property: (node) => !node.computed && !node.shorthand && isName(node.key),
    PropertyDefinition: (node) => !node.computed && isName(node.key),
    TSPropertySignature: (node) => !node.computed && isName(node.key),
    MethodDefinition: (node) => !node.computed && isName(node.key),
    TSTypeReference: (node) => isName(node.typeName),
    TSInterfaceHeritage: (node) => isName(node.expression),
    ImportDeclaration: (node) => {
      for (const specifier of node.specifiers) {
        if (!CLOCK_MODULES.includes(node.source.value) || specifier.type !== 'ImportSpecifier') continue;
        const { imported } = specifier;
        const name = imported.type === 'Identifier' ? imported.name : imported.value;
        if (!CHANCE.test(name)) continue;
        found.push({ start: specifier.start, what: name });
        isName(imported);
        isName(specifier.local);
      }
    },
    Identifier: (node) => {
      if (node.name !== 'process' && node.name !== 'crypto' && Object.hasOwn(HARMLESS, node.name) && !names.has(node.start)) {
        found.push({ start: node.start, what: node.name === 'Date' ? 'new Date()' : node.name === 'Math' ? 'Math.random' : node.name });
      }
    },
  }).visit(parse(file, text));
  return found;
}
