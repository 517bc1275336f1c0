import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { RateLimits } from '../../../src/core/delivery/limits/lane-limiter.js';
import { laneTo, trackOf } from '../../support/operations.js';
import { delivered, recordedDelivery, refused, throttled, type Attempt } from '../../support/recorded-delivery.js';

const perLane = (max: number, windowMs: number): RateLimits => ({ track: { perLane: { max, windowMs } } });
const perIdentity = (max: number, windowMs: number): RateLimits => ({
  track: { perKey: { max, windowMs, per: 'item' } },
});

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_unused, number) => number);
}

/** The most items that left in any window of this length. */
function mostInAnyWindow(attempts: readonly Attempt[], windowMs: number): number {
  const most = attempts.map(({ at }) =>
    attempts.reduce((sum, each) => (each.at >= at && each.at < at + windowMs ? sum + each.items.length : sum), 0),
  );
  return Math.max(0, ...most);
}

describe('the rate limit of a lane', () => {
  it('is used, and never passed', async () => {
    const { clock, deliver, attempts, outcomes, heard, lanes } = recordedDelivery({
      policy: { lane: { rateLimits: perLane(10, 1_000) } },
    });
    for (const user of numbers(25)) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(500);
    expect(lanes()).toMatchObject([{ state: 'limited', allowance: { track: 0 }, backlog: 15 }]);
    await clock.advance(500);
    expect(attempts.map(({ at, items }) => [at, items.length])).toEqual([
      [0, 10],
      [1_000, 10],
    ]);
    await clock.runOut();
    expect(attempts.map(({ at, items }) => [at, items.length]).slice(2)).toEqual([[2_000, 5]]);
    expect(outcomes).toEqual(numbers(25).map(() => delivered));
    expect(heard.waits.every((wait) => wait.startsWith('11 lane_limit '))).toBe(true);
    expect(heard.waits.length).toBeLessThanOrEqual(2);
    expect(clock.sleeping).toBe(0);
  });

  it('is told of, with what may be sent now', async () => {
    const { clock, deliver, lanes } = recordedDelivery({ policy: { lane: { rateLimits: perLane(10, 1_000) } } });
    deliver(trackOf('ann', 'A'));
    expect(lanes()).toMatchObject([{ allowance: { track: 10 }, state: 'lingering' }]);
    await clock.advance(250);
    expect(lanes()[0]?.allowance).toEqual({ track: 9 });
  });

  it('is each lane’s own', async () => {
    const { clock, deliver, attempts } = recordedDelivery({ policy: { lane: { rateLimits: perLane(1, 60_000) } } });
    for (const appId of ['1', '2', '3']) deliver(trackOf('ann', 'A', {}, laneTo(appId)));
    await clock.advance(250);
    expect(attempts).toHaveLength(3);
  });

  it('does not count what the destination refused because of its own limit', async () => {
    let isThrottled = true;
    const { clock, deliver, attempts } = recordedDelivery({
      answer: () => (isThrottled ? throttled : delivered),
      policy: { lane: { rateLimits: perLane(1, 3_600_000) } },
    });
    deliver(trackOf('ann', 'A'));
    await clock.advance(5_000);
    isThrottled = false;
    await clock.runOut();
    expect(attempts.length).toBeGreaterThan(2);
  });

  it('sends what there is room for rather than leave the room unused for long', async () => {
    const { clock, deliver, attempts } = recordedDelivery({ policy: { lane: { rateLimits: perLane(10, 60_000) } } });
    for (const user of numbers(6)) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(250);
    for (const user of numbers(6)) deliver(trackOf(`user ${user}`, 'B'));
    await clock.advance(250);
    expect(attempts.map(({ items }) => items.length)).toEqual([6, 4]);
  });

  it('holds for the pieces of a refused request as well', async () => {
    const taken: Attempt[] = [];
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: (attempt) => {
        if (attempt.items.join().includes('Poison')) return refused;
        taken.push(attempt);
        return delivered;
      },
      policy: { lane: { rateLimits: perLane(4, 1_000) } },
    });
    for (const user of numbers(8)) deliver(trackOf(`user ${user}`, user === 2 || user === 7 ? 'Poison' : 'A'));
    await clock.runOut();
    expect(mostInAnyWindow(taken, 1_000)).toBeLessThanOrEqual(4);
    expect(outcomes.map((outcome) => outcome?.type)).toEqual(
      numbers(8).map((user) => (user === 2 || user === 7 ? 'rejected' : 'delivered')),
    );
  });

  it('holds for them also where others used it up meanwhile', async () => {
    const taken: Attempt[] = [];
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: async (attempt) => {
        await clock.sleep(100);
        if (attempt.items.join().includes('Poison')) return refused;
        taken.push(attempt);
        return delivered;
      },
      policy: { lane: { lingerMs: 0, rateLimits: perLane(10, 60_000) } },
    });
    for (const user of numbers(10)) deliver(trackOf(`searched ${user}`, user === 9 ? 'Poison' : 'A'));
    await clock.advance(110);
    for (const user of numbers(5)) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(50_000);
    expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(10);
    await clock.runOut();
    expect(mostInAnyWindow(taken, 60_000)).toBe(10);
    expect(outcomes.filter((outcome) => outcome?.type === 'delivered')).toHaveLength(14);
  });

  it('does not starve what is searched for a culprit, however much else there is to send', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: async ({ items }) => {
        await clock.sleep(items.join().includes('searched') ? 300 : 5);
        return items.join().includes('Poison') ? refused : delivered;
      },
      policy: { lane: { lingerMs: 0, rateLimits: perLane(20, 1_000) } },
    });
    for (const user of numbers(4)) {
      deliver(trackOf(`user ${user}`, 'A'));
      await clock.advance(1);
    }
    for (const user of numbers(10)) deliver(trackOf(`searched ${user}`, user === 0 ? 'Poison' : 'A'));
    // More than the limit lets through, one by one.
    for (const user of numbers(150)) {
      deliver(trackOf(`other ${user}`, 'A'));
      await clock.advance(40);
    }
    expect(outcomes.slice(4, 14).map((outcome) => outcome?.type)).toEqual([
      'rejected',
      ...numbers(9).map(() => 'delivered'),
    ]);
  });
});

describe('the rate limit of an identity', () => {
  it('has it wait, in its order, while everybody else goes on', async () => {
    const { clock, deliver, attempts, outcomes, lanes, heard } = recordedDelivery({
      policy: { lane: { rateLimits: perIdentity(3, 60_000) } },
    });
    for (const index of numbers(9)) deliver(trackOf('hot', `H${index}`));
    await clock.advance(1_000);
    for (const user of numbers(5)) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(1_000);
    expect(outcomes.map((outcome) => outcome?.type === 'delivered')).toEqual([
      ...[true, true, true, false, false, false, false, false, false],
      ...numbers(5).map(() => true),
    ]);
    expect(lanes()).toMatchObject([{ state: 'limited', limitedIdentities: 1, backlog: 6 }]);
    await clock.runOut();
    const hot = attempts.flatMap(({ at, items }) =>
      items.flatMap((text) => {
        const { identity, event } = JSON.parse(text) as { readonly identity: string; readonly event: string };
        return identity === 'hot' ? [`${at} ${event}`] : [];
      }),
    );
    expect(hot).toEqual(numbers(9).map((index) => `${250 + 60_000 * Math.floor(index / 3)} H${index}`));
    // One wait is told once.
    expect(heard.waits).toEqual(['11 identity_limit 60000', '11 identity_limit 60000']);
  });

  it('does not make the requests of everybody else smaller', async () => {
    const { clock, deliver, attempts } = recordedDelivery({ policy: { lane: { rateLimits: perIdentity(2, 60_000) } } });
    for (const index of numbers(40)) deliver(trackOf('hot', `H${index}`));
    await clock.advance(1_000);
    const before = attempts.length;
    for (const user of numbers(5)) {
      deliver(trackOf(`user ${user}`, 'A'));
      await clock.advance(20);
    }
    await clock.advance(1_000);
    expect(attempts.slice(before).map(({ items }) => items.length)).toEqual([5]);
  });

  it('does not make requests smaller either where a user has much behind a request in flight', async () => {
    const { clock, deliver, attempts } = recordedDelivery({
      answer: ({ items }) => (items.join().includes('busy') ? new Promise(() => undefined) : delivered),
    });
    for (const index of numbers(30)) deliver(trackOf('busy', `B${index}`));
    await clock.advance(1_000);
    const before = attempts.length;
    for (const user of numbers(5)) {
      deliver(trackOf(`user ${user}`, 'A'));
      await clock.advance(20);
    }
    await clock.advance(2_000);
    expect(attempts.slice(before).map(({ items }) => items.length)).toEqual([5]);
  });

  it('is never passed, and everything arrives, whatever comes when and however long answers take', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(3), fc.constantFrom(0, 0, 0, 50, 400, 1_500)), {
          minLength: 1,
          maxLength: 60,
          size: 'max',
        }),
        fc.array(fc.constantFrom(1, 30, 700), { minLength: 1, maxLength: 8, size: 'max' }),
        async (events, latencies) => {
          const windows = { lane: 1_000, identity: 5_000 };
          let turn = 0;
          const { clock, deliver, attempts, outcomes } = recordedDelivery({
            answer: async () => {
              await clock.sleep(latencies[(turn += 1) % latencies.length] ?? 1);
              return delivered;
            },
            policy: {
              lane: {
                rateLimits: {
                  track: {
                    perLane: { max: 6, windowMs: windows.lane },
                    perKey: { max: 3, windowMs: windows.identity, per: 'item' },
                  },
                },
              },
            },
          });
          for (const [user, ms] of events) {
            deliver(trackOf(`user ${user}`, 'A'));
            await clock.advance(ms);
          }
          await clock.runOut();
          expect(outcomes).toEqual(events.map(() => delivered));
          expect(mostInAnyWindow(attempts, windows.lane)).toBeLessThanOrEqual(6);
          for (const user of numbers(4)) {
            const own = attempts.map((attempt) => ({
              ...attempt,
              items: attempt.items.filter((text) => text.includes(`"user ${user}"`)),
            }));
            expect(mostInAnyWindow(own, windows.identity)).toBeLessThanOrEqual(3);
          }
          expect(clock.sleeping).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);
});
