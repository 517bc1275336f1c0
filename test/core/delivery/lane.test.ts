import { describe, expect, it } from '@jest/globals';

import type { RequestRules } from '../../../src/core/batching/request-rules.js';
import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { lanePolicy } from '../../support/delivery-policy.js';
import { identifyOf, laneTo, trackOf, userPropertiesOf } from '../../support/operations.js';
import { deferred, delivered, failed, recordedDelivery, throttled } from '../../support/recorded-delivery.js';
import { settled } from '../../support/virtual-clock.js';

describe('a lane', () => {
  it('lets the first operation wait for company as long as it may, and sends them together', async () => {
    const { clock, attempts, deliver, outcomes, lanes } = recordedDelivery();
    deliver(trackOf('ann', 'A'));
    await clock.advance(249);
    deliver(trackOf('bob', 'B'));
    expect(attempts).toEqual([]);
    expect(lanes()).toMatchObject([{ state: 'lingering', backlog: 2, oldestAgeMs: 249 }]);
    await clock.advance(1);
    expect(attempts).toMatchObject([{ at: 250, kind: 'track', items: { length: 2 } }]);
    expect(outcomes).toEqual([delivered, delivered]);
    expect(lanes()).toMatchObject([{ state: 'idle', backlog: 0, backlogBytes: 0, oldestAgeMs: 0, inFlight: 0 }]);
    expect(clock.sleeping).toBe(0);
  });

  it('tells how long after its acceptance each operation arrived', async () => {
    const { clock, deliver, heard } = recordedDelivery();
    deliver(trackOf('ann', 'A'));
    await clock.advance(100);
    deliver(trackOf('bob', 'B'));
    await clock.advance(150);
    expect(heard.deliveredAfter).toEqual(['track 0.25', 'track 0.15']);
  });

  it('sends a full request at once', async () => {
    const { clock, attempts, deliver } = recordedDelivery();
    for (let index = 0; index < 10; index += 1) deliver(trackOf('ann', `E${index}`));
    await settled();
    expect(attempts).toMatchObject([{ at: 0, items: { length: 10 } }]);
    expect(clock.sleeping).toBe(0);
  });

  it('sends at once what fills a request by its bytes', async () => {
    const { times, deliver } = recordedDelivery({ policy: { lane: { batch: { maxItems: 10, maxBytes: 500 } } } });
    for (let index = 0; index < 5; index += 1) deliver(trackOf('ann', `E${index}`, { text: 'x'.repeat(100) }));
    await settled();
    expect(times()[0]).toBe(0);
  });

  it('stops waiting for company when the operation comes that fills the request', async () => {
    const { clock, attempts, deliver } = recordedDelivery();
    for (let index = 0; index < 9; index += 1) deliver(trackOf('ann', `E${index}`));
    await clock.advance(100);
    expect(attempts).toEqual([]);
    deliver(trackOf('ann', 'E9'));
    await settled();
    expect(attempts).toMatchObject([{ at: 100, items: { length: 10 } }]);
  });

  it('lets what arrives while it sends linger from its own arrival on', async () => {
    const answer = deferred<SendOutcome>();
    const { clock, times, deliver } = recordedDelivery({ answer: () => answer.promise });
    deliver(trackOf('ann', 'A'));
    await clock.advance(250);
    deliver(trackOf('bob', 'B'));
    await clock.advance(100);
    answer.resolve(delivered);
    await clock.runOut();
    expect(times()).toEqual([250, 500]);
  });

  it('is patient with a request that is not full while one is in flight, but not for ever', async () => {
    const { clock, times, deliver } = recordedDelivery({ answer: () => new Promise(() => undefined) });
    deliver(trackOf('ann', 'A'));
    await clock.advance(300);
    deliver(trackOf('bob', 'B'));
    await clock.advance(499);
    expect(times()).toEqual([250]);
    await clock.advance(1);
    expect(times()).toEqual([250, 800]);
  });

  it('is the more patient the longer an answer usually takes', async () => {
    let isSlow = true;
    const { clock, times, deliver } = recordedDelivery({
      answer: async () => {
        await clock.sleep(isSlow ? 400 : 60_000);
        return delivered;
      },
    });
    deliver(trackOf('ann', 'A'));
    await clock.advance(1_000);
    isSlow = false;
    deliver(trackOf('ann', 'B'));
    await clock.advance(300);
    deliver(trackOf('bob', 'C'));
    await clock.advance(5_000);
    expect(times()).toEqual([250, 1_250, 1_300 + 250 + 400]);
  });

  it('sends a full request at once although others are in flight', async () => {
    const { clock, times, sizes, deliver } = recordedDelivery({ answer: () => new Promise(() => undefined) });
    for (let user = 0; user < 25; user += 1) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(0);
    expect([times(), sizes()]).toEqual([
      [0, 0],
      [10, 10],
    ]);
    await clock.advance(500);
    expect([times(), sizes()]).toEqual([
      [0, 0, 500],
      [10, 10, 5],
    ]);
  });

  it('sends who somebody is, then what is known of them, then what they did, whatever the order they came in', async () => {
    const { clock, attempts, deliver } = recordedDelivery();
    deliver(trackOf('ann', 'Signed Up'));
    deliver(userPropertiesOf('ann', { plan: 'pro' }));
    deliver(identifyOf('7', 'ann'));
    await clock.runOut();
    expect(attempts.map(({ kind }) => kind)).toEqual(['identify', 'addUserProperties', 'track']);
  });

  it('sends nothing of somebody before what came first is settled, failures and all', async () => {
    const replies = [failed, failed, delivered, failed, delivered, delivered];
    const { clock, attempts, deliver } = recordedDelivery({ answer: () => replies.shift() ?? delivered });
    deliver(identifyOf('7', 'ann'), userPropertiesOf('ann', { plan: 'pro' }));
    deliver(trackOf('ann', 'Signed Up'));
    await clock.runOut();
    expect(attempts.map(({ kind }) => kind)).toEqual([
      'identify',
      'identify',
      'identify',
      'addUserProperties',
      'addUserProperties',
      'track',
    ]);
  });

  it('does not let one user wait for another whose request hangs', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ items }) => (items.join().includes('ann') ? new Promise(() => undefined) : delivered),
    });
    deliver(identifyOf('7', 'ann'));
    deliver(trackOf('ann', 'A'));
    await clock.advance(250);
    deliver(userPropertiesOf('bob', { plan: 'pro' }));
    deliver(trackOf('bob', 'B'));
    await clock.advance(1_000);
    expect(outcomes).toEqual([undefined, undefined, delivered, delivered]);
  });

  it('sends identities of one user_id in order and those of others side by side', async () => {
    const open: { readonly item: string; readonly resolve: (outcome: SendOutcome) => void }[] = [];
    const { clock, deliver } = recordedDelivery({
      answer: ({ items }) => {
        const { promise, resolve } = deferred<SendOutcome>();
        open.push({ item: items.join(), resolve });
        return promise;
      },
    });
    deliver(identifyOf('7', 'ann'));
    deliver(identifyOf('8', 'bob'));
    deliver(identifyOf('7', 'ann@home'));
    await clock.advance(250);
    expect(open.map(({ item }) => item)).toEqual([
      '{"user_id":"7","identity":"ann"}',
      '{"user_id":"8","identity":"bob"}',
    ]);
    open[1]?.resolve(delivered);
    await settled();
    expect(open).toHaveLength(2);
    open[0]?.resolve(delivered);
    await clock.runOut();
    expect(open.at(-1)?.item).toBe('{"user_id":"7","identity":"ann@home"}');
  });

  it('has no more requests in flight than it may, and not more than half of those of its host', async () => {
    for (const [concurrency, limit, most] of [
      [4, 20, 4],
      [4, 6, 3],
      [4, 1, 1],
    ] as const) {
      let inFlight = 0;
      let highest = 0;
      const { clock, deliver, outcomes } = recordedDelivery({
        answer: async () => {
          highest = Math.max(highest, (inFlight += 1));
          await clock.sleep(50);
          inFlight -= 1;
          return delivered;
        },
        policy: {
          lane: { concurrency },
          host: {
            concurrency: { min: 1, initial: limit, max: limit, decreaseRatio: 0.75, failureShare: 1, latencyFactor: 9 },
          },
        },
      });
      for (let user = 0; user < 30; user += 1) deliver(identifyOf(String(user), `user ${user}`));
      await clock.runOut();
      expect(outcomes).toEqual(Array.from({ length: 30 }, () => delivered));
      expect(highest).toBe(most);
    }
  });

  it('has as many in flight as it may as soon as it may, when much waits', async () => {
    let isThrottled = true;
    const { clock, deliver, times, sizes } = recordedDelivery({
      answer: async () => {
        await clock.sleep(400);
        return isThrottled ? { ...throttled, afterMs: 5_000 } : delivered;
      },
      policy: { lane: { concurrency: 3 } },
      random: () => 0,
    });
    deliver(trackOf('ann', 'A'));
    await clock.advance(1_000);
    isThrottled = false;
    for (let user = 0; user < 40; user += 1) deliver(trackOf(`user ${user}`, 'A'));
    await clock.runOut();
    // One to see that it works, the size of which is 1; then twice as large each time.
    expect(times().slice(1, 5)).toEqual([5_650, 6_050, 6_050, 6_050]);
    expect(sizes().slice(1, 5)).toEqual([1, 2, 2, 2]);
  });

  it('lets events go in between where there are always more merges than it can send', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: async () => {
        await clock.sleep(100);
        return delivered;
      },
      maxBacklog: 10_000,
    });
    deliver(trackOf('eve', 'A'));
    for (let user = 0; user < 600; user += 1) {
      deliver(identifyOf(String(user), `user ${user}`));
      deliver(identifyOf(`other ${user}`, `other ${user}`));
      await clock.advance(20);
    }
    expect(outcomes[0]).toEqual(delivered);
    await clock.runOut();
  });

  it('rejects an operation that is too large for any request, and delivers its neighbours', async () => {
    const { clock, deliver, outcomes, router } = recordedDelivery({
      policy: { lane: { batch: { maxItems: 10, maxBytes: 300 } } },
    });
    deliver(trackOf('ann', 'A'));
    deliver(trackOf('ann', 'B', { text: 'x'.repeat(300) }));
    deliver(trackOf('ann', 'C'));
    await clock.runOut();
    expect(outcomes).toEqual([
      delivered,
      {
        type: 'rejected',
        reason: 'operation_too_large',
        detail: 'one operation alone is over the 300 bytes of a request',
      },
      delivered,
    ]);
    expect([router.backlog, router.backlogBytes]).toEqual([0, 0]);
  });

  it('delivers what comes after an operation that is too large', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      policy: { lane: { batch: { maxItems: 10, maxBytes: 300 } } },
    });
    deliver(trackOf('ann', 'A', { text: 'x'.repeat(300) }));
    deliver(trackOf('bob', 'B'));
    await clock.advance(lanePolicy.lingerMs);
    expect(outcomes[1]).toEqual(delivered);
  });

  it('tells of a fault in the making of a request, loses nothing by it, and does not try without a pause', async () => {
    const fault = new Error('cannot be wrapped');
    let isBroken = true;
    let calls = 0;
    const rules: RequestRules = {
      ...heapRequestRules,
      track: {
        ...heapRequestRules.track,
        wrap: (target, items) => {
          calls += 1;
          if (isBroken && target.appId === '11') throw fault;
          return heapRequestRules.track.wrap(target, items);
        },
      },
    };
    const { clock, deliver, outcomes, heard, router } = recordedDelivery({ rules });
    deliver(trackOf('ann', 'A'), trackOf('ann', 'B'));
    deliver(trackOf('bob', 'C', {}, laneTo('12')));
    await clock.advance(10_000);
    expect([outcomes, heard.faults[0]]).toEqual([[undefined, delivered], fault]);
    expect(calls).toBeLessThan(100);
    isBroken = false;
    deliver(trackOf('eve', 'D'));
    await clock.advance(20_000);
    expect(outcomes).toEqual([delivered, delivered, delivered]);
    expect(await router.close(1_000)).toEqual([]);
  });

  it('can be stopped after such a fault', async () => {
    const rules: RequestRules = {
      ...heapRequestRules,
      track: {
        ...heapRequestRules.track,
        wrap: () => {
          throw new Error('cannot be wrapped');
        },
      },
    };
    const { clock, deliver, outcomes, router } = recordedDelivery({ rules });
    deliver(trackOf('ann', 'A'));
    await clock.advance(1_000);
    let isClosed = false;
    void router.close(1_000).then(() => (isClosed = true));
    await clock.advance(1_000);
    expect([isClosed, outcomes, clock.sleeping]).toEqual([true, [{ type: 'abandoned' }], 0]);
  });

  it('never sends for another one', async () => {
    const { clock, deliver, attempts } = recordedDelivery();
    deliver(trackOf('ann', 'A'));
    deliver(trackOf('ann', 'B', {}, laneTo('12')));
    await clock.runOut();
    expect(attempts.map(({ appId, items }) => [appId, items.length])).toEqual([
      ['11', 1],
      ['12', 1],
    ]);
  });
});

describe('writes of one user', () => {
  it('are one write in which the last value wins, and settle together', async () => {
    const { clock, attempts, deliver, outcomes } = recordedDelivery();
    deliver(userPropertiesOf('ann', { plan: 'free', age: 3 }));
    deliver(userPropertiesOf('bob', { plan: 'x' }));
    deliver(userPropertiesOf('ann', { plan: 'pro' }));
    await clock.runOut();
    expect(attempts.map(({ items }) => items)).toEqual([
      ['{"identity":"ann","properties":{"plan":"pro","age":3}}', '{"identity":"bob","properties":{"plan":"x"}}'],
    ]);
    expect(outcomes).toEqual([delivered, delivered, delivered]);
  });

  it('are written behind each other where they come after the first one left', async () => {
    const { clock, attempts, deliver } = recordedDelivery({
      answer: async () => {
        await clock.sleep(1_000);
        return delivered;
      },
    });
    deliver(userPropertiesOf('ann', { plan: 'free' }));
    await clock.advance(300);
    deliver(userPropertiesOf('ann', { plan: 'pro' }));
    await clock.runOut();
    expect(attempts.map(({ at, items }) => [at, items.join()])).toEqual([
      [250, '{"identity":"ann","properties":{"plan":"free"}}'],
      [1_250, '{"identity":"ann","properties":{"plan":"pro"}}'],
    ]);
  });

  it('that say again who somebody is are sent once, as long as they wait', async () => {
    const { clock, attempts, deliver, outcomes } = recordedDelivery({
      answer: async () => {
        await clock.sleep(100);
        return delivered;
      },
    });
    for (let repeat = 0; repeat < 5; repeat += 1) deliver(identifyOf('7', 'ann'));
    deliver(identifyOf('7', 'ann@home'));
    deliver(identifyOf('7', 'ann'));
    await clock.runOut();
    // One merge is a full request: the first one leaves at once.
    expect(attempts.map(({ at, items }) => [at, items.join()])).toEqual([
      [0, '{"user_id":"7","identity":"ann"}'],
      [100, '{"user_id":"7","identity":"ann"}'],
      [200, '{"user_id":"7","identity":"ann@home"}'],
      [300, '{"user_id":"7","identity":"ann"}'],
    ]);
    expect(outcomes).toEqual(Array.from({ length: 7 }, () => delivered));
  });
});
