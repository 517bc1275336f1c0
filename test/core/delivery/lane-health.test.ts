import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { LanePolicy } from '../../../src/core/delivery/delivery-policy.js';
import { LaneHealth, type LaneMode, type Wait } from '../../../src/core/delivery/lane-health.js';
import { lanePolicy, neverOpen } from '../../support/delivery-policy.js';
import { failed, halted, throttled, timedOut } from '../../support/recorded-delivery.js';

const modes = ['flowing', 'waiting', 'throttled', 'halted', 'paused'] as const satisfies readonly LaneMode[];

/** A lane's health, and what it told. */
function healthOf(policy: Partial<LanePolicy> = {}, random: () => number = () => 0.5) {
  const moves: string[] = [];
  const breaker: string[] = [];
  const health = new LaneHealth(
    { ...lanePolicy, ...policy },
    random,
    {
      onTransition: (from, to) => moves.push(`${from} > ${to}`),
      onBreaker: (from, to) => breaker.push(`${from} > ${to}`),
    },
    'us:11',
  );
  return { health, moves, breaker };
}

/** What a lane may meet. Each is done to a request that left just before. */
const events = {
  delivered: (health: LaneHealth, now: number) => {
    health.onTaken(true, now, now);
  },
  rejected: (health: LaneHealth, now: number) => {
    health.onTaken(false, now, now);
  },
  retry: (health: LaneHealth, now: number) => health.onRefused(failed, 4, now, now),
  throttled: (health: LaneHealth, now: number) => health.onRefused(throttled, 4, now, now),
  halted: (health: LaneHealth, now: number) => health.onRefused(halted, 4, now, now),
  pause: (health: LaneHealth, now: number) => {
    health.pause(now);
  },
  resume: (health: LaneHealth, now: number) => {
    health.resume(now);
  },
  hostRecovered: (health: LaneHealth, now: number) => {
    health.onHostRecovered(now);
  },
};

type Event = keyof typeof events;

const ways: Readonly<Record<LaneMode, Event | undefined>> = {
  flowing: undefined,
  waiting: 'retry',
  throttled: 'throttled',
  halted: 'halted',
  paused: 'pause',
};

/** Where each mode leads: the whole table. What is not named leaves the mode as it is. */
const transitions: Readonly<Record<LaneMode, Partial<Record<Event, LaneMode>>>> = {
  flowing: { retry: 'waiting', throttled: 'throttled', halted: 'halted', pause: 'paused' },
  waiting: { delivered: 'flowing', rejected: 'flowing', throttled: 'throttled', halted: 'halted', pause: 'paused' },
  throttled: { delivered: 'flowing', rejected: 'flowing', retry: 'waiting', halted: 'halted', pause: 'paused' },
  halted: { delivered: 'flowing', rejected: 'flowing', retry: 'waiting', throttled: 'throttled', pause: 'paused' },
  paused: { resume: 'flowing' },
};

const eventNames = Object.keys(events) as readonly Event[];

describe('the health of a lane', () => {
  it.each(modes.flatMap((from) => eventNames.map((event) => [from, event, transitions[from][event] ?? from] as const)))(
    'that is %s and meets %s is %s, and says so once where that is new',
    (from, event, to) => {
      const { health, moves } = healthOf();
      const way = ways[from];
      if (way !== undefined) events[way](health, 1_000);
      moves.length = 0;
      events[event](health, 200_000);
      expect(health.mode).toBe(to);
      expect(moves).toEqual(from === to ? [] : [`${from} > ${to}`]);
    },
  );

  it('never makes a move that the table does not have, whatever comes, and tells every move', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...eventNames), fc.nat(20_000)), { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 4 }),
        (met, failures) => {
          const { health, moves } = healthOf({ breaker: { ...neverOpen, failures, timeouts: failures, capMs: 5_000 } });
          let now = 0;
          let mode: LaneMode = 'flowing';
          for (const [event, ms] of met) {
            now += ms;
            if (health.waitMs(now) === 0) health.onSend(now);
            events[event](health, now);
            const to: LaneMode = transitions[mode][event] ?? mode;
            const { isCautious, maxItems } = health;
            const waits = health.waitMs(now) === Infinity;
            expect([health.mode, moves.splice(0), isCautious, waits]).toEqual([
              to,
              to === mode ? [] : [`${mode} > ${to}`],
              to !== 'flowing',
              to === 'paused' || health.breaker === 'halfOpen',
            ]);
            mode = to;
            if (maxItems < 1 || maxItems > lanePolicy.batch.maxItems) expect(maxItems).toBeUndefined();
          }
        },
      ),
    );
  });

  it('waits longer after each failure, up to the cap, and from the beginning after a success', () => {
    const { health } = healthOf();
    const waits = Array.from({ length: 5 }, (_unused, turn) => health.onRefused(failed, 1, turn * 9_000, turn * 9_000));
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 4_000].map((ms): Wait => ({ cause: 'retry', ms })));
    expect([health.failures, health.waitMs(36_000), health.waitMs(39_000), health.waitMs(40_000)]).toEqual([
      5, 4_000, 1_000, 0,
    ]);
    health.onTaken(true, 40_000, 40_100);
    expect([health.failures, health.waitMs(40_100)]).toEqual([0, 0]);
    expect(health.onRefused(failed, 1, 50_000, 50_000)).toEqual({ cause: 'retry', ms: 500 });
  });

  it('waits as long as it is asked to, failing and throttled alike, with up to a tenth on top', () => {
    const { health } = healthOf({}, () => 0);
    expect(health.onRefused({ ...throttled, afterMs: 7_000 }, 1, 0, 0)).toEqual({
      cause: 'throttled',
      ms: 7_000,
    });
    expect(health.onRefused({ ...failed, afterMs: 5_000 }, 1, 8_000, 8_000)).toEqual({
      cause: 'retry',
      ms: 5_000,
    });
    const other = healthOf({}, () => 0.5).health;
    expect(other.onRefused({ ...throttled, afterMs: 7_000 }, 1, 0, 0)).toEqual({
      cause: 'throttled',
      ms: 7_350,
    });
  });

  it('does not count being throttled as a failure, but waits longer each time nobody says how long', () => {
    const { health } = healthOf();
    const waits = [0, 10_000, 20_000].map((now) => health.onRefused(throttled, 1, now, now)?.ms);
    expect([waits, health.failures]).toEqual([[500, 1_000, 2_000], 0]);
    expect(health.onRefused(failed, 1, 30_000, 30_000)).toEqual({ cause: 'retry', ms: 500 });
    health.onTaken(true, 40_000, 40_000);
    expect(health.onRefused(throttled, 1, 50_000, 50_000)?.ms).toBe(500);
  });

  it('waits as long as the policy says each time the setting is wrong', () => {
    const { health } = healthOf();
    for (const now of [0, 60_000, 120_000]) {
      expect(health.onRefused(halted, 1, now, now)).toEqual({ cause: 'halted', ms: 60_000 });
    }
    expect([health.failures, health.waitMs(120_000)]).toEqual([0, 60_000]);
  });

  it('takes a volley that fails for one failure: one wait, one step down', () => {
    const { health, moves } = healthOf();
    expect(health.onRefused(failed, 10, 0, 100)).toEqual({ cause: 'retry', ms: 500 });
    for (const now of [100, 120, 180]) expect(health.onRefused(failed, 10, 50, now)).toBeUndefined();
    expect(health.onRefused(throttled, 10, 99, 190)).toBeUndefined();
    expect([health.failures, health.maxItems, health.mode, health.waitMs(100)]).toEqual([1, 5, 'waiting', 500]);
    expect(moves).toEqual(['flowing > waiting']);
  });

  it('takes the failure of the next attempt for another one, also within the same wait', () => {
    const { health } = healthOf();
    health.onRefused(failed, 10, 0, 100);
    expect(health.onRefused(failed, 5, 600, 650)).toEqual({ cause: 'retry', ms: 1_000 });
    // It left before the second failure.
    expect(health.onRefused(failed, 10, 610, 700)).toBeUndefined();
    expect(health.failures).toBe(2);
  });

  it('goes on waiting when a request is delivered that left before the failure', () => {
    const { health, moves } = healthOf();
    health.onRefused(throttled, 10, 0, 100);
    health.onTaken(true, 50, 150);
    expect([health.mode, health.waitMs(100)]).toEqual(['throttled', 500]);
    health.onTaken(true, 600, 700);
    expect(health.mode).toBe('flowing');
    expect(moves).toEqual(['flowing > throttled', 'throttled > flowing']);
  });

  it('makes requests half as large with each failure, and twice as large with each one that is delivered', () => {
    const { health } = healthOf();
    const sizes: number[] = [];
    for (let now = 0; now < 6; now += 1) {
      sizes.push(health.maxItems);
      health.onRefused(failed, health.maxItems, now, now);
    }
    expect(sizes).toEqual([10, 5, 3, 2, 1, 1]);
    health.onTaken(false, 100, 100);
    expect(health.maxItems).toBe(1);
    sizes.length = 0;
    for (let now = 200; now < 206; now += 1) {
      health.onTaken(true, now, now);
      sizes.push(health.maxItems);
    }
    expect(sizes).toEqual([2, 4, 8, 10, 10, 10]);
  });

  it('halves the request that failed where that was smaller than it might have been', () => {
    const { health } = healthOf();
    health.onRefused(failed, 4, 0, 0);
    expect(health.maxItems).toBe(2);
  });

  it('opens its breaker after failures in a row, sends one probe when the time is up, and closes with its success', () => {
    const { health, breaker } = healthOf({ breaker: { ...neverOpen, failures: 2, baseMs: 20_000, capMs: 60_000 } });
    health.onSend(0);
    health.onRefused(failed, 1, 0, 10);
    health.onSend(600);
    // Between half and the whole of 20 s, and longer than the back-off.
    expect(health.onRefused(failed, 1, 600, 610)).toEqual({ cause: 'retry', ms: 15_000 });
    expect([health.breaker, health.waitMs(610), health.waitMs(15_610)]).toEqual(['open', 15_000, 0]);
    health.onSend(15_610);
    expect([health.breaker, health.waitMs(15_610)]).toEqual(['halfOpen', Infinity]);
    health.onRefused(failed, 1, 15_610, 15_700);
    expect([health.breaker, health.waitMs(15_700)]).toEqual(['open', 30_000]);
    health.onSend(45_700);
    health.onTaken(true, 45_700, 45_800);
    expect([health.breaker, health.mode, health.waitMs(45_800)]).toEqual(['closed', 'flowing', 0]);
    expect(breaker).toEqual([
      'closed > open',
      'open > halfOpen',
      'halfOpen > open',
      'open > halfOpen',
      'halfOpen > closed',
    ]);
  });

  it('opens after fewer timeouts, and has a throttled probe try again when that wait is over', () => {
    const { health } = healthOf({ breaker: { failures: 9, timeouts: 2, lanes: 1, baseMs: 20_000, capMs: 60_000 } });
    for (const now of [0, 10_000]) health.onRefused(timedOut, 1, now, now);
    expect(health.breaker).toBe('open');
    health.onSend(25_000);
    expect(health.onRefused(throttled, 1, 25_000, 25_100)).toEqual({ cause: 'throttled', ms: 500 });
    expect([health.breaker, health.mode, health.waitMs(25_600)]).toEqual(['open', 'throttled', 0]);
    health.onSend(25_600);
    health.onTaken(true, 25_600, 25_700);
    expect(health.breaker).toBe('closed');
  });

  it('is slow from a timeout on until there is an answer of any kind', () => {
    const { health } = healthOf();
    for (const [now, answer] of [failed, throttled, halted].entries()) {
      health.onRefused(timedOut, 1, now * 100, now * 100);
      expect(health.isSlow).toBe(true);
      health.onRefused(answer, 1, now * 100 + 50, now * 100 + 50);
      expect(health.isSlow).toBe(false);
    }
    health.onRefused(timedOut, 1, 500, 500);
    health.onTaken(false, 600, 600);
    expect(health.isSlow).toBe(false);
  });

  it('tries within a second once its host is well again, at a moment of its own', () => {
    for (const random of [0, 0.25, 0.999]) {
      const { health } = healthOf(
        { breaker: { ...neverOpen, failures: 1, baseMs: 60_000, capMs: 60_000 } },
        () => random,
      );
      health.onRefused(failed, 1, 0, 0);
      expect(health.waitMs(10_000)).toBeGreaterThan(10_000);
      health.onHostRecovered(10_000);
      expect(health.waitMs(10_000)).toBeCloseTo(random * 1_000);
      expect(health.waitMs(11_000)).toBe(0);
    }
  });

  it('does not wait longer because its host is well again', () => {
    const { health } = healthOf({}, () => 0.5);
    health.onRefused(failed, 1, 0, 0);
    health.onHostRecovered(100);
    expect(health.waitMs(100)).toBe(400);
  });

  it.each(['throttled', 'halted', 'paused'] as const)(
    'is %s for its own reasons when its host is well again',
    (mode) => {
      const { health } = healthOf();
      events[ways[mode] ?? 'retry'](health, 0);
      const before = health.waitMs(10);
      health.onHostRecovered(10);
      expect([health.mode, health.waitMs(10)]).toEqual([mode, before]);
    },
  );

  it('waits for a person once it is paused, whatever is answered meanwhile', () => {
    const { health } = healthOf();
    health.pause(0);
    for (const refusal of [failed, throttled, halted]) expect(health.onRefused(refusal, 1, 10, 10)).toBeUndefined();
    health.onTaken(true, 20, 20);
    expect([health.mode, health.waitMs(1e9)]).toEqual(['paused', Infinity]);
    health.resume(1e9);
    expect([health.mode, health.waitMs(1e9)]).toEqual(['flowing', 0]);
  });

  it.each(['waiting', 'throttled', 'halted'] as const)(
    'tries at once when a person says so, though it was %s',
    (mode) => {
      const { health } = healthOf({ breaker: { ...neverOpen, failures: 1, baseMs: 60_000, capMs: 60_000 } });
      events[ways[mode] ?? 'retry'](health, 0);
      expect(health.waitMs(100)).toBeGreaterThan(0);
      health.resume(100);
      // The reply decides: until then there is one request at a time.
      expect([health.waitMs(100), health.isCautious]).toEqual([0, true]);
    },
  );

  it('remembers the last thing that was wrong, and when', () => {
    const { health } = healthOf();
    expect(health.lastError).toBeUndefined();
    health.onRefused(halted, 1, 0, 5);
    expect(health.lastError).toEqual({ detail: 'HTTP 401', at: 5 });
    health.onRejected('HTTP 400 bad', 9);
    health.onTaken(true, 10, 10);
    expect(health.lastError).toEqual({ detail: 'HTTP 400 bad', at: 9 });
  });
});
