import { describe, expect, test } from '@jest/globals';

import { increase, parseMetrics, sumBy, sumOf } from '../../demo/read-metrics.js';

describe('reading metrics', () => {
  test('tells by how much each counter has grown, and what a gauge is now', () => {
    const before = parseMetrics('a_total{x="1",y="2"} 3\na_total{x="2",y="2"} 5\ngauge 7');
    const now = parseMetrics('a_total{y="2",x="1"} 4\na_total{x="2",y="2"} 5\na_total{x="3",y="2"} 6\ngauge 9');

    const grown = increase(now, before);

    expect(sumBy(grown, 'a_total', 'x')).toEqual({ '1': 1, '3': 6 });
    expect(sumOf(grown, 'gauge')).toBe(9);
  });
});
