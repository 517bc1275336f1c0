import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import type { EventOutcome } from '../../../src/core/delivery/ticket.js';
import { trackOf, userPropertiesOf } from '../../support/operations.js';
import {
  delivered,
  failed,
  halted,
  recordedDelivery,
  refused,
  throttled,
  tooLarge,
  type Attempt,
} from '../../support/recorded-delivery.js';

const rejected: EventOutcome = { type: 'rejected', reason: 'heap_rejected', detail: 'HTTP 400 bad' };
const tooLargeAlone: EventOutcome = { type: 'rejected', reason: 'heap_too_large', detail: 'HTTP 413' };

/** Refuses what contains this word. */
function refusing(word: string, otherwise: SendOutcome = delivered) {
  return ({ items }: Pick<Attempt, 'items'>): SendOutcome => (items.join().includes(word) ? refused : otherwise);
}

describe('a request that is refused as a whole', () => {
  it('costs the one operation to blame its delivery, in the words of the destination', async () => {
    const { clock, deliver, outcomes, heard, sizes, lanes } = recordedDelivery({ answer: refusing('Poison') });
    for (const event of ['A', 'B', 'Poison', 'C']) deliver(trackOf('ann', event));
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, rejected, delivered]);
    expect(sizes()).toEqual([4, 2, 1, 1]);
    expect(heard.splits).toEqual([2, 1, 1]);
    expect(heard.searches).toEqual(['11 track 1 in 4']);
    expect(lanes()).toMatchObject([{ state: 'idle', searches: 0, lastError: { detail: 'HTTP 400 bad' } }]);
  });

  it('of a hundred is searched in ten, whoever it is', async () => {
    for (const culprit of [0, 37, 99]) {
      const { clock, deliver, outcomes, attempts } = recordedDelivery({
        answer: refusing('Poison'),
        policy: { lane: { batch: { maxItems: 100, maxBytes: 100_000 } } },
      });
      for (let user = 0; user < 100; user += 1) deliver(trackOf(`user ${user}`, user === culprit ? 'Poison' : 'A'));
      await clock.runOut();
      expect(outcomes).toEqual(
        Array.from({ length: 100 }, (_unused, user) => (user === culprit ? rejected : delivered)),
      );
      expect(attempts.length).toBeLessThanOrEqual(10);
    }
  });

  it('holds up its own users while it is searched, and nobody else', async () => {
    const { clock, deliver, outcomes, lanes } = recordedDelivery({
      answer: async (attempt) => {
        await clock.sleep(1_000);
        return refusing('Poison')(attempt);
      },
    });
    for (const user of ['ann', 'bob', 'cid', 'eve']) deliver(trackOf(user, user === 'eve' ? 'Poison' : 'A'));
    await clock.advance(1_300);
    expect(lanes()).toMatchObject([{ searches: 1, inFlight: 1, backlog: 4 }]);
    deliver(trackOf('eve', 'Later'));
    deliver(trackOf('joe', 'B'));
    await clock.advance(2_400);
    // Eve's is found last; what she did later waits for that.
    expect(outcomes).toEqual([delivered, delivered, delivered, undefined, undefined, delivered]);
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, delivered, rejected, delivered, delivered]);
  });

  it('is made anew and smaller when a piece of it fails, and the search begins where that is refused', async () => {
    let failures = 2;
    const { clock, deliver, outcomes, sizes, times } = recordedDelivery({
      answer: (attempt) => {
        if (attempt.items.length === 2 && failures > 0) {
          failures -= 1;
          return failed;
        }
        return refusing('Poison')(attempt);
      },
    });
    for (const event of ['A', 'B', 'C', 'Poison']) deliver(trackOf('ann', event));
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, delivered, rejected]);
    expect(sizes()).toEqual([4, 2, 1, 2, 1, 2, 1, 1]);
    expect(times()).toEqual([250, 250, 750, 750, 1_250, 1_250, 1_250, 1_250]);
  });

  it('goes on without the operation that the destination fails on, and without the one that it refuses', async () => {
    const { clock, deliver, outcomes, router } = recordedDelivery({
      answer: (attempt) =>
        attempt.items.some((item) => item.includes('Choke')) ? failed : refusing('Poison')(attempt),
    });
    const people = ['A', 'Poison', 'C', 'D', 'Choke', 'F', 'G', 'H'];
    people.forEach((event, index) => {
      deliver(trackOf(`user ${index}`, event));
    });
    await clock.advance(600_000);
    expect(outcomes.map((outcome) => outcome?.type)).toEqual([
      'delivered',
      'rejected',
      'delivered',
      'delivered',
      undefined,
      'delivered',
      'delivered',
      'delivered',
    ]);
    expect(router.backlog).toBe(1);
    router.abort();
  });

  it.each([
    ['throttled', throttled],
    ['halted', halted],
  ])('is found out although the lane was %s meanwhile', async (_name, mishap) => {
    const mishaps = [mishap, mishap];
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: (attempt) => (attempt.items.length === 4 ? refused : (mishaps.shift() ?? refusing('Poison')(attempt))),
    });
    for (const event of ['A', 'B', 'Poison', 'C']) deliver(trackOf('ann', event));
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, rejected, delivered]);
  });

  it('is searched no more when its operations are too old: they are given up, and the young ones go on', async () => {
    let isDown = false;
    const { clock, deliver, outcomes, lanes } = recordedDelivery({
      answer: (attempt) => {
        if (isDown) return failed;
        isDown = attempt.items.length > 1;
        return refused;
      },
      policy: { lane: { maxAgeMs: 10_000 } },
    });
    for (const user of ['ann', 'bob']) deliver(trackOf(user, 'A'));
    await clock.advance(5_000);
    deliver(trackOf('ann', 'Young'));
    await clock.advance(9_000);
    expect(outcomes).toMatchObject([{ reason: 'expired' }, { reason: 'expired' }, undefined]);
    expect(lanes()).toMatchObject([{ searches: 0, backlog: 1 }]);
    await clock.runOut();
    expect(outcomes[2]).toMatchObject({ reason: 'expired' });
  });

  it('is found out however old its operations are, where only the setting was wrong', async () => {
    let isWrong = false;
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: (attempt) => {
        if (isWrong) return halted;
        isWrong = attempt.items.length === 4;
        return refusing('Poison')(attempt);
      },
      policy: { lane: { maxAgeMs: 10_000 } },
    });
    for (const event of ['A', 'B', 'C', 'Poison']) deliver(trackOf('ann', event));
    await clock.advance(200_000);
    expect(outcomes).toEqual([undefined, undefined, undefined, undefined]);
    isWrong = false;
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, delivered, rejected]);
  });

  it('is found out where a piece of it is an operation that fails alone, which waits by itself', async () => {
    const { clock, deliver, attempts, outcomes, router, sentTwice } = recordedDelivery({
      answer: async ({ items }) => {
        await clock.sleep(50);
        if (items.join().includes('Poison')) return refused;
        return items.join().includes('Choke') ? failed : delivered;
      },
    });
    // It fails twice, bob's is delivered, and then it travels with what is refused.
    deliver(trackOf('ann', 'Choke'));
    await clock.advance(400);
    deliver(trackOf('bob', 'A'));
    await clock.advance(700);
    deliver(trackOf('cid', 'Poison'));
    await clock.advance(810);
    for (let user = 0; user < 1_000; user += 1) {
      deliver(trackOf(`user ${user}`, 'A'));
      if (user % 10 === 9) await clock.advance(20);
    }
    const choked = attempts.filter(({ items }) => items.join().includes('Choke'));
    expect(choked.slice(0, 4).map(({ at, items }) => [at, items.length])).toEqual([
      [250, 1],
      [800, 1],
      [1_900, 2],
      [1_950, 1],
    ]);
    // Others are delivered all the time, and it waits for its own back-off: two seconds, half of the longest.
    expect(choked[4]?.at ?? Infinity).toBeGreaterThanOrEqual(3_000);
    expect([sentTwice, outcomes[2]]).toEqual([[], rejected]);
    router.abort();
  });

  it('is searched no more for those that had their last attempt; the others wait again', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ items }) => {
        if (items.length === 4) return refused;
        return items.join().includes('Choke') ? failed : delivered;
      },
      policy: { lane: { maxAttempts: 3 } },
    });
    for (const event of ['A', 'Choke', 'B', 'C']) deliver(trackOf(event, event));
    await clock.runOut();
    expect(outcomes[1]).toEqual({ type: 'rejected', reason: 'attempts_exhausted', detail: 'HTTP 503' });
    expect(outcomes.slice(2)).toEqual([delivered, delivered]);
  });

  it('blames nobody who was not refused alone, wherever the culprits are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.boolean()), { minLength: 1, maxLength: 30, size: 'max' }),
        async (events) => {
          const alone = new Set<string>();
          const { clock, deliver, outcomes } = recordedDelivery({
            answer: (attempt) => {
              const outcome = refusing('Poison')(attempt);
              if (outcome.type === 'rejected' && attempt.items.length === 1) alone.add(attempt.items[0] ?? '');
              return outcome;
            },
          });
          const operations = events.map(([user, isBad], index) =>
            trackOf(`user ${user}`, `${isBad ? 'Poison' : 'A'} ${index}`),
          );
          for (const operation of operations) deliver(operation);
          await clock.runOut();
          expect(outcomes).toEqual(events.map(([, isBad]) => (isBad ? rejected : delivered)));
          expect(operations.filter(({ text }) => alone.has(text))).toHaveLength(
            events.filter(([, isBad]) => isBad).length,
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a merged write that is refused alone', () => {
  it('is taken apart, so that only the write to blame is given up', async () => {
    const { clock, attempts, deliver, outcomes } = recordedDelivery({ answer: refusing('age') });
    deliver(userPropertiesOf('ann', { plan: 'free' }));
    deliver(userPropertiesOf('ann', { age: 3 }));
    deliver(userPropertiesOf('ann', { plan: 'pro' }));
    await clock.runOut();
    expect(attempts.map(({ items }) => items)).toEqual([
      ['{"identity":"ann","properties":{"plan":"pro","age":3}}'],
      ['{"identity":"ann","properties":{"plan":"free","age":3}}'],
      ['{"identity":"ann","properties":{"plan":"free"}}'],
      ['{"identity":"ann","properties":{"age":3}}'],
      ['{"identity":"ann","properties":{"plan":"pro"}}'],
    ]);
    expect(outcomes).toEqual([delivered, rejected, delivered]);
  });

  it('is taken apart where it was one of many, too', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({ answer: refusing('age') });
    for (const user of ['ann', 'bob', 'cid']) deliver(userPropertiesOf(user, { plan: 'free' }));
    deliver(userPropertiesOf('bob', { age: 3 }));
    deliver(userPropertiesOf('bob', { plan: 'pro' }));
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, delivered, rejected, delivered]);
  });

  it('is taken apart where it was too large', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ request }) => (request.bytes > 150 ? tooLarge : delivered),
    });
    deliver(userPropertiesOf('ann', { a: 'x'.repeat(80) }));
    deliver(userPropertiesOf('ann', { b: 'x'.repeat(80) }));
    deliver(userPropertiesOf('ann', { c: 'x'.repeat(200) }));
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, tooLargeAlone]);
  });

  it('keeps its order: what was written behind it is last, and events come after what was known before them', async () => {
    const written: string[] = [];
    const { clock, deliver } = recordedDelivery({
      answer: async (attempt) => {
        await clock.sleep(100);
        const outcome = refusing('age')(attempt);
        if (outcome.type === 'delivered') written.push(...attempt.items);
        return outcome;
      },
    });
    deliver(userPropertiesOf('ann', { plan: 'one', age: 3 }));
    deliver(userPropertiesOf('ann', { plan: 'two' }));
    await clock.advance(300);
    deliver(userPropertiesOf('ann', { plan: 'three' }));
    deliver(trackOf('ann', 'Bought'));
    await clock.runOut();
    expect(written.map((text) => /two|three|Bought/.exec(text)?.[0])).toEqual(['two', 'three', 'Bought']);
  });
});

describe('a request that is too large', () => {
  const batch = { maxItems: 100, maxBytes: 100_000 };

  it('is made smaller, and so are the next ones', async () => {
    const { clock, deliver, outcomes, attempts } = recordedDelivery({
      answer: ({ request }) => (request.bytes > 6_000 ? tooLarge : delivered),
      policy: { lane: { batch, concurrency: 1 } },
    });
    const text = 'x'.repeat(200);
    for (let user = 0; user < 100; user += 1) deliver(trackOf(`user ${user}`, 'A', { text }));
    await clock.runOut();
    expect(outcomes).toEqual(Array.from({ length: 100 }, () => delivered));
    const refusals = attempts.filter(({ request }) => request.bytes > 6_000);
    // 25,000 bytes, then half of it, and so on.
    expect(refusals.length).toBe(3);
    const before = attempts.length;
    for (let user = 0; user < 100; user += 1) deliver(trackOf(`user ${user}`, 'B', { text }));
    await clock.runOut();
    for (const { request } of attempts.slice(before)) expect(request.bytes).toBeLessThanOrEqual(6_000);
  });

  it('is believed for ten minutes', async () => {
    let largest = 6_000;
    const { clock, deliver, attempts } = recordedDelivery({
      answer: ({ request }) => (request.bytes > largest ? tooLarge : delivered),
      policy: { lane: { batch } },
    });
    const fill = (event: string): void => {
      for (let user = 0; user < 100; user += 1) deliver(trackOf(`user ${user}`, event, { text: 'x'.repeat(200) }));
    };
    const mostSince = (index: number): number => Math.max(...attempts.slice(index).map(({ request }) => request.bytes));
    fill('A');
    await clock.advance(1_000);
    largest = Infinity;
    let before = attempts.length;
    await clock.advance(590_000);
    fill('B');
    await clock.advance(1_000);
    expect(mostSince(before)).toBeLessThanOrEqual(6_000);
    await clock.advance(10_000);
    before = attempts.length;
    fill('C');
    await clock.runOut();
    expect(mostSince(before)).toBeGreaterThan(20_000);
  });

  it('is cut by its items where there are few bytes in it, and not sent again as it was', async () => {
    const { clock, deliver, outcomes, attempts } = recordedDelivery({
      answer: ({ items }) => (items.length > 2 ? tooLarge : delivered),
    });
    for (let user = 0; user < 10; user += 1) deliver(trackOf(`user ${user}`, 'A'));
    await clock.runOut();
    expect(outcomes).toEqual(Array.from({ length: 10 }, () => delivered));
    expect(attempts.length).toBeLessThanOrEqual(10);
  });

  it('costs an operation that is too large by itself its delivery, and only that one', async () => {
    for (const length of [100, 3_000]) {
      const { clock, deliver, outcomes } = recordedDelivery({
        answer: ({ request }) => (request.body.includes('y'.repeat(length)) ? tooLarge : delivered),
        policy: { lane: { batch } },
      });
      for (const event of ['A', 'B', 'C']) deliver(trackOf(event, event, { text: 'x'.repeat(300) }));
      deliver(trackOf('ann', 'D', { text: 'y'.repeat(length) }));
      deliver(trackOf('bob', 'E', { text: 'x'.repeat(300) }));
      await clock.runOut();
      expect(outcomes).toEqual([delivered, delivered, delivered, tooLargeAlone, delivered]);
    }
  });

  it('comes to an end whatever size the destination takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 5_000 }),
        fc.array(fc.tuple(fc.nat(3), fc.nat(900), fc.boolean()), { minLength: 1, maxLength: 20, size: 'max' }),
        async (largest, events) => {
          const { clock, deliver, outcomes, router } = recordedDelivery({
            answer: ({ request }) => (request.bytes > largest ? tooLarge : delivered),
            policy: { lane: { batch } },
          });
          for (const [user, size, isTrack] of events) {
            const properties = { [`p${size}`]: 'x'.repeat(size) };
            deliver(isTrack ? trackOf(`user ${user}`, 'A', properties) : userPropertiesOf(`user ${user}`, properties));
          }
          await clock.runOut();
          expect(router.backlog).toBe(0);
          for (const outcome of outcomes) expect([delivered, tooLargeAlone]).toContainEqual(outcome);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a lane of which too much is refused for one reason', () => {
  const poison = { share: 0.3, atLeast: 10, window: 20 };
  const policy = { lane: { poison, batch: { maxItems: 40, maxBytes: 100_000 } } };

  function pausing() {
    const world = recordedDelivery({
      answer: ({ items }) => {
        if (items.some((text) => text.includes('Poison'))) return refused;
        if (items.some((text) => text.includes('Other'))) return { type: 'rejected', detail: 'HTTP 400 too odd' };
        return delivered;
      },
      policy,
    });
    return world;
  }

  it('pauses for a person, and what is undecided stays', async () => {
    const { clock, deliver, outcomes, lanes, heard, attempts } = pausing();
    for (let user = 0; user < 40; user += 1) deliver(trackOf(`user ${user}`, 'Poison'));
    await clock.advance(1_000);
    // Ten say something; all of them are refused.
    expect(outcomes.filter((outcome) => outcome?.type === 'rejected')).toHaveLength(10);
    expect(lanes()).toMatchObject([
      {
        state: 'paused',
        backlog: 30,
        searches: 0,
        inFlight: 0,
        nextAttemptMs: null,
        paused: { signature: 'HTTP # bad', rejected: 10, decided: 10 },
      },
    ]);
    expect(heard.paused).toEqual(['11 10/10 HTTP # bad']);
    // It did not come to its end.
    expect(heard.searches).toEqual([]);
    const before = attempts.length;
    deliver(trackOf('ann', 'A'));
    await clock.advance(10_000_000);
    expect([attempts.length, clock.sleeping, outcomes.at(-1)]).toEqual([before, 0, undefined]);
  });

  it('goes on when a person says so, and does not pause for that reason again', async () => {
    const { clock, deliver, outcomes, lanes, heard, router } = pausing();
    for (let user = 0; user < 40; user += 1) deliver(trackOf(`user ${user}`, user === 39 ? 'A' : 'Poison'));
    await clock.advance(1_000);
    expect(lanes()).toMatchObject([{ state: 'paused' }]);
    router.resume('us:11');
    expect(lanes()[0]?.paused).toBeNull();
    await clock.runOut();
    expect(outcomes.filter((outcome) => outcome?.type === 'rejected')).toHaveLength(39);
    expect(outcomes.at(-1)).toEqual(delivered);
    expect(lanes()).toMatchObject([{ state: 'idle', backlog: 0 }]);
    expect(heard.paused).toHaveLength(1);
    expect(heard.transitions).toEqual(['11 flowing > paused', '11 paused > flowing']);
  });

  it('pauses again for another reason', async () => {
    const { clock, deliver, lanes, heard, router } = pausing();
    for (let user = 0; user < 40; user += 1) deliver(trackOf(`user ${user}`, 'Poison'));
    await clock.advance(1_000);
    router.resume('us:11');
    await clock.advance(1_000);
    for (let user = 0; user < 40; user += 1) deliver(trackOf(`user ${user}`, 'Other'));
    await clock.advance(1_000);
    expect(lanes()).toMatchObject([{ state: 'paused', paused: { signature: 'HTTP # too odd' } }]);
    expect(heard.paused).toHaveLength(2);
  });

  it('does not pause for a few culprits among many', async () => {
    const { clock, deliver, outcomes, heard } = pausing();
    for (let user = 0; user < 200; user += 1) deliver(trackOf(`user ${user}`, user % 10 === 9 ? 'Poison' : 'A'));
    await clock.runOut();
    expect(heard.paused).toEqual([]);
    expect(outcomes.filter((outcome) => outcome?.type === 'rejected')).toHaveLength(20);
  });

  it('takes what is answered after it paused for what it is', async () => {
    const { clock, deliver, outcomes, lanes } = recordedDelivery({
      answer: async ({ items }) => {
        const text = items.join();
        await clock.sleep(text.includes('Slow') ? 5_000 : 10);
        if (text.includes('Poison')) return refused;
        return text.includes('Fails') ? failed : delivered;
      },
      policy: { lane: { poison, batch: { maxItems: 10, maxBytes: 100_000 } } },
    });
    for (let user = 0; user < 10; user += 1) deliver(trackOf(`slow ${user}`, 'Slow'));
    for (let user = 0; user < 10; user += 1) deliver(trackOf(`slower ${user}`, 'Slow Fails'));
    for (let user = 0; user < 10; user += 1) deliver(trackOf(`user ${user}`, 'Poison'));
    await clock.advance(1_000);
    expect(lanes()).toMatchObject([{ state: 'paused', inFlight: 2, backlog: 20 }]);
    await clock.advance(5_000);
    expect(lanes()).toMatchObject([{ state: 'paused', inFlight: 0, backlog: 10 }]);
    expect(outcomes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => delivered));
    expect(outcomes.slice(10, 20)).toEqual(Array.from({ length: 10 }, () => undefined));
  });
});
