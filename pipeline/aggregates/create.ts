import type { SqlType } from '@millrace/shared-schemas/types.ts';
import type { AggregateCall } from '../sql/expr.ts';
import type { Aggregate } from './aggregate.ts';
import { Count } from './count.ts';
import { CountDistinct } from './distinct.ts';
import { DoubleSum } from './double-sum.ts';
import { End } from './ends.ts';
import { Extreme } from './extreme.ts';
import { IntegerSum } from './integer-sum.ts';
import { Variance } from './variance.ts';
import { Vote } from './vote.ts';

/** The aggregate of one checked call, with no cells yet. */
export function createAggregate(call: AggregateCall): Aggregate {
  if (call.distinct && call.fn === 'count') return new CountDistinct(call.args[0].type);
  if (call.distinct && call.fn !== 'min' && call.fn !== 'max') throw new Error(`${call.fn}(DISTINCT) is not in the language`);
  switch (call.fn) {
    case 'count':
      return new Count();
    case 'bool_and':
    case 'bool_or':
      return new Vote(call.fn);
    case 'sum':
    case 'avg':
      return total(call.fn, call.args[0].type, call.type);
    case 'var_samp':
    case 'var_pop':
    case 'stddev_samp':
    case 'stddev_pop':
      return new Variance(call.fn);
    case 'min':
    case 'max':
    case 'arg_min':
    case 'arg_max':
      return new Extreme(
        call.fn,
        call.args.map((argument) => argument.type),
      );
    case 'first':
    case 'last':
      return new End(call.fn, call.args[0].type);
  }
}

function total(fn: 'sum' | 'avg', of: SqlType, result: SqlType): Aggregate {
  if (of.kind === 'DOUBLE' || of.kind === 'FLOAT') return new DoubleSum(fn);
  const scale = of.kind === 'DECIMAL' ? of.scale : 0;
  return new IntegerSum(fn === 'avg' && result.kind === 'TIMESTAMP' ? 'avg_integer' : fn, scale);
}
