/** Event time from outside: pipelines of our own against a model that recomputes everything from the input rows, in their order, by the contract. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '@millrace/runtime/random.ts';
import { afterAll, expect, test } from 'vitest';
import { Millrace, millrace, succeed } from './support/cli.ts';
import { agg, bag, type Dated, dedupe, each, type Fields, type Flow, rolling, rowsOf, source, window } from './support/time-model.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-time-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
