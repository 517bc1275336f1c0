import fc from 'fast-check';

import type { FaultAction } from '../../../src/destinations/heap/simulator/fault-rule.js';
import type { Action, Arrivals, HeapFault, Scenario } from './scenario.js';

/** Everything arrives, and goes wrong, within so long. */
const seconds = 60;

const moment = fc.integer({ min: 0, max: seconds - 1 });
const ms = fc.integer({ min: 100, max: 40_000 });

/** What may go wrong with a request that says nothing of its events. */
const fault: fc.Arbitrary<FaultAction> = fc.oneof(
  fc.record({ status: fc.constantFrom(500, 502, 503, 408, 401), stored: fc.boolean() }),
  fc.record({
    status: fc.constant(429),
    retryAfter: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('date' as const)),
  }),
  fc.record({ hang: fc.constant(true as const), stored: fc.boolean() }),
  fc.record({ reset: fc.constant(true as const), stored: fc.boolean() }),
  fc.record({ truncate: fc.constant(1), stored: fc.boolean() }),
  fc.record({ slowBodyMs: ms }),
  fc.record({ latencyMs: ms }),
);

const heapFault: fc.Arbitrary<HeapFault> = fc
  .record(
    {
      from: moment,
      lasts: fc.integer({ min: 1, max: 40 }),
      group: fc.constantFrom('a', 'b'),
      flapping: fc.record({ onSeconds: fc.integer({ min: 1, max: 9 }), offSeconds: fc.integer({ min: 1, max: 9 }) }),
      match: fc.record({ probability: fc.constantFrom(0.05, 0.2, 0.5) }),
      action: fault,
    },
    { requiredKeys: ['from', 'lasts', 'action'] },
  )
  .map(({ lasts, ...rest }) => ({ ...rest, until: rest.from + lasts }));

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ at: moment, do: fc.constant('restart' as const), seconds: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ at: moment, do: fc.constant('jumpClock' as const), seconds: fc.integer({ min: -99_999, max: 999_999 }) }),
  fc.record({ at: moment, do: fc.constant('resume' as const), group: fc.constantFrom('a', 'b') }),
);

function arrivalsOf(group: string): fc.Arbitrary<Arrivals> {
  return fc.record(
    {
      group: fc.constant(group),
      lanes: fc.integer({ min: 1, max: 3 }),
      identities: fc.constantFrom(1, 3, 30),
      perSecond: fc.constantFrom(1, 5, 15),
      mix: fc.record({
        track: fc.integer({ min: 1, max: 6 }),
        addUserProperties: fc.integer({ min: 0, max: 5 }),
        identify: fc.integer({ min: 0, max: 2 }),
        account: fc.integer({ min: 0, max: 1 }),
        signUp: fc.integer({ min: 0, max: 1 }),
      }),
      hot: fc.constant(0.5),
      poison: fc.record({ share: fc.constantFrom(0.01, 0.1, 0.5) }),
      bytes: fc.constantFrom(150, 600, 3_000),
    },
    { requiredKeys: ['group', 'lanes', 'identities', 'perSecond', 'mix'] },
  );
}

/** Any load, any faults and any actions. Nothing is expected of it but what always holds. */
export const anyScenario: fc.Arbitrary<Scenario> = fc.record(
  {
    name: fc.constant('any'),
    why: fc.constant('whatever happens, what always holds does'),
    seed: fc.nat(9_999),
    seconds: fc.constant(seconds),
    drainSeconds: fc.constant(2_000),
    arrivals: fc.tuple(arrivalsOf('a'), arrivalsOf('b')),
    heap: fc.array(heapFault, { maxLength: 4 }),
    actions: fc.array(action, { maxLength: 2 }),
    policy: fc.record({ lane: fc.record({ batch: fc.record({ maxItems: fc.constantFrom(1, 3, 20) }) }) }),
    simulator: fc.record({
      maxBodyBytes: fc.constantFrom(4_000, 20_000),
      limits: fc.record({
        bulkTrackPerApp: fc.constant({ max: 400, windowMs: 20_000 }),
        bulkUserPropertiesCount: fc.boolean(),
      }),
    }),
    maxBacklog: fc.integer({ min: 20, max: 500 }),
    expect: fc.constant({}),
  },
  {
    requiredKeys: ['name', 'why', 'seed', 'seconds', 'drainSeconds', 'arrivals', 'heap', 'actions', 'expect'],
  },
);
