import { describe, expect, it } from '@jest/globals';

import { LaneLimiter } from '../../../src/core/delivery/limits/lane-limiter.js';
import { documentedRateLimits, heapRateLimits } from '../../../src/destinations/heap/rate-limits.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { documentedLimits } from '../../../src/destinations/heap/simulator/limits.js';

describe('the rate limits of Heap', () => {
  it('are the documented ones, as the simulated Heap enforces them', () => {
    const { bulkTrackPerApp, bulkTrackPerIdentity, userPropertiesPerIdentity } = documentedLimits;
    expect(heapRateLimits()).toEqual({
      track: { perLane: bulkTrackPerApp, perKey: { ...bulkTrackPerIdentity, per: 'item' } },
      addUserProperties: { perKey: { ...userPropertiesPerIdentity, per: 'request' } },
      identify: { perKey: { ...userPropertiesPerIdentity, per: 'request' } },
    });
  });

  it('are of kinds of requests that there are', () => {
    const kinds = Object.keys(heapRequestRules);
    for (const kind of Object.keys(heapRateLimits())) expect(kinds).toContain(kind);
  });

  it('can each be another one, or none', () => {
    const limits = heapRateLimits({
      eventsPerAppPerMinute: null,
      eventsPerIdentityPerMinute: 10,
      requestsPerIdentityPer30Seconds: null,
    });
    expect(limits).toEqual({
      track: { perKey: { max: 10, windowMs: 60_000, per: 'item' } },
      addUserProperties: {},
      identify: {},
    });
    expect(heapRateLimits({ ...documentedRateLimits, eventsPerIdentityPerMinute: null }).track).toEqual({
      perLane: { max: 15_000, windowMs: 60_000 },
    });
  });

  it('hold for an app, for an identity, and not between kinds', () => {
    const limiter = new LaneLimiter(heapRateLimits());
    limiter.reserve('track', 1_000, new Map([['ann', 1_000]]));
    expect(limiter.keyRoom('track', 'ann', 0)).toBe(0);
    expect(limiter.keyRoom('track', 'bob', 0)).toBe(1_000);
    expect(limiter.laneRoom('track', 0)).toBe(14_000);
    for (let request = 0; request < 30; request += 1) limiter.reserve('identify', 1, new Map([['ann', 1]]));
    expect(limiter.keyRoom('identify', 'ann', 0)).toBe(0);
    expect(limiter.keyRoom('addUserProperties', 'ann', 0)).toBe(Infinity);
    expect(limiter.laneRoom('addAccountProperties', 0)).toBe(Infinity);
  });
});
