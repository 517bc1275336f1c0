import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Operation } from '../../../src/core/batching/operation.js';
import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { seededRandom } from '../../../src/destinations/heap/simulator/seeded-random.js';
import { identifyOf, lane, laneTo, trackOf, userPropertiesOf } from '../../support/operations.js';
import {
  deferred,
  delivered,
  failed,
  halted,
  onceAborted,
  recordedDelivery,
  refused,
  throttled,
  timedOut,
  tooLarge,
} from '../../support/recorded-delivery.js';
import { settled } from '../../support/virtual-clock.js';

const never = (): Promise<SendOutcome> => new Promise(() => undefined);

describe('the delivery router', () => {
  it('settles an event without operations at once', async () => {
    const { deliver, outcomes, router } = recordedDelivery();
    deliver();
    await settled();
    expect([outcomes, router.backlog]).toEqual([[delivered], 0]);
  });

  it('settles an event when the last of its operations is, with the worst of what became of them', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ kind }) => (kind === 'addUserProperties' ? refused : delivered),
    });
    deliver(identifyOf('7', 'ann'), userPropertiesOf('ann', { plan: 'pro' }), trackOf('ann', 'A'));
    await clock.runOut();
    expect(outcomes).toMatchObject([
      {
        ...{ type: 'rejected', reason: 'heap_rejected', detail: 'HTTP 400 bad' },
        // The rest of it arrived, and needs no replay.
        delivered: [{ kind: 'identify' }, { kind: 'track' }],
      },
    ]);
  });

  it('lets events that waited in a store wait for company as well, however old they are', async () => {
    const { clock, router, sizes } = recordedDelivery();
    const outcomes = ['A', 'B', 'C'].map(async (name, index) => {
      await clock.sleep(index * 50);
      return router.deliverStored([trackOf('ann', name)], 60_000);
    });
    await clock.advance(1_000);
    expect(sizes()).toEqual([3]);
    expect(await Promise.all(outcomes)).toEqual([delivered, delivered, delivered]);
  });

  it('delivers to one app_id while another one is refused, fails or never answers', async () => {
    const { clock, deliver, outcomes, lanes, router } = recordedDelivery({
      answer: ({ appId }, signal) => {
        if (appId === '1') return halted;
        if (appId === '2') return failed;
        return appId === '3' ? onceAborted(failed, signal) : delivered;
      },
    });
    for (const appId of ['1', '2', '3', '4']) deliver(trackOf('ann', 'A', {}, laneTo(appId)));
    await clock.advance(250);
    deliver(trackOf('ann', 'B', {}, laneTo('4')));
    await clock.advance(250);
    expect(outcomes).toEqual([undefined, undefined, undefined, delivered, delivered]);
    expect(lanes().map(({ appId, state }) => `${appId} ${state}`)).toEqual([
      '1 halted',
      '2 waiting',
      '3 sending',
      '4 idle',
    ]);
    router.abort();
  });

  it('has one host per destination: what one of them does costs the others nothing', async () => {
    const { clock, deliver, outcomes, hosts, router } = recordedDelivery({
      hostOf: ({ region }) => `heap ${region}`,
      answer: ({ request }, signal) => (request.lane.region === 'us' ? onceAborted(failed, signal) : delivered),
    });
    for (let index = 0; index < 30; index += 1) deliver(trackOf('ann', 'A', {}, laneTo(`app ${index}`)));
    await clock.advance(250);
    deliver(trackOf('ann', 'A', {}, { key: 'eu:1', region: 'eu', appId: '1' }));
    await clock.advance(250);
    expect(outcomes.at(-1)).toEqual(delivered);
    expect(hosts().map(({ host, inFlight }) => `${host} ${inFlight}`)).toEqual(['heap us 8', 'heap eu 0']);
    router.abort();
  });
});

describe('a host that is well again', () => {
  it('is told to lanes that wait because of it: all of them try within a second', async () => {
    const outage = { from: 1_000, to: 20_000 };
    let wellSince: number | undefined;
    const { clock, deliver, outcomes, attempts, heard } = recordedDelivery({
      answer: async () => {
        await clock.sleep(10);
        const at = clock.monotonic();
        if (at >= outage.from && at < outage.to) return failed;
        if (at >= outage.to) wellSince ??= at;
        return delivered;
      },
      random: seededRandom(7),
      policy: {
        lane: {
          concurrency: 1,
          retry: { baseMs: 600_000, capMs: 3_600_000, maxRetryAfterMs: 30_000, haltedMs: 60_000 },
          breaker: { failures: 1, timeouts: 1, lanes: 1, baseMs: 600_000, capMs: 3_600_000 },
        },
        host: { breaker: { failures: 5, timeouts: 5, lanes: 3, baseMs: 1_000, capMs: 4_000 } },
      },
    });
    await clock.advance(1_000);
    for (let index = 0; index < 30; index += 1) deliver(trackOf('ann', 'A', {}, laneTo(`app ${index}`)));
    await clock.advance(10_000);
    // Somebody has to ask, or nobody would know; lanes that failed wait for minutes.
    for (let index = 0; index < 100; index += 1) {
      deliver(trackOf('ann', 'A', {}, laneTo(`new ${index}`)));
      await clock.advance(200);
    }
    const isWell = wellSince ?? Infinity;
    expect(isWell).toBeLessThan(26_000);
    expect(heard.hostBreakers.at(-1)).toBe('heap halfOpen > closed');
    expect(outcomes.filter((outcome) => outcome?.type !== 'delivered')).toEqual([]);
    const old = attempts.filter(({ at, appId }) => appId.startsWith('app') && at > isWell);
    expect(old).toHaveLength(30);
    for (const { at } of old) expect(at - isWell).toBeLessThanOrEqual(1_100);
    // Spread over the second, and not all at once.
    expect(new Set(old.map(({ at }) => Math.floor((at - isWell) / 100))).size).toBeGreaterThan(5);
  });
});

describe('the room of the delivery router', () => {
  it('is for all lanes together, and is there again when something is settled', async () => {
    const { clock, deliver, router } = recordedDelivery({ maxBacklog: 3 });
    deliver(trackOf('ann', 'A', {}, laneTo('1')));
    deliver(trackOf('ann', 'A', {}, laneTo('2')));
    expect(router.hasRoom()).toBe(true);
    deliver(userPropertiesOf('ann', { plan: 'pro' }), trackOf('ann', 'A'));
    expect([router.hasRoom(), router.backlog]).toEqual([false, 4]);
    expect(router.hasRoom(laneTo('9'))).toBe(false);
    await clock.runOut();
    expect([router.hasRoom(), router.backlog]).toEqual([true, 0]);
  });

  it('is bounded in bytes as well', async () => {
    const { clock, deliver, router } = recordedDelivery({ maxBacklogBytes: 1_000 });
    deliver(trackOf('ann', 'A', { text: 'ü'.repeat(400) }));
    expect(router.hasRoom()).toBe(true);
    expect(router.hasRoom(lane)).toBe(false);
    deliver(trackOf('ann', 'B', { text: 'ü'.repeat(100) }));
    expect(router.hasRoom()).toBe(false);
    await clock.runOut();
    expect([router.hasRoom(), router.backlogBytes]).toEqual([true, 0]);
  });

  it('is two thirds for one lane that is stuck: the others find the last third', () => {
    const { deliver, router } = recordedDelivery({ answer: never, maxBacklog: 300 });
    let taken = 0;
    for (; router.hasRoom(lane); taken += 1) deliver(trackOf(`user ${taken}`, 'A'));
    expect(taken).toBe(200);
    expect(router.hasRoom(laneTo('12'))).toBe(true);
    expect(router.hasRoom()).toBe(true);
  });

  it('leaves some of itself to every other lane, however many are stuck', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 50, max: 500 }), (stuck, maxBacklog) => {
        const { deliver, router } = recordedDelivery({ answer: never, maxBacklog, maxBacklogBytes: 1_000_000_000 });
        const lanes = Array.from({ length: stuck }, (_unused, index) => laneTo(String(index)));
        for (let hasTaken = true; hasTaken;) {
          hasTaken = false;
          for (const target of lanes) {
            if (!router.hasRoom(target)) continue;
            deliver(trackOf('ann', 'A', {}, target));
            hasTaken = true;
          }
        }
        const free = maxBacklog - router.backlog;
        // n of them leave 1 / (2n + 1) of all, but for rounding.
        expect(free).toBeGreaterThanOrEqual(Math.floor(maxBacklog / (2 * stuck + 1)) - stuck);
        expect(free).toBeLessThanOrEqual(Math.ceil(maxBacklog / (2 * stuck + 1)) + stuck);
        if (free > 0) expect(router.hasRoom(laneTo('another'))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('is the stuck lane’s again when the others need it no more', async () => {
    const { clock, deliver, router } = recordedDelivery({
      answer: ({ appId }) => (appId === '11' ? never() : delivered),
      maxBacklog: 90,
    });
    for (let index = 0; index < 40; index += 1) deliver(trackOf('ann', 'A'));
    for (let index = 0; index < 35; index += 1) deliver(trackOf('ann', 'A', {}, laneTo('12')));
    expect(router.hasRoom(lane)).toBe(false);
    await clock.advance(1_000);
    expect(router.hasRoom(lane)).toBe(true);
  });

  it('is none once it was stopped', async () => {
    const { clock, router } = recordedDelivery();
    const closed = router.close(1_000);
    await clock.runOut();
    await closed;
    expect([router.hasRoom(), router.hasRoom(lane)]).toEqual([false, false]);
  });
});

describe('an event that is sent again', () => {
  it('is delivered once, while it is on its way and after it arrived', async () => {
    const { promise, resolve } = deferred<SendOutcome>();
    const { clock, router, attempts } = recordedDelivery({ answer: () => promise });
    const first = router.deliver([trackOf('ann', 'A')], 'm-1');
    await clock.advance(300);
    const second = router.deliver([trackOf('ann', 'A')], 'm-1');
    expect(router.backlog).toBe(1);
    resolve(delivered);
    expect(await Promise.all([first, second])).toEqual([delivered, delivered]);
    expect(await router.deliver([trackOf('ann', 'A')], 'm-1')).toEqual(delivered);
    await clock.runOut();
    expect(attempts).toHaveLength(1);
  });

  it('is another event in another lane, and without a key', async () => {
    const { clock, router, attempts } = recordedDelivery();
    void router.deliver([trackOf('ann', 'A')], 'm-1');
    void router.deliver([trackOf('ann', 'A', {}, laneTo('12'))], 'm-1');
    void router.deliver([trackOf('ann', 'A')]);
    void router.deliver([trackOf('ann', 'A')]);
    await clock.runOut();
    expect(attempts.reduce((sum, { items }) => sum + items.length, 0)).toBe(4);
  });

  it('is delivered again where it was not delivered', async () => {
    let isDown = true;
    const { clock, router } = recordedDelivery({ answer: () => (isDown ? refused : delivered) });
    const first = router.deliver([trackOf('ann', 'A')], 'm-1');
    await clock.runOut();
    expect(await first).toMatchObject({ type: 'rejected' });
    isDown = false;
    const second = router.deliver([trackOf('ann', 'A')], 'm-1');
    await clock.runOut();
    expect(await second).toEqual(delivered);
  });
});

describe('a delivery router that closes', () => {
  it('delivers what is there, without waiting for company', async () => {
    const { clock, deliver, outcomes, router, times } = recordedDelivery();
    deliver(trackOf('ann', 'A'));
    deliver(trackOf('ann', 'B', {}, laneTo('2')));
    await clock.advance(10);
    expect(await router.close(1_000)).toEqual([]);
    expect([outcomes, times(), clock.sleeping]).toEqual([[delivered, delivered], [10, 10], 0]);
  });

  it('closes at once when there is nothing', async () => {
    const { clock, router } = recordedDelivery();
    expect(await router.close(1_000)).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });

  it('says of each lane how many operations it gave up', async () => {
    const { clock, deliver, outcomes, router } = recordedDelivery({
      answer: ({ appId }) => (appId === '3' ? delivered : failed),
    });
    deliver(trackOf('ann', 'A', {}, laneTo('1')), trackOf('ann', 'B', {}, laneTo('1')));
    deliver(trackOf('bob', 'C', {}, laneTo('2')));
    deliver(trackOf('eve', 'D', {}, laneTo('3')));
    const closed = router.close(5_000);
    await clock.advance(5_000);
    expect(await closed).toEqual([
      { lane: laneTo('1'), operations: 2 },
      { lane: laneTo('2'), operations: 1 },
    ]);
    expect(outcomes).toEqual([{ type: 'abandoned' }, { type: 'abandoned' }, delivered]);
  });

  it('tells the sender in flight to break off when the deadline comes', async () => {
    const { clock, deliver, outcomes, router } = recordedDelivery({
      answer: (_attempt, signal) => onceAborted(failed, signal),
    });
    deliver(trackOf('ann', 'A'));
    const closed = router.close(5_000);
    await clock.advance(4_999);
    expect(outcomes).toEqual([undefined]);
    await clock.advance(1);
    expect(await closed).toEqual([{ lane, operations: 1 }]);
    expect(outcomes).toEqual([{ type: 'abandoned' }]);
  });

  it('counts as delivered what arrived although it was told to break off', async () => {
    const { clock, deliver, outcomes, router } = recordedDelivery({
      answer: (_attempt, signal) => onceAborted(delivered, signal),
    });
    deliver(trackOf('ann', 'A'));
    const closed = router.close(5_000);
    await clock.advance(5_000);
    expect([await closed, outcomes]).toEqual([[], [delivered]]);
  });

  it('delivers what still comes while it closes, and abandons what comes later', async () => {
    const { clock, deliver, outcomes, router, attempts, times } = recordedDelivery({
      answer: async () => {
        await clock.sleep(100);
        return delivered;
      },
    });
    deliver(trackOf('ann', 'A'));
    const closed = router.close(5_000);
    deliver(trackOf('bob', 'B', {}, laneTo('2')));
    await clock.advance(5_000);
    expect([await closed, outcomes, times()]).toEqual([[], [delivered, delivered], [0, 0]]);
    deliver(trackOf('ann', 'late'));
    deliver(trackOf('ann', 'late', {}, laneTo('3')));
    await settled();
    expect(outcomes.slice(2)).toEqual([{ type: 'abandoned' }, { type: 'abandoned' }]);
    expect([attempts.length, router.backlog, router.backlogBytes]).toEqual([2, 0, 0]);
  });

  it('can be closed twice: both are told the same', async () => {
    const { clock, deliver, router } = recordedDelivery({ answer: () => failed });
    deliver(trackOf('ann', 'A'));
    const closed = Promise.all([router.close(5_000), router.close(1_000)]);
    await clock.advance(5_000);
    expect(await closed).toEqual([[{ lane, operations: 1 }], [{ lane, operations: 1 }]]);
    expect(clock.sleeping).toBe(0);
  });
});

interface RandomStep {
  readonly waitMs: number;
  readonly event: readonly { readonly kind: 'track' | 'properties' | 'identify'; readonly who: number }[];
}

const anyStep: fc.Arbitrary<RandomStep> = fc.record({
  waitMs: fc.constantFrom(0, 0, 0, 100, 300, 2_000),
  event: fc.array(fc.record({ kind: fc.constantFrom('track', 'track', 'properties', 'identify'), who: fc.nat(2) }), {
    minLength: 1,
    maxLength: 3,
  }),
});

const anyReply = fc.constantFrom<SendOutcome>(
  delivered,
  delivered,
  delivered,
  failed,
  { ...failed, afterMs: 700 },
  timedOut,
  throttled,
  { ...throttled, afterMs: 3_000 },
  refused,
  tooLarge,
  halted,
);

/** Every operation carries a number, so that it can be recognised in a request. */
function operationsOf({ event }: RandomStep, nextNumber: () => number): readonly Operation[] {
  return event.map(({ kind, who }) => {
    const number = nextNumber();
    if (kind === 'track') return trackOf(`user ${who}`, `E${number}`, { number });
    if (kind === 'properties') return userPropertiesOf(`user ${who}`, { number });
    return identifyOf(String(number % 2), `user ${who}`);
  });
}

describe('whatever the destination answers', () => {
  const busy = {
    lane: {
      maxAttempts: 4,
      maxAgeMs: 30_000,
      poison: { share: 0.5, atLeast: 8, window: 10 },
      breaker: { failures: 3, timeouts: 2, lanes: 1, baseMs: 2_000, capMs: 10_000 },
      rateLimits: {
        track: { perLane: { max: 12, windowMs: 1_000 }, perKey: { max: 5, windowMs: 1_000, per: 'item' as const } },
      },
    },
    host: {
      budget: { ratio: 0.1, perSecond: 1, burst: 3 },
      breaker: { failures: 4, timeouts: 3, lanes: 1, baseMs: 2_000, capMs: 10_000 },
      maxSlow: 2,
    },
    maxInFlightBytes: 500,
  };

  it('every event is settled exactly once, as what its operations met says, and nothing waits then', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { maxLength: 40, size: 'max' }),
        fc.array(fc.tuple(anyReply, fc.constantFrom(0, 20, 900)), { minLength: 1, maxLength: 60, size: 'max' }),
        fc.option(fc.nat(20_000), { nil: undefined, freq: 3 }),
        fc.boolean(),
        async (steps, replies, closeAfterMs, isBusy) => {
          const accepted = new Set<Operation>();
          let turn = 0;
          const { clock, deliver, outcomes, router, lanes, hosts, sentTwice } = recordedDelivery({
            answer: async ({ request }, signal) => {
              // From a point on it works again: else a lane that is always asked to wait would never be done.
              const [reply, ms] = turn > 300 ? [delivered, 0] : (replies[turn % replies.length] ?? [delivered, 0]);
              turn += 1;
              await clock.sleep(ms, signal);
              if (reply.type !== 'delivered') return reply;
              for (const { entries } of request.items) {
                for (const { operation } of entries) {
                  expect(accepted.has(operation)).toBe(false);
                  accepted.add(operation);
                }
              }
              return reply;
            },
            policy: isBusy ? busy : {},
          });
          let number = 0;
          const events: (readonly Operation[])[] = [];
          for (const step of steps) {
            const operations = operationsOf(step, () => (number += 1));
            events.push(operations);
            deliver(...operations);
            await clock.advance(step.waitMs);
          }
          if (closeAfterMs === undefined) {
            await clock.runOut();
            // A person looks, as often as it takes.
            while (lanes().some(({ state }) => state === 'paused')) {
              router.resume(lane.key);
              await clock.runOut();
            }
          } else {
            const before = clock.monotonic();
            const closed = router.close(closeAfterMs);
            await clock.runOut();
            const remaining = (await closed).reduce((sum, { operations }) => sum + operations, 0);
            expect(clock.monotonic() - before).toBeLessThanOrEqual(closeAfterMs);
            expect(remaining).toBeLessThanOrEqual(number);
          }
          expect([router.backlog, router.backlogBytes, clock.sleeping]).toEqual([0, 0, 0]);
          expect(sentTwice).toEqual([]);
          for (const each of lanes()) expect(each).toMatchObject({ backlog: 0, inFlight: 0, searches: 0 });
          for (const host of hosts()) expect(host).toMatchObject({ inFlight: 0, slow: 0 });
          events.forEach((operations, index) => {
            const outcome = outcomes[index];
            expect(outcome).toBeDefined();
            // An event counts as delivered exactly when the destination took all of it.
            expect(outcome?.type === 'delivered').toBe(operations.every((operation) => accepted.has(operation)));
            if (closeAfterMs === undefined) expect(outcome?.type).not.toBe('abandoned');
          });
        },
      ),
      { numRuns: 300 },
    );
  }, 120_000);

  it('what shares a key arrives in the order of the rule, whatever is given up in between', async () => {
    const stages: Readonly<Record<string, number>> = { identify: 0, addUserProperties: 1, track: 2 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.array(fc.tuple(anyReply, fc.constantFrom(0, 20, 900)), { minLength: 1, maxLength: 60, size: 'max' }),
        fc.boolean(),
        async (steps, replies, isBusy) => {
          const taken: Operation[] = [];
          let turn = 0;
          const { clock, deliver, router, lanes } = recordedDelivery({
            answer: async ({ request }) => {
              const [reply, ms] = turn > 300 ? [delivered, 0] : (replies[turn % replies.length] ?? [delivered, 0]);
              turn += 1;
              // It takes effect at some moment on the way.
              await clock.sleep(ms / 2);
              if (reply.type === 'delivered') {
                for (const { entries } of request.items) taken.push(...entries.map(({ operation }) => operation));
              }
              await clock.sleep(ms / 2);
              return reply;
            },
            policy: isBusy ? busy : {},
          });
          let number = 0;
          const all: Operation[] = [];
          for (const step of steps) {
            const operations = operationsOf(step, () => (number += 1));
            all.push(...operations);
            deliver(...operations);
            await clock.advance(step.waitMs);
          }
          await clock.runOut();
          while (lanes().some(({ state }) => state === 'paused')) {
            router.resume(lane.key);
            await clock.runOut();
          }
          const sequence = new Map(all.map((operation, index) => [operation, index]));
          for (const [at, later] of taken.entries()) {
            const overtaken = taken.slice(at + 1).find((earlier) => {
              const isEarlier = (sequence.get(earlier) ?? 0) < (sequence.get(later) ?? 0);
              const mayNotWait = (stages[earlier.kind] ?? 0) > (stages[later.kind] ?? 0);
              return isEarlier && !mayNotWait && earlier.keys.some((key) => later.keys.includes(key));
            });
            if (overtaken !== undefined) throw new Error(`${later.text} arrived before ${overtaken.text}`);
          }
        },
      ),
      { numRuns: 300 },
    );
  }, 120_000);
});
