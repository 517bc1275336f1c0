import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { RetryBudget, type RetryBudgetPolicy } from '../../../src/core/delivery/retry-budget.js';

const policy: RetryBudgetPolicy = { ratio: 0.1, perSecond: 2, burst: 10 };

const anyPolicy = fc.record({
  ratio: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 2, noNaN: true })),
  perSecond: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 50, noNaN: true })),
  burst: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.double({ min: 1, max: 20, noNaN: true })),
});
const anyStep = fc.oneof(
  fc.record({ type: fc.constant('pause' as const), ms: fc.double({ min: 0, max: 5_000, noNaN: true }) }),
  fc.record({ type: fc.constant('firstAttempts' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ type: fc.constant('retries' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ type: fc.constant('answers' as const), count: fc.integer({ min: 1, max: 20 }), isGood: fc.boolean() }),
);

function take(budget: RetryBudget, now: number, wanted: number): number {
  let taken = 0;
  while (taken < wanted && budget.take(now)) taken += 1;
  return taken;
}

describe('the retry budget', () => {
  it('lets fail at most ratio × first attempts + perSecond × seconds + burst retries', () => {
    fc.assert(
      fc.property(anyPolicy, fc.array(anyStep, { maxLength: 60 }), (any, steps) => {
        const budget = new RetryBudget(any, 0);
        let now = 0;
        let firstAttempts = 0;
        let underWay = 0;
        let failed = 0;
        const quiet = [{ now, firstAttempts, failed }];
        for (const step of steps) {
          switch (step.type) {
            case 'pause':
              now += step.ms;
              break;
            case 'firstAttempts':
              for (let count = 0; count < step.count; count += 1) budget.onFirstAttempt();
              firstAttempts += step.count;
              break;
            case 'retries':
              underWay += take(budget, now, step.count);
              break;
            case 'answers': {
              const answered = Math.min(underWay, step.count);
              underWay -= answered;
              if (step.isGood) for (let count = 0; count < answered; count += 1) budget.refund();
              else failed += answered;
              break;
            }
          }
          expect(budget.tokens(now)).toBeGreaterThanOrEqual(0);
          expect(budget.tokens(now)).toBeLessThanOrEqual(any.burst);
          const excess = quiet.map((start) => {
            const paid = any.ratio * (firstAttempts - start.firstAttempts);
            const trickled = (any.perSecond * (now - start.now)) / 1_000;
            return failed + underWay - start.failed - (paid + trickled + any.burst);
          });
          expect(Math.max(...excess)).toBeLessThanOrEqual(1e-5);
          if (underWay === 0) quiet.push({ now, firstAttempts, failed });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('lets a retry go after the wait it gave, and none before', () => {
    fc.assert(
      fc.property(anyPolicy, fc.nat(20), fc.integer({ min: 1, max: 20 }), (any, firstAttempts, wanted) => {
        const budget = new RetryBudget(any, 1_000.25);
        const taken = take(budget, 1_000.25, wanted);
        for (let count = 0; count < firstAttempts; count += 1) budget.onFirstAttempt();
        const waitMs = budget.waitMs(1_000.25);
        if (waitMs === 0) {
          expect(budget.take(1_000.25)).toBe(true);
          return;
        }
        expect(taken).toBe(Math.floor(any.burst + 1e-6));
        expect(budget.take(1_000.25)).toBe(false);
        if (any.perSecond === 0) expect(waitMs).toBe(Number.POSITIVE_INFINITY);
        else expect(budget.take(1_000.25 + waitMs)).toBe(true);
      }),
    );
  });

  it('starts with its burst', () => {
    const budget = new RetryBudget(policy, 0);
    expect(budget.tokens(0)).toBe(10);
    expect(take(budget, 0, 50)).toBe(10);
    expect(budget.take(0)).toBe(false);
  });

  it('gives one retry for ten first attempts where the ratio is a tenth', () => {
    const budget = new RetryBudget({ ...policy, perSecond: 0 }, 0);
    take(budget, 0, 10);
    for (let count = 0; count < 9; count += 1) budget.onFirstAttempt();
    expect(budget.waitMs(0)).toBe(Number.POSITIVE_INFINITY);
    expect(budget.take(0)).toBe(false);
    budget.onFirstAttempt();
    expect(budget.waitMs(0)).toBe(0);
    expect(take(budget, 0, 5)).toBe(1);
  });

  it('lets retries trickle when everything fails', () => {
    const budget = new RetryBudget(policy, 0);
    take(budget, 0, 10);
    expect(budget.waitMs(0)).toBe(500);
    expect(budget.take(499)).toBe(false);
    expect(budget.waitMs(499)).toBe(1);
    expect(take(budget, 500, 5)).toBe(1);
    expect(take(budget, 3_000, 50)).toBe(5);
  });

  it('holds no more than its burst, however long it is quiet and however much succeeds', () => {
    const budget = new RetryBudget(policy, 0);
    for (let count = 0; count < 1_000; count += 1) {
      budget.onFirstAttempt();
      budget.refund();
    }
    expect(budget.tokens(3_600_000)).toBe(10);
    expect(take(budget, 3_600_000, 50)).toBe(10);
  });

  it('is not used up by retries that are delivered or throttled', () => {
    const budget = new RetryBudget({ ...policy, perSecond: 0 }, 0);
    for (let count = 0; count < 100; count += 1) {
      expect(budget.take(0)).toBe(true);
      budget.refund();
    }
    expect(budget.tokens(0)).toBe(10);
  });

  it('neither gives nor takes anything for a clock that goes back', () => {
    const budget = new RetryBudget(policy, 10_000);
    expect(budget.tokens(0)).toBe(10);
    take(budget, 10_000, 10);
    expect(budget.tokens(0)).toBe(0);
    expect(budget.tokens(10_000)).toBe(0);
    expect(budget.tokens(10_500)).toBe(1);
  });

  it('is not made with a burst that would never allow a retry', () => {
    expect(() => new RetryBudget({ ...policy, burst: 0.5 }, 0)).toThrow(RangeError);
  });
});
