import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { RateWindow, type RateLimit } from '../../../../src/core/delivery/limits/rate-window.js';
import { mostInAnyWindow, type Counted } from './most-in-any-window.js';

const minute: RateLimit = { max: 10, windowMs: 60_000 };

const anyLimit = fc.record({ max: fc.integer({ min: 1, max: 30 }), windowMs: fc.integer({ min: 1, max: 2_000 }) });
const anyShare = fc.double({ min: 0, max: 1, noNaN: true });

/** Some time passes, then somebody wants to send. */
const anyStep = fc.record({
  pauseMs: fc.oneof(fc.nat(500), fc.double({ min: 0, max: 500, noNaN: true })),
  wanted: fc.integer({ min: 1, max: 40 }),
  latencyMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3_000, noNaN: true })),
  /** When the destination counts it: this share of the latency after it was sent. */
  countedAfter: anyShare,
  isCounted: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.boolean()),
});
type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never;

interface InFlight {
  readonly count: number;
  readonly endsAt: number;
  readonly isCounted: boolean;
}

/** Sends as much of what is wanted as there is room for, and answers when it is due. */
function play(window: RateWindow, steps: readonly Step[]): { now: number; counted: Counted[]; inFlight: InFlight[] } {
  const counted: Counted[] = [];
  let inFlight: InFlight[] = [];
  let now = 0;
  for (const { pauseMs, wanted, latencyMs, countedAfter, isCounted } of steps) {
    now += pauseMs;
    const due = inFlight.filter(({ endsAt }) => endsAt <= now).sort((one, other) => one.endsAt - other.endsAt);
    inFlight = inFlight.filter(({ endsAt }) => endsAt > now);
    for (const answer of due) window.settle(answer.count, answer.endsAt, answer.isCounted);
    const count = Math.min(wanted, window.room(now));
    if (count === 0) continue;
    window.reserve(count);
    inFlight.push({ count, endsAt: now + latencyMs, isCounted });
    if (isCounted) counted.push({ at: now + latencyMs * countedAfter, count });
  }
  return { now, counted, inFlight };
}

describe('a rate window', () => {
  it('never lets the destination count more than the limit in any window, whenever it counts', () => {
    fc.assert(
      fc.property(anyLimit, fc.array(anyStep, { maxLength: 80 }), (limit, steps) => {
        const { counted } = play(new RateWindow(limit), steps);
        expect(mostInAnyWindow(counted, limit)).toBeLessThanOrEqual(limit.max);
      }),
      { numRuns: 500 },
    );
  });

  it('uses at least 95 % of the limit over 50 windows when there is always enough to send and latency is short', () => {
    const limits = fc.record({
      max: fc.integer({ min: 1, max: 200 }),
      windowMs: fc.integer({ min: 1_000, max: 60_000 }),
    });
    const latencies = fc.array(anyShare, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 50 }), latencies, (limit, perRequest, shares) => {
        const window = new RateWindow(limit);
        let inFlight: InFlight[] = [];
        const most = 50 * limit.max;
        let sent = 0;
        for (let now = 0, request = 0; now < 50 * limit.windowMs && sent <= most;) {
          for (const { count, endsAt } of inFlight) if (endsAt <= now) window.settle(count, endsAt, true);
          inFlight = inFlight.filter(({ endsAt }) => endsAt > now);
          for (let room = window.room(now); room > 0 && sent <= most; room = window.room(now)) {
            const count = Math.min(room, perRequest);
            window.reserve(count);
            const latencyMs = ((shares[(request += 1) % shares.length] ?? 0) * limit.windowMs) / 100;
            inFlight.push({ count, endsAt: now + latencyMs, isCounted: true });
            sent += count;
          }
          now = Math.min(now + window.waitMs(1, now), ...inFlight.map(({ endsAt }) => Math.max(endsAt, now + 0.001)));
        }
        expect(sent).toBeGreaterThanOrEqual(0.95 * most);
        expect(sent).toBeLessThanOrEqual(most);
      }),
      { numRuns: 50 },
    );
  });

  it('says to the millisecond how long to wait, and Infinity exactly when that depends on an answer', () => {
    fc.assert(
      fc.property(
        anyLimit,
        fc.array(anyStep, { maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (limit, steps, wanted) => {
          const window = new RateWindow(limit);
          const { now, inFlight } = play(window, steps);
          const count = Math.min(wanted, limit.max);
          const waitMs = window.waitMs(wanted, now);
          if (waitMs === Number.POSITIVE_INFINITY) {
            expect(inFlight.reduce((sum, one) => sum + one.count, 0)).toBeGreaterThan(limit.max - count);
            return;
          }
          expect(Number.isInteger(waitMs)).toBe(true);
          // A thousandth more: `now` is a sum that was rounded.
          if (waitMs >= 2) expect(window.room(now + waitMs - 1.001)).toBeLessThan(count);
          expect(window.room(now + waitMs)).toBeGreaterThanOrEqual(count);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('has room for the whole limit at first', () => {
    const window = new RateWindow(minute);
    expect(window.room(0)).toBe(10);
    expect(window.waitMs(10, 0)).toBe(0);
    expect(window.isIdle(0)).toBe(true);
  });

  it('counts what is in flight for as long as it is', () => {
    const window = new RateWindow(minute);
    window.reserve(10);
    expect(window.room(600_000)).toBe(0);
    expect(window.waitMs(1, 600_000)).toBe(Number.POSITIVE_INFINITY);
    expect(window.isIdle(600_000)).toBe(false);
  });

  it('counts what was answered for one window from the answer on', () => {
    const window = new RateWindow(minute);
    window.reserve(10);
    window.settle(10, 5_000, true);
    expect(window.room(64_999)).toBe(0);
    expect(window.waitMs(1, 64_999)).toBe(1);
    expect(window.room(65_000)).toBe(10);
    expect(window.isIdle(65_000)).toBe(true);
  });

  it('has at once what the destination refused by its own limit', () => {
    const window = new RateWindow(minute);
    window.reserve(10);
    window.settle(10, 5_000, false);
    expect(window.room(5_000)).toBe(10);
    expect(window.isIdle(5_000)).toBe(true);
  });

  it('waits for as many to expire as it takes', () => {
    const window = new RateWindow(minute);
    window.reserve(9);
    window.settle(3, 1_000, true);
    window.settle(3, 2_000, true);
    window.settle(3, 3_000, true);
    expect([1, 2, 4, 5, 7, 8, 10].map((count) => window.waitMs(count, 3_000))).toEqual([
      0, 58_000, 58_000, 59_000, 59_000, 60_000, 60_000,
    ]);
  });

  it('does not make anybody wait for an answer when enough expires without it', () => {
    const window = new RateWindow(minute);
    window.reserve(9);
    window.settle(5, 1_000, true);
    expect(window.waitMs(6, 1_000)).toBe(60_000);
    expect(window.waitMs(7, 1_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it('lets more than the limit go when it is empty, and has no room after that', () => {
    const window = new RateWindow(minute);
    expect(window.waitMs(25, 0)).toBe(0);
    window.reserve(25);
    expect(window.room(0)).toBe(0);
    window.settle(25, 0, true);
    expect(window.room(59_999)).toBe(0);
    expect(window.waitMs(25, 59_999)).toBe(1);
    expect(window.room(60_000)).toBe(10);
  });

  it('expires late rather than early when an answer comes with an earlier time than the one before', () => {
    const window = new RateWindow(minute);
    window.reserve(10);
    window.settle(5, 2_000, true);
    window.settle(5, 1_000, true);
    expect(window.waitMs(10, 2_000)).toBe(60_000);
    expect(window.room(61_999)).toBe(0);
    expect(window.room(62_000)).toBe(10);
  });

  it('does not let the same be settled twice', () => {
    const window = new RateWindow(minute);
    window.reserve(3);
    window.settle(3, 0, false);
    expect(() => {
      window.settle(3, 0, false);
    }).toThrow(RangeError);
  });

  it.each([
    { max: 0, windowMs: 1_000 },
    { max: Number.NaN, windowMs: 1_000 },
    { max: 1, windowMs: 0 },
  ])('is not made for a limit that lets nothing through: %j', (limit) => {
    expect(() => new RateWindow(limit)).toThrow(RangeError);
  });
});
