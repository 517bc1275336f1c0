import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { assumed } from '../../bench/scaling/measured.js';
import type { Scenario } from '../../bench/scaling/scenario.js';
import { scenarioTable } from '../../bench/scaling/scenario-table.js';
import { simulate } from '../../bench/scaling/simulate.js';
import { repositoryRoot } from '../support/documentation.js';

const scenario = fc.record({
  name: fc.constant('any'),
  eventsPerSecond: fc.integer({ min: 1, max: 5_000 }),
  apps: fc.integer({ min: 2, max: 20 }),
  busiestShare: fc.double({ min: 0, max: 0.9, noNaN: true }),
  eventsPerRequest: fc.constantFrom(1, 20, 100, 1_000),
  replicas: fc.integer({ min: 1, max: 3 }),
  store: fc.constantFrom<Scenario['store']>({ type: 'lmdb' }, { type: 'postgres', cores: 2 }),
  awaySeconds: fc.constantFrom(0, 600),
});

describe('the capacity model', () => {
  it('is what docs/scaling.md shows', () => {
    const document = readFileSync(`${repositoryRoot}docs/scaling.md`, 'utf8');
    const tables = [...document.matchAll(/^\| scenario .*\n(?:\|.*\n)+/gm)].map(([table]) => table);
    expect(tables).toEqual([scenarioTable()]);
  });

  it('never delivers more than comes, more than Heap takes, or with more CPU than there is', () => {
    fc.assert(
      fc.property(scenario, (each) => {
        const { confirmed, delivered, replicaLoad, databaseLoad = 0 } = simulate(each);
        expect(confirmed).toBeLessThanOrEqual(each.eventsPerSecond + 1);
        expect(delivered).toBeLessThanOrEqual((each.apps * assumed.heapEventsPerMinute) / 60 + 1);
        expect(Math.max(replicaLoad, databaseLoad)).toBeLessThanOrEqual(1.02);
      }),
      { numRuns: 20 },
    );
  });

  it('catches up with an outage as fast as the limit of each app leaves room for', () => {
    const outage = { name: '', eventsPerSecond: 1_000, apps: 10, busiestShare: 0, eventsPerRequest: 100, replicas: 1 };
    const { caughtUpAfter = 0 } = simulate({ ...outage, store: { type: 'lmdb' }, awaySeconds: 600 });
    // 100 events a second come to each app, and 250 go: what came in 600 s is gone after 400.
    expect(caughtUpAfter).toBeGreaterThan(340);
    expect(caughtUpAfter).toBeLessThan(460);
  });
});
