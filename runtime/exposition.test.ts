import { describe, expect, test } from 'vitest';
import { readExposition, told } from './exposition.case.ts';

const head = '# HELP a_total What it is.\n# TYPE a_total counter\n';
const histogram = (lines: string): string => `# HELP h What it is.\n# TYPE h histogram\n${lines}`;

describe('the strict reader of metrics', () => {
  test('reads what is right', () => {
    const metrics = readExposition(
      `${head}a_total{b="x",c="q\\"u\\\\o\\nte"} 1.5e3\na_total{b="y",c=""} 2\n\n# HELP g G.\n# TYPE g gauge\ng NaN\n${histogram('h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n')}`,
    );
    expect(metrics.get('a_total')).toEqual({
      type: 'counter',
      help: 'What it is.',
      samples: [
        { name: 'a_total', labels: { b: 'x', c: 'q"u\\o\nte' }, value: 1500 },
        { name: 'a_total', labels: { b: 'y', c: '' }, value: 2 },
      ],
    });
    expect(metrics.get('g')?.samples[0]?.value).toBeNaN();
    expect(told(metrics, 'a_total')).toBe(1502);
    expect(told(metrics, 'a_total', { b: 'y' })).toBe(2);
    expect(() => told(metrics, 'a_total', { b: 'z' })).toThrow('no sample');
  });

  test.each([
    ['no end of line', `${head}a_total 1`, 'no end'],
    ['no HELP', '# TYPE a_total counter\na_total 1\n', 'before HELP'],
    ['no TYPE', '# HELP a_total A.\na_total 1\n', 'before HELP and TYPE'],
    ['an empty HELP', '# HELP a_total  \n', 'empty HELP'],
    ['a raw backslash in HELP', '# HELP a_total a\\b\n', 'escape'],
    ['two TYPEs', `${head}# TYPE a_total counter\n`, 'second TYPE'],
    ['another comment', `${head}# EOF\n`, 'comment'],
    ['an unknown type', '# HELP a A.\n# TYPE a info\n', 'unknown type'],
    ['lines that are apart', `${head}a_total 1\n# HELP b B.\n# TYPE b gauge\na_total{x="1"} 1\n`, 'not together'],
    ['the same line twice', `${head}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`, 'twice'],
    ['a label twice', `${head}a_total{x="1",x="2"} 1\n`, 'twice'],
    ['a label with a dash', `${head}a_total{x-y="1"} 1\n`, 'no proper value'],
    ['a quote in a value', `${head}a_total{x="1"2"} 1\n`, 'no proper value'],
    ['an unknown escape', `${head}a_total{x="\\t"} 1\n`, 'no proper value'],
    ['a comma too many', `${head}a_total{x="1",} 1\n`, 'no proper value'],
    ['no value', `${head}a_total \n`, 'no value'],
    ['a value in hex', `${head}a_total 0x1\n`, 'no value'],
    ['Nan', `${head}a_total Nan\n`, 'no value'],
    ['a counter below zero', `${head}a_total -1\n`, 'is -1'],
    ['buckets that shrink', histogram('h_bucket{le="1"} 4\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n'), 'do not grow'],
    ['no bucket of all', histogram('h_bucket{le="1"} 3\nh_sum 4\nh_count 3\n'), 'last bucket'],
    ['another count', histogram('h_bucket{le="+Inf"} 3\nh_sum 4\nh_count 4\n'), 'last bucket'],
    ['no sum', histogram('h_bucket{le="+Inf"} 3\nh_count 3\n'), 'without a sum'],
  ])('refuses %s', (_, text, message) => {
    expect(() => readExposition(text)).toThrow(message);
  });
});
