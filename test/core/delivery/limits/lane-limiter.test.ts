import { describe, expect, it } from '@jest/globals';

import { LaneLimiter, type RateLimits } from '../../../../src/core/delivery/limits/lane-limiter.js';
import type { RateLimit } from '../../../../src/core/delivery/limits/rate-window.js';

const perLane: RateLimit = { max: 20, windowMs: 1_000 };
const perKey: RateLimit = { max: 5, windowMs: 700 };
const limits = {
  bulk: { perLane, perKey: { ...perKey, per: 'item' } },
  single: { perKey: { ...perKey, per: 'request' } },
  lane: { perLane },
  open: {},
} as const satisfies RateLimits;

describe('the limiter of a lane', () => {
  it('has no limits for a kind without an entry, nor for what an entry leaves out', () => {
    const limiter = new LaneLimiter(limits);
    for (const kind of ['open', 'unknown', 'constructor', '__proto__']) {
      limiter.reserve(kind, 1_000_000, new Map([['ann', 1_000_000]])).settle(0, true);
      expect(limiter.laneRoom(kind, 0)).toBe(Number.POSITIVE_INFINITY);
      expect(limiter.laneWaitMs(kind, 1_000, 0)).toBe(0);
      expect(limiter.keyRoom(kind, 'ann', 0)).toBe(Number.POSITIVE_INFINITY);
      expect(limiter.keyWaitMs(kind, 'ann', 0)).toBe(0);
    }
    limiter.reserve('lane', 20, new Map([['ann', 20]]));
    expect(limiter.laneRoom('lane', 0)).toBe(0);
    expect(limiter.keyRoom('lane', 'ann', 0)).toBe(Number.POSITIVE_INFINITY);
    expect(limiter.laneRoom('single', 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('counts the items of a key, or the requests that contain it', () => {
    const limiter = new LaneLimiter(limits);
    limiter.reserve(
      'bulk',
      4,
      new Map([
        ['ann', 3],
        ['bob', 1],
      ]),
    );
    limiter.reserve(
      'single',
      4,
      new Map([
        ['ann', 3],
        ['bob', 1],
      ]),
    );
    expect(limiter.keyRoom('bulk', 'ann', 0)).toBe(2);
    expect(limiter.keyRoom('bulk', 'bob', 0)).toBe(4);
    expect(limiter.keyRoom('single', 'ann', 0)).toBe(Number.POSITIVE_INFINITY);
    for (let request = 0; request < 4; request += 1) limiter.reserve('single', 1, new Map([['ann', 1]]));
    expect(limiter.keyRoom('single', 'ann', 0)).toBe(0);
    expect(limiter.keyWaitMs('single', 'ann', 0)).toBe(Number.POSITIVE_INFINITY);
    expect(limiter.keyRoom('single', 'bob', 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps windows of their own for kinds, and for keys', () => {
    const limiter = new LaneLimiter({ one: limits.bulk, other: limits.bulk });
    limiter.reserve('one', 20, new Map([['ann', 5]])).settle(10, true);
    expect(limiter.laneRoom('one', 10)).toBe(0);
    expect(limiter.laneWaitMs('one', 1, 10)).toBe(1_000);
    expect(limiter.keyRoom('one', 'ann', 10)).toBe(0);
    expect(limiter.keyWaitMs('one', 'ann', 10)).toBe(700);
    expect(limiter.keyRoom('one', 'bob', 10)).toBe(5);
    expect(limiter.laneRoom('other', 10)).toBe(20);
    expect(limiter.keyRoom('other', 'ann', 10)).toBe(5);
  });

  it('says how long until so many items of a key fit together; a request counts once, however many it has', () => {
    const limiter = new LaneLimiter(limits);
    for (const kind of ['bulk', 'single']) {
      limiter.reserve(kind, 2, new Map([['ann', 2]])).settle(100, true);
      limiter.reserve(kind, 3, new Map([['ann', 3]])).settle(300, true);
    }
    expect([1, 2, 3, 5].map((count) => limiter.keyWaitMs('bulk', 'ann', 300, count))).toEqual([500, 500, 700, 700]);
    expect(limiter.keyWaitMs('single', 'ann', 300, 5)).toBe(0);
    expect(limiter.keyWaitMs('bulk', 'bob', 300, 50)).toBe(0);
  });

  it('settles a reservation once', () => {
    const limiter = new LaneLimiter(limits);
    const first = limiter.reserve('bulk', 3, new Map([['ann', 3]]));
    limiter.reserve('bulk', 2, new Map([['ann', 2]]));
    first.settle(0, false);
    first.settle(0, false);
    first.settle(0, true);
    expect(limiter.laneRoom('bulk', 0)).toBe(18);
    expect(limiter.keyRoom('bulk', 'ann', 0)).toBe(3);
  });

  it('gives back what the destination refused by its own limit', () => {
    const limiter = new LaneLimiter(limits);
    limiter.reserve('bulk', 20, new Map([['ann', 5]])).settle(100, false);
    expect(limiter.laneRoom('bulk', 100)).toBe(20);
    expect(limiter.keyRoom('bulk', 'ann', 100)).toBe(5);
  });

  it('remembers no more keys than two windows used, and none for looking', () => {
    const limiter = new LaneLimiter({ bulk: { perKey: { max: 5, windowMs: 60_000, per: 'item' } } });
    let most = 0;
    // 100 new keys per second: 6,000 per window.
    for (let second = 0; second < 600; second += 1) {
      const names = Array.from({ length: 100 }, (_, at) => `${second} ${at}`);
      const reservation = limiter.reserve('bulk', 100, new Map(names.map((name) => [name, 1])));
      limiter.keyRoom('bulk', `${second} only looked at`, second * 1_000);
      limiter.keyWaitMs('bulk', `${second} only looked at`, second * 1_000);
      reservation.settle(second * 1_000, true);
      most = Math.max(most, limiter.trackedKeys);
    }
    expect(most).toBeGreaterThanOrEqual(6_000);
    expect(most).toBeLessThanOrEqual(12_000);
    for (let second = 600; second < 780; second += 1) {
      limiter.reserve('bulk', 1, new Map([['ann', 1]])).settle(second * 1_000, false);
    }
    expect(limiter.trackedKeys).toBeLessThanOrEqual(1);
  });

  it('does not forget a key that has something in flight, however long', () => {
    const limiter = new LaneLimiter({ bulk: { perKey: { max: 5, windowMs: 1_000, per: 'item' } } });
    const slow = limiter.reserve('bulk', 5, new Map([['slow', 5]]));
    for (let now = 0; now <= 20_000; now += 100) {
      limiter.reserve('bulk', 1, new Map([[`${now}`, 1]])).settle(now, true);
      expect(limiter.keyRoom('bulk', 'slow', now)).toBe(0);
    }
    slow.settle(20_000, true);
    expect(limiter.keyRoom('bulk', 'slow', 20_999)).toBe(0);
    expect(limiter.keyWaitMs('bulk', 'slow', 20_000)).toBe(1_000);
    expect(limiter.keyRoom('bulk', 'slow', 21_000)).toBe(5);
  });
});
