import { describe, expect, it } from '@jest/globals';

import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { trackOf, userPropertiesOf } from '../../support/operations.js';
import { delivered, failed, recordedDelivery, refused } from '../../support/recorded-delivery.js';

describe('an operation that the destination fails on, alone', () => {
  function withChoke(perSecond: number) {
    const run = recordedDelivery({
      answer: ({ items }) => (items.some((item) => item.includes('Choke')) ? failed : { type: 'delivered' }),
      maxBacklog: 100_000,
    });
    run.deliver(trackOf('choked', 'Choke'));
    return {
      ...run,
      seconds: async (count: number) => {
        for (let second = 0; second < count; second += 1) {
          for (let event = 0; event < perSecond; event += 1) run.deliver(trackOf(`u${second} ${event}`, 'Fine'));
          await run.clock.advance(1_000);
        }
      },
    };
  }

  it('waits by itself, longer and longer, while the others of its lane go on at their pace', async () => {
    const { seconds, attempts, outcomes, router } = withChoke(5);
    await seconds(600);
    // The first minute finds it out.
    expect(outcomes.slice(1, -5).every((outcome) => outcome?.type === 'delivered')).toBe(true);
    const choked = attempts.filter(({ items }) => items.some((item) => item.includes('Choke')));
    expect(choked.filter(({ at }) => at > 60_000).every(({ items }) => items.length === 1)).toBe(true);
    // At most one in half the longest back-off (8 s, always half of it here).
    expect(choked.filter(({ at }) => at > 60_000).length).toBeLessThanOrEqual(540 / 4);
    expect(router.snapshot().lanes[0]).toMatchObject({ backlog: 1, breaker: 'closed' });
    router.abort();
  });

  it('is taken for an outage of its lane where nothing else is delivered', async () => {
    const { clock, attempts, deliver, router } = recordedDelivery({ answer: () => failed });
    for (let user = 0; user < 50; user += 1) deliver(trackOf(`u${user}`, 'Fine'));
    await clock.advance(600_000);
    // One attempt per back-off of the lane, and not one per operation.
    expect(attempts.length).toBeLessThan(170);
    router.abort();
  });

  it('is delivered with what its user did after it once the destination takes it', async () => {
    let isChoking = true;
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ items }) =>
        isChoking && items.some((item) => item.includes('Choke')) ? failed : { type: 'delivered' },
    });
    for (const event of ['Choke', 'After']) deliver(trackOf('ann', event));
    for (let user = 0; user < 30; user += 1) {
      deliver(trackOf(`u${user}`, 'Fine'));
      await clock.advance(1_000);
    }
    expect(outcomes.slice(0, 2)).toEqual([undefined, undefined]);
    isChoking = false;
    await clock.advance(60_000);
    expect(outcomes.map((outcome) => outcome?.type)).toEqual(Array.from({ length: 32 }, () => 'delivered'));
  });
});

describe('an operation that chokes in a piece of a search', () => {
  it('is in one place only, and settled once', async () => {
    // All fail, two arrive, the others are refused, and the first of them fails alone.
    const answers = [failed, delivered, refused, failed];
    const { clock, deliver, outcomes, router } = recordedDelivery({
      answer: () => answers.shift() ?? delivered,
      policy: { lane: { batch: { maxItems: 4, maxBytes: 100_000 } } },
    });
    for (const user of ['a', 'b', 'c', 'd']) deliver(trackOf(user, user));
    await clock.runOut();
    expect(outcomes).toEqual([delivered, delivered, delivered, delivered]);
    expect(router.backlog).toBe(0);
  });
});

describe('writes that were merged into an item that is refused', () => {
  it('are halved until the one to blame is alone: a thousand in twenty-one requests', async () => {
    const { clock, deliver, outcomes, attempts } = recordedDelivery({
      answer: ({ items }) => (items.some((item) => item.includes('"bad"')) ? refused : { type: 'delivered' }),
      policy: { lane: { batch: { maxItems: 1_000, maxBytes: 1_000_000 } } },
      maxBacklog: 10_000,
    });
    for (let write = 0; write < 1_000; write += 1) {
      deliver(userPropertiesOf('ann', { [`p${write}`]: write === 617 ? 'bad' : 'good' }));
    }
    deliver(trackOf('ann', 'After'));
    await clock.runOut();
    const rejected = outcomes.flatMap((outcome, index) => (outcome?.type === 'rejected' ? [index] : []));
    expect(rejected).toEqual([617]);
    expect(outcomes).toHaveLength(1_001);
    // The whole, two for each halving at most, and the track.
    expect(attempts.length).toBeLessThanOrEqual(1 + 2 * 10 + 1);
    expect(attempts.at(-1)?.kind).toBe('track');
  });
});

describe('a fault of ours in the merging of writes', () => {
  it('is told, and costs nobody anything: they go one by one', async () => {
    const rules = {
      ...heapRequestRules,
      addUserProperties: {
        ...heapRequestRules.addUserProperties,
        merge: () => {
          throw new Error('no merging today');
        },
      },
    };
    const { clock, deliver, outcomes, heard, attempts } = recordedDelivery({ rules });
    for (const name of ['a', 'b', 'c']) deliver(userPropertiesOf('ann', { name }));
    deliver(trackOf('bob', 'Fine'));
    await clock.runOut();
    expect(outcomes.map((outcome) => outcome?.type)).toEqual(['delivered', 'delivered', 'delivered', 'delivered']);
    expect(attempts.filter(({ kind }) => kind === 'addUserProperties')).toHaveLength(3);
    expect(heard.faults).toHaveLength(1);
  });
});
