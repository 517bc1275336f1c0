import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';

import { TallyHistogram } from '../../../src/core/metrics/tally-histogram.js';
import { parseExposition } from '../../support/documentation.js';

const buckets = [0.05, 1, 60];

function create(registry: Registry): TallyHistogram {
  return new TallyHistogram({
    name: 'delay_seconds',
    help: 'A delay.',
    label: 'kind',
    known: ['a'],
    buckets,
    registry,
  });
}

async function samplesOf(registry: Registry): Promise<ReadonlyMap<string, number>> {
  return parseExposition(await registry.metrics()).samples;
}

describe('a tally histogram', () => {
  it('shows what prom-client’s own would show, whatever is observed', async () => {
    const observation = fc.tuple(
      fc.constantFrom('a', 'b', '__proto__', 'c"\\'),
      fc.oneof(fc.constantFrom(0, -1, ...buckets), fc.double({ noNaN: true, noDefaultInfinity: true })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(observation), async (observations) => {
        const [own, peers] = [new Registry(), new Registry()];
        const histogram = create(own);
        const peer = new Histogram({
          name: 'delay_seconds',
          help: 'A delay.',
          labelNames: ['kind'],
          buckets,
          registers: [peers],
        });
        peer.zero({ kind: 'a' });
        for (const [kind, value] of observations) {
          histogram.observe(kind, value);
          peer.observe({ kind }, value);
        }
        expect(Object.fromEntries(await samplesOf(own))).toEqual(Object.fromEntries(await samplesOf(peers)));
      }),
    );
  });

  it('has a series of each known label before anything is observed', async () => {
    const registry = new Registry();
    create(registry);
    const samples = await samplesOf(registry);
    expect(samples.get('delay_seconds_count{kind="a"}')).toBe(0);
    expect(samples.get('delay_seconds_bucket{le="+Inf",kind="a"}')).toBe(0);
  });

  it('leaves out what is no finite number, so that the sum stays one', async () => {
    const registry = new Registry();
    const histogram = create(registry);
    for (const value of [NaN, Infinity, -Infinity, 2]) histogram.observe('a', value);
    const samples = await samplesOf(registry);
    expect([samples.get('delay_seconds_sum{kind="a"}'), samples.get('delay_seconds_count{kind="a"}')]).toEqual([2, 1]);
  });

  it('is no second metric of a name that is taken', () => {
    const registry = new Registry();
    create(registry);
    expect(() => create(registry)).toThrow('already been registered');
  });
});
