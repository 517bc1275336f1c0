import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { LaneLimiter, type RateLimits, type Reservation } from '../../../../src/core/delivery/limits/lane-limiter.js';
import { RateWindow, type RateLimit } from '../../../../src/core/delivery/limits/rate-window.js';
import { mostInAnyWindow, type Counted } from './most-in-any-window.js';

const perLane: RateLimit = { max: 20, windowMs: 1_000 };
const perKey: RateLimit = { max: 5, windowMs: 700 };
const limits = {
  bulk: { perLane, perKey: { ...perKey, per: 'item' } },
  single: { perKey: { ...perKey, per: 'request' } },
  lane: { perLane },
  open: {},
} as const satisfies RateLimits;
const kinds = ['bulk', 'single', 'lane', 'open', 'unknown'] as const;

const anyStep = fc.record({
  pauseMs: fc.oneof(fc.nat(300), fc.double({ min: 0, max: 300, noNaN: true })),
  kind: fc.constantFrom(...kinds),
  wanted: fc.array(fc.tuple(fc.constantFrom('ann', 'bob', '__proto__', ''), fc.integer({ min: 1, max: 8 })), {
    minLength: 1,
    maxLength: 4,
  }),
  latencyMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3_000, noNaN: true })),
  countedAfter: fc.double({ min: 0, max: 1, noNaN: true }),
  isCounted: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.boolean()),
});
type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never;

/** As a lane composes a request: of each key what it has room for, while the lane has. */
function compose(limiter: LaneLimiter, { kind, wanted }: Step, now: number): Map<string, number> {
  const keys = new Map<string, number>();
  let left = limiter.laneRoom(kind, now);
  for (const [key, items] of wanted) {
    const before = keys.get(key) ?? 0;
    const count = Math.min(items, left, limiter.keyRoom(kind, key, now) - before);
    if (count <= 0) continue;
    keys.set(key, before + count);
    left -= count;
  }
  return keys;
}

interface Sent {
  readonly reservation: Reservation;
  readonly kind: string;
  readonly keys: ReadonlyMap<string, number>;
  readonly countedAt: number;
  readonly endsAt: number;
  readonly isCounted: boolean;
}

/** Plays a schedule; `check` runs before each request. */
function play(
  limiter: LaneLimiter,
  steps: readonly Step[],
  check: (now: number, settled: readonly Sent[]) => void,
): Sent[] {
  const all: Sent[] = [];
  let inFlight: Sent[] = [];
  let now = 0;
  for (const step of steps) {
    now += step.pauseMs;
    const settled = inFlight.filter(({ endsAt }) => endsAt <= now).sort((one, other) => one.endsAt - other.endsAt);
    inFlight = inFlight.filter(({ endsAt }) => endsAt > now);
    for (const { reservation, endsAt, isCounted } of settled) reservation.settle(endsAt, isCounted);
    check(now, settled);
    const keys = compose(limiter, step, now);
    if (keys.size === 0) continue;
    const sent = {
      reservation: limiter.reserve(step.kind, sum(keys), keys),
      kind: step.kind,
      keys,
      countedAt: now + step.latencyMs * step.countedAfter,
      endsAt: now + step.latencyMs,
      isCounted: step.isCounted,
    };
    all.push(sent);
    inFlight.push(sent);
  }
  return all;
}

function sum(keys: ReadonlyMap<string, number>): number {
  return [...keys.values()].reduce((total, count) => total + count, 0);
}

describe('the limiter of a lane', () => {
  it('never lets the destination count more than a limit in any window, whenever it counts', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 100 }), (steps) => {
        const sent = play(new LaneLimiter(limits), steps, () => undefined).filter(({ isCounted }) => isCounted);
        const counted = (kind: string, count: (keys: ReadonlyMap<string, number>) => number): Counted[] =>
          sent.filter((one) => one.kind === kind).map(({ countedAt, keys }) => ({ at: countedAt, count: count(keys) }));
        expect(mostInAnyWindow(counted('bulk', sum), perLane)).toBeLessThanOrEqual(perLane.max);
        expect(mostInAnyWindow(counted('lane', sum), perLane)).toBeLessThanOrEqual(perLane.max);
        for (const key of ['ann', 'bob', '__proto__', '']) {
          const items = counted('bulk', (keys) => keys.get(key) ?? 0);
          expect(mostInAnyWindow(items, perKey)).toBeLessThanOrEqual(perKey.max);
          const requests = counted('single', (keys) => (keys.has(key) ? 1 : 0));
          expect(mostInAnyWindow(requests, perKey)).toBeLessThanOrEqual(perKey.max);
        }
      }),
      { numRuns: 250 },
    );
  });

  it('answers for each key as a window that is never forgotten would', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 100 }), (steps) => {
        const limiter = new LaneLimiter(limits);
        const remembered = new Map<string, RateWindow>();
        const expected: (number | boolean)[] = [];
        const answers: (number | boolean)[] = [];
        const windowOf = (kind: string, key: string): RateWindow => {
          const window = remembered.get(`${kind} ${key}`) ?? new RateWindow(perKey);
          remembered.set(`${kind} ${key}`, window);
          return window;
        };
        const each = (
          kind: string,
          keys: ReadonlyMap<string, number>,
          run: (window: RateWindow, count: number) => void,
        ) => {
          if (kind !== 'bulk' && kind !== 'single') return;
          for (const [key, items] of keys) run(windowOf(kind, key), kind === 'bulk' ? items : 1);
        };
        const reserve = limiter.reserve.bind(limiter);
        limiter.reserve = (kind, items, keys) => {
          each(kind, keys, (window, count) => {
            window.reserve(count);
          });
          return reserve(kind, items, keys);
        };
        play(limiter, steps, (now, settled) => {
          for (const { kind, keys, endsAt, isCounted } of settled) {
            each(kind, keys, (window, count) => {
              window.settle(count, endsAt, isCounted);
            });
          }
          for (const key of ['ann', 'bob', '__proto__', '']) {
            const [bulk, single] = [windowOf('bulk', key), windowOf('single', key)];
            expected.push(bulk.room(now), bulk.waitMs(1, now), single.room(now) > 0, single.waitMs(1, now));
            answers.push(limiter.keyRoom('bulk', key, now), limiter.keyWaitMs('bulk', key, now));
            answers.push(limiter.keyRoom('single', key, now) === Number.POSITIVE_INFINITY);
            answers.push(limiter.keyWaitMs('single', key, now));
          }
        });
        expect(answers).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('uses at least 95 % of its limits over 50 windows when there is always enough to send and latency is short', () => {
    const latencies = fc.array(fc.double({ min: 0, max: 0.01, noNaN: true }), { minLength: 1, maxLength: 20 });
    const full: RateLimit = { max: 40, windowMs: 30_000 };
    fc.assert(
      fc.property(latencies, fc.integer({ min: 1, max: 40 }), (shares, perRequest) => {
        const limiter = new LaneLimiter({
          bulk: { perLane: full, perKey: { max: 10, windowMs: full.windowMs, per: 'item' } },
        });
        const names = ['ann', 'bob', 'cid', 'dee'];
        const until = 50 * full.windowMs;
        const most = 50 * full.max;
        const sent = new Map(names.map((name) => [name, 0]));
        let inFlight: { readonly reservation: Reservation; readonly endsAt: number }[] = [];
        for (let now = 0, request = 0; now < until && request <= most;) {
          for (const { reservation, endsAt } of inFlight) if (endsAt <= now) reservation.settle(endsAt, true);
          inFlight = inFlight.filter(({ endsAt }) => endsAt > now);
          for (const name of names) {
            const room = Math.min(limiter.laneRoom('bulk', now), limiter.keyRoom('bulk', name, now), perRequest);
            if (room <= 0) continue;
            const reservation = limiter.reserve('bulk', room, new Map([[name, room]]));
            inFlight.push({
              reservation,
              endsAt: now + (shares[(request += 1) % shares.length] ?? 0) * full.windowMs,
            });
            sent.set(name, (sent.get(name) ?? 0) + room);
          }
          const waits = names.map((name) =>
            Math.max(limiter.keyWaitMs('bulk', name, now), limiter.laneWaitMs('bulk', 1, now)),
          );
          const answers = inFlight.map(({ endsAt }) => Math.max(endsAt - now, 0.001));
          now += Math.min(...waits.map((ms) => Math.max(ms, 0.001)), ...answers);
        }
        for (const name of names) expect(sent.get(name)).toBeGreaterThanOrEqual(0.95 * 50 * 10);
        expect(sum(sent)).toBeGreaterThanOrEqual(0.95 * most);
        expect(sum(sent)).toBeLessThanOrEqual(most);
      }),
      { numRuns: 20 },
    );
  });
});
