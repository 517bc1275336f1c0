import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { LaneLimiter, type RateLimits } from '../../../src/core/delivery/limits/lane-limiter.js';
import { agedLimits, readSavedLimits } from '../../../src/core/delivery/limits/saved-limits.js';
import { takeOverLimits } from '../../../src/core/durable/take-over-limits.js';
import type { ClaimedLane } from '../../../src/core/store/store.js';

const limits: RateLimits = {
  track: { perLane: { max: 100, windowMs: 60_000 }, perKey: { max: 10, windowMs: 60_000, per: 'item' } },
  identify: { perKey: { max: 3, windowMs: 30_000, per: 'request' } },
};

function claimed(fields: Partial<ClaimedLane>): ClaimedLane {
  const never = (): Promise<never> => Promise.reject(new Error('not called'));
  return {
    ...{ lane: 'us:11', events: 0, memo: undefined, wasReleased: true, mayBegin: () => true },
    ...{ read: never, settle: never, release: never },
    ...fields,
  };
}

/** Sends as much as it may of each kind, and says what that was. */
function roomOf(limiter: LaneLimiter, now: number, keys: readonly string[]) {
  return {
    track: limiter.laneRoom('track', now),
    identify: limiter.laneRoom('identify', now),
    keys: Object.fromEntries(
      keys.map((key) => [key, [limiter.keyRoom('track', key, now), limiter.keyRoom('identify', key, now) > 0]]),
    ),
  };
}

const uses = fc.array(
  fc.record({
    kind: fc.constantFrom('track', 'identify'),
    key: fc.constantFrom('ann', 'bob', 'eve'),
    items: fc.integer({ min: 1, max: 4 }),
    waitMs: fc.integer({ min: 0, max: 20_000 }),
    isAnswered: fc.boolean(),
  }),
  { maxLength: 15 },
);

function use(limiter: LaneLimiter, steps: Parameters<Parameters<typeof uses.map>[0]>[0]): number {
  let now = 0;
  for (const { kind, key, items, waitMs, isAnswered } of steps) {
    const reservation = limiter.reserve(kind, items, new Map([[key, items]]));
    now += waitMs;
    if (isAnswered) reservation.settle(now, true);
  }
  return now;
}

describe('limits that are taken over', () => {
  it('never leave more room than the sender before had, at any time, and the same once its windows are over', () => {
    fc.assert(
      fc.property(uses, fc.integer({ min: 0, max: 120_000 }), (steps, laterMs) => {
        const before = new LaneLimiter(limits);
        const now = use(
          before,
          steps.map((step) => ({ ...step, isAnswered: true })),
        );
        const text = JSON.stringify(before.save(now, true));
        const after = new LaneLimiter(limits);
        const saved = readSavedLimits(text);
        if (saved === undefined) throw new Error('it can not be read');
        // The clock of the next process began elsewhere.
        after.restore(agedLimits(saved, laterMs), 1_000);
        const [had, has] = [
          roomOf(before, now + laterMs, ['ann', 'bob', 'eve', 'new']),
          roomOf(after, 1_000, ['ann', 'bob', 'eve', 'new']),
        ];
        expect(has.track).toBeLessThanOrEqual(had.track);
        for (const [key, [tracks, mayIdentify]] of Object.entries(had.keys) as [string, [number, boolean]][]) {
          const [tracksNow, mayIdentifyNow] = (has.keys[key] ?? [0, false]) as [number, boolean];
          expect(tracksNow).toBeLessThanOrEqual(tracks);
          expect(mayIdentify || !mayIdentifyNow).toBe(true);
        }
        expect(roomOf(after, 61_001, ['ann', 'new'])).toEqual(roomOf(new LaneLimiter(limits), 0, ['ann', 'new']));
      }),
    );
  });

  it('count what is in flight as sent just now', () => {
    const before = new LaneLimiter(limits);
    before.reserve('track', 40, new Map([['ann', 4]]));
    const after = new LaneLimiter(limits);
    after.restore(before.save(0, true), 0);
    expect([after.laneRoom('track', 59_999), after.keyRoom('track', 'ann', 59_999)]).toEqual([60, 6]);
    expect([after.laneRoom('track', 60_000), after.keyRoom('track', 'ann', 60_000)]).toEqual([100, 10]);
  });

  it('keep the busiest thousand keys by themselves, and count for all others what none of them is above', () => {
    const before = new LaneLimiter(limits);
    const keys = new Map(Array.from({ length: 1_500 }, (_, index) => [`user ${index}`, index < 3 ? 7 : 2] as const));
    before.reserve('track', 50, keys).settle(0, true);
    const saved = before.save(1_000, true);
    expect(saved.track?.keys).toHaveLength(1_000);
    const after = new LaneLimiter(limits);
    after.restore(saved, 0);
    expect(['user 0', 'user 1499', 'nobody'].map((key) => after.keyRoom('track', key, 0))).toEqual([3, 8, 8]);
    expect(after.keyWaitMs('track', 'nobody', 0, 9)).toBe(59_000);
    expect(after.keyRoom('track', 'nobody', 59_000)).toBe(10);
  });

  it('are those that were written at the release, as old as they are', () => {
    const memo = { text: JSON.stringify({ track: { lane: [[10_000, 5]] } }), ageMs: 20_000 };
    expect(takeOverLimits(claimed({ memo, events: 50 }), limits)).toEqual({ track: { lane: [[30_000, 5]] } });
    expect(takeOverLimits(claimed({}), limits)).toBeUndefined();
  });

  it('count all that is open as sent just now, by each key as well, when nobody released the lane', () => {
    const memo = {
      text: JSON.stringify({ track: { lane: [[10_000, 5]] }, identify: { lane: [[29_000, 1]] } }),
      ageMs: 2_000,
    };
    expect(takeOverLimits(claimed({ memo, events: 2, wasReleased: false }), limits)).toEqual({
      track: {
        lane: [
          [12_000, 5],
          [0, 16],
        ],
        others: [0, 21],
      },
      // What is older than the window of the keys says nothing of them.
      identify: {
        lane: [
          [31_000, 1],
          [0, 16],
        ],
        others: [0, 16],
      },
    });
    expect(takeOverLimits(claimed({ events: 0, wasReleased: false }), limits)).toEqual({
      track: { lane: [] },
      identify: { lane: [] },
    });
  });

  it.each(['', 'x', '[]', '{"track":1}', '{"track":{"lane":[1]}}', '{"track":{"lane":[[-1,2]]}}', '{"track":{}}'])(
    'say nothing when the text is %j',
    (text) => {
      expect(readSavedLimits(text)).toBeUndefined();
      const memo = { text, ageMs: 0 };
      expect(takeOverLimits(claimed({ memo, events: 1 }), limits)?.track).toEqual({ lane: [[0, 8]], others: [0, 8] });
    },
  );
});
