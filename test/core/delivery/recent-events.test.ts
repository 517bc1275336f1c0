import { describe, expect, it } from '@jest/globals';

import { RecentEvents } from '../../../src/core/delivery/recent-events.js';
import type { EventOutcome } from '../../../src/core/delivery/ticket.js';
import { deferred } from '../../support/recorded-delivery.js';
import { settled } from '../../support/virtual-clock.js';

const delivered: EventOutcome = { type: 'delivered' };
const rejected: EventOutcome = { type: 'rejected', reason: 'heap_rejected', detail: 'HTTP 400' };
const abandoned: EventOutcome = { type: 'abandoned' };

describe('events that were seen lately', () => {
  it('are delivered once while they are on their way, and all who ask get the one outcome', async () => {
    const recent = new RecentEvents();
    const { promise, resolve } = deferred<EventOutcome>();
    let deliveries = 0;
    const share = (): Promise<EventOutcome> =>
      recent.share('m-1', () => {
        deliveries += 1;
        return promise;
      });
    const outcomes = Promise.all([share(), share(), share()]);
    await settled();
    resolve(rejected);
    expect(await outcomes).toEqual([rejected, rejected, rejected]);
    expect(deliveries).toBe(1);
  });

  it('are not delivered again once they were', async () => {
    const recent = new RecentEvents();
    await recent.share('m-1', () => Promise.resolve(delivered));
    expect(await recent.share('m-1', () => Promise.reject(new Error('delivered again')))).toEqual(delivered);
  });

  it.each([rejected, abandoned])('are delivered again after %j: it may be different then', async (outcome) => {
    const recent = new RecentEvents();
    await recent.share('m-1', () => Promise.resolve(outcome));
    expect(await recent.share('m-1', () => Promise.resolve(delivered))).toEqual(delivered);
  });

  it('are told apart by their keys', async () => {
    const recent = new RecentEvents();
    await recent.share('m-1', () => Promise.resolve(delivered));
    expect(await recent.share('m-2', () => Promise.resolve(rejected))).toEqual(rejected);
  });

  it('are remembered, the latest 100,000 at least, and forgotten in the end, but never on their way', async () => {
    const recent = new RecentEvents();
    /** It stays as unknown as it was: what is not delivered is not remembered. */
    const isKnown = async (key: string): Promise<boolean> => {
      let isNew = false;
      await recent.share(key, () => {
        isNew = true;
        return Promise.resolve(abandoned);
      });
      return !isNew;
    };
    const { promise, resolve } = deferred<EventOutcome>();
    const slow = recent.share('slow', () => promise);
    const total = 200_000;
    for (let number = 0; number < total - 1; number += 1) {
      void recent.share(`m-${number}`, () => Promise.resolve(delivered));
    }
    await settled();
    expect(await isKnown('m-0')).toBe(true);
    await recent.share(`m-${total - 1}`, () => Promise.resolve(delivered));
    expect(await isKnown('m-0')).toBe(false);
    expect(await isKnown(`m-${total - 100_001}`)).toBe(false);
    expect(await isKnown(`m-${total - 100_000}`)).toBe(true);
    expect(await isKnown(`m-${total - 1}`)).toBe(true);
    const again = recent.share('slow', () => Promise.reject(new Error('delivered again')));
    resolve(delivered);
    expect(await Promise.all([slow, again])).toEqual([delivered, delivered]);
  }, 60_000);
});
