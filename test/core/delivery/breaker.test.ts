import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Breaker, type BreakerPolicy, type BreakerState } from '../../../src/core/delivery/breaker.js';

const policy: BreakerPolicy = { failures: 5, timeouts: 3, lanes: 1, baseMs: 1_000, capMs: 8_000 };

let changes: string[];
beforeEach(() => {
  changes = [];
});

function breakerOf(changed: Partial<BreakerPolicy> = {}, random = 0): Breaker {
  return new Breaker(
    { ...policy, ...changed },
    () => random,
    (from, to) => changes.push(`${from} > ${to}`),
  );
}

/** One request after the other, each sent when the one before had failed, 10 ms each. Returns when the last failed. */
function fail(
  breaker: Breaker,
  times: number,
  since = 0,
  cause: 'failure' | 'timeout' = 'failure',
  source = 'a',
): number {
  for (let turn = 0; turn < times; turn += 1) {
    breaker.onFailure(cause, since + 10 * turn, since + 10 * (turn + 1), source);
  }
  return since + 10 * times;
}

describe('a closed breaker', () => {
  it('lets every request go', () => {
    const breaker = breakerOf();
    expect([breaker.state, breaker.waitMs(0), breaker.admit(0), breaker.admit(0)]).toEqual(['closed', 0, true, true]);
  });

  it('opens with the failure that is one too many', () => {
    const breaker = breakerOf();
    fail(breaker, 4);
    expect(breaker.state).toBe('closed');
    fail(breaker, 1, 40);
    expect(breaker.state).toBe('open');
    expect(changes).toEqual(['closed > open']);
  });

  it('opens after fewer timeouts', () => {
    const breaker = breakerOf();
    fail(breaker, 2, 0, 'timeout');
    expect(breaker.state).toBe('closed');
    fail(breaker, 1, 20, 'timeout');
    expect(breaker.state).toBe('open');
  });

  it('takes a timeout for a failure too', () => {
    const breaker = breakerOf();
    fail(breaker, 2, 0, 'timeout');
    fail(breaker, 3, 20);
    expect(breaker.state).toBe('open');
  });

  it('forgets failures and timeouts with a success', () => {
    const breaker = breakerOf();
    fail(breaker, 2, 0, 'timeout');
    fail(breaker, 2, 20);
    breaker.onSuccess();
    fail(breaker, 2, 50, 'timeout');
    fail(breaker, 2, 70);
    expect(breaker.state).toBe('closed');
    expect(changes).toEqual([]);
  });

  it('takes a volley that fails together for one failure', () => {
    const breaker = breakerOf({ timeouts: 5 });
    for (let volley = 0; volley < 4; volley += 1) {
      for (let request = 0; request < 8; request += 1) {
        breaker.onFailure('timeout', volley * 100 + request, volley * 100 + 50 + request, 'a');
      }
    }
    expect(breaker.state).toBe('closed');
    breaker.onFailure('timeout', 400, 450, 'a');
    expect(breaker.state).toBe('open');
  });

  it('counts timeouts by themselves, so that quick failures beside them do not hide them', () => {
    const breaker = breakerOf({ failures: 1_000 });
    for (let at = 0; at < 3_000; at += 100) breaker.onFailure('failure', at, at + 90, 'quick');
    for (const sentAt of [0, 1_000, 2_000]) breaker.onFailure('timeout', sentAt, sentAt + 1_000, 'slow');
    expect(breaker.state).toBe('open');
  });

  it('is not opened by requests that say nothing', () => {
    const breaker = breakerOf();
    for (let at = 0; at < 20; at += 1) breaker.onNeutral(at, at + 1);
    expect([breaker.state, changes]).toEqual(['closed', []]);
  });
});

describe('a breaker for several lanes', () => {
  it('is not opened by one lane alone, however often it fails', () => {
    const breaker = breakerOf({ lanes: 3 });
    const at = fail(breaker, 50);
    fail(breaker, 50, at, 'timeout', 'b');
    expect(breaker.state).toBe('closed');
    fail(breaker, 1, at + 500, 'failure', 'c');
    expect(breaker.state).toBe('open');
  });

  it('sees lanes that fail in one volley as different lanes', () => {
    const breaker = breakerOf({ lanes: 3, failures: 2 });
    for (const sentAt of [0, 100]) {
      for (const source of ['a', 'b', 'c']) breaker.onFailure('failure', sentAt, sentAt + 50, source);
    }
    expect(breaker.state).toBe('open');
  });

  it('does not take failures of other lanes for timeouts of theirs', () => {
    const breaker = breakerOf({ lanes: 2, failures: 1_000 });
    const at = fail(breaker, 5, 0, 'timeout', 'slow');
    fail(breaker, 5, at, 'failure', 'quick');
    expect(breaker.state).toBe('closed');
  });
});

describe('an open breaker', () => {
  it.each([
    [0, 500],
    [0.5, 750],
    [0.999, 999.5],
  ])('with random %d stays open for %d ms the first time', (random, ms) => {
    const breaker = breakerOf({}, random);
    const openedAt = fail(breaker, 5);
    expect(breaker.waitMs(openedAt)).toBeCloseTo(ms);
  });

  it('lets none go until the time is up, and then one', () => {
    const breaker = breakerOf();
    const openedAt = fail(breaker, 5);
    expect([breaker.admit(openedAt), breaker.admit(openedAt + 499), breaker.waitMs(openedAt + 499)]).toEqual([
      false,
      false,
      1,
    ]);
    expect(breaker.waitMs(openedAt + 500)).toBe(0);
    expect(breaker.state).toBe('open');
    expect(breaker.admit(openedAt + 500)).toBe(true);
    expect(breaker.state).toBe('halfOpen');
    expect(breaker.waitMs(openedAt + 500)).toBe(Infinity);
    expect(breaker.admit(openedAt + 100_000)).toBe(false);
  });

  it('learns nothing from failures of requests that left before it opened', () => {
    const breaker = breakerOf();
    const openedAt = fail(breaker, 5);
    fail(breaker, 20, openedAt, 'timeout');
    expect(breaker.waitMs(openedAt)).toBe(500);
  });

  it('closes when a request succeeds that left before it opened', () => {
    const breaker = breakerOf();
    const openedAt = fail(breaker, 5);
    breaker.onSuccess();
    expect([breaker.state, breaker.admit(openedAt + 1)]).toEqual(['closed', true]);
    expect(changes).toEqual(['closed > open', 'open > closed']);
  });
});

describe('a half-open breaker', () => {
  /** Opens it, and sends the probe. */
  function probing(): { readonly breaker: Breaker; readonly sentAt: number } {
    const breaker = breakerOf();
    const sentAt = fail(breaker, 5) + 500;
    breaker.admit(sentAt);
    changes = [];
    return { breaker, sentAt };
  }

  it('closes when the probe succeeds, and counts from the beginning', () => {
    const { breaker, sentAt } = probing();
    breaker.onSuccess();
    expect([breaker.state, changes]).toEqual(['closed', ['halfOpen > closed']]);
    const at = fail(breaker, 4, sentAt + 10);
    expect(breaker.state).toBe('closed');
    fail(breaker, 1, at);
    expect(breaker.waitMs(at + 10)).toBe(500);
  });

  it('opens for twice as long when the probe fails, up to the cap', () => {
    const { breaker, sentAt } = probing();
    let at = sentAt;
    const waits: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      breaker.onFailure('failure', at, at + 10, 'a');
      waits.push(breaker.waitMs(at + 10));
      at += 10 + breaker.waitMs(at + 10);
      expect(breaker.admit(at)).toBe(true);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
  });

  it('waits on for its probe when another request fails that left before', () => {
    const { breaker, sentAt } = probing();
    breaker.onFailure('timeout', sentAt - 1, sentAt + 10, 'a');
    breaker.onNeutral(sentAt - 1, sentAt + 10);
    expect([breaker.state, changes]).toEqual(['halfOpen', []]);
  });

  it('is due at once when the probe says nothing about health, and not for longer the next time', () => {
    const { breaker, sentAt } = probing();
    breaker.onNeutral(sentAt, sentAt + 10);
    expect([breaker.state, breaker.waitMs(sentAt + 10)]).toEqual(['open', 0]);
    expect(breaker.admit(sentAt + 10)).toBe(true);
    breaker.onFailure('failure', sentAt + 10, sentAt + 20, 'a');
    expect(breaker.waitMs(sentAt + 20)).toBe(1_000);
  });
});

describe('a breaker, whatever happens', () => {
  const legal = new Set(['closed > open', 'open > halfOpen', 'open > closed', 'halfOpen > open', 'halfOpen > closed']);
  const anyStep = fc.record({
    ms: fc.nat(2_000),
    do: fc.constantFrom('admit', 'success', 'failure', 'timeout', 'neutral', 'lateFailure'),
  });

  it('only moves as its states say, has one probe out at most, and stays open within its bounds', () => {
    const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 200 }), anyRandom, (steps, random) => {
        let state: BreakerState = 'closed';
        const breaker = new Breaker(
          { ...policy, failures: 2, timeouts: 1 },
          () => random,
          (from, to) => {
            expect(from).toBe(state);
            expect(legal).toContain(`${from} > ${to}`);
            state = to;
          },
        );
        let now = 0;
        let sentAt = 0;
        for (const step of steps) {
          now += step.ms;
          const before = breaker.state;
          switch (step.do) {
            case 'admit': {
              const mayGo = breaker.waitMs(now) === 0;
              expect(breaker.admit(now)).toBe(mayGo);
              if (before === 'halfOpen') expect(mayGo).toBe(false);
              if (mayGo) sentAt = now;
              break;
            }
            case 'success':
              breaker.onSuccess();
              expect(breaker.state).toBe('closed');
              break;
            case 'neutral':
              breaker.onNeutral(sentAt, now);
              break;
            case 'lateFailure':
              breaker.onFailure('failure', -1, now, 'a');
              if (before !== 'closed') expect(breaker.state).toBe(before);
              break;
            case 'failure':
            case 'timeout':
              breaker.onFailure(step.do, sentAt, now, 'a');
              if (before !== 'open' && breaker.state === 'open') {
                expect(breaker.waitMs(now)).toBeGreaterThanOrEqual(policy.baseMs / 2);
                expect(breaker.waitMs(now)).toBeLessThan(policy.capMs);
              }
              break;
          }
          expect(breaker.state).toBe(state);
        }
      }),
    );
  });
});
