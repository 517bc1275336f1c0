import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { backOffMs, retryDelayMs, type BackOffPolicy } from '../../../src/core/delivery/back-off.js';
import { parseRetryAfter } from '../../../src/core/delivery/retry-after.js';

const policy: BackOffPolicy = { baseMs: 500, capMs: 60_000, maxRetryAfterMs: 300_000 };
const almostOne = 1 - Number.EPSILON;

const anyPolicy = fc.record({
  baseMs: fc.integer({ min: 1, max: 100_000 }),
  capMs: fc.integer({ min: 1, max: 10_000_000 }),
  maxRetryAfterMs: fc.integer({ min: 1, max: 10_000_000 }),
});
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyFailures = fc.oneof(fc.nat(100), fc.nat(Number.MAX_SAFE_INTEGER));

describe('the back-off', () => {
  it('is a whole number of milliseconds from 0 up to the smaller of the cap and base · 2^failures', () => {
    fc.assert(
      fc.property(anyPolicy, anyFailures, anyRandom, (any, failures, random) => {
        const ms = backOffMs(any, failures, random);
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(any.capMs);
        expect(ms).toBeLessThanOrEqual(any.baseMs * 2 ** failures);
      }),
    );
  });

  it('doubles its ceiling with every failure until it meets the cap', () => {
    const ceilings = [0, 1, 2, 3, 6, 7, 8, 1_000].map((failures) => Math.round(backOffMs(policy, failures, almostOne)));
    expect(ceilings).toEqual([499, 999, 1_999, 3_999, 31_999, 59_999, 59_999, 59_999]);
  });

  it('spreads over the whole range: full jitter', () => {
    const waits = [0, 0.25, 0.5, 0.75].map((random) => backOffMs(policy, 3, random));
    expect(waits).toEqual([0, 1_000, 2_000, 3_000]);
  });
});

describe('the wait before the next attempt', () => {
  it('is the back-off when the destination asks for nothing', () => {
    fc.assert(
      fc.property(anyPolicy, anyFailures, anyRandom, (any, failures, random) => {
        expect(retryDelayMs(any, failures, undefined, random)).toBe(backOffMs(any, failures, random));
      }),
    );
  });

  it('is what the destination asked for, within its bounds, and a tenth longer at most', () => {
    fc.assert(
      fc.property(anyPolicy, fc.nat(1e9), anyRandom, (any, askedMs, random) => {
        fc.pre(askedMs >= any.baseMs);
        const clamped = Math.min(askedMs, any.maxRetryAfterMs);
        const ms = retryDelayMs(any, 5, askedMs, random);
        expect(ms).toBeGreaterThanOrEqual(clamped);
        expect(ms).toBeLessThanOrEqual(clamped * 1.1);
      }),
    );
  });

  it('leaves a pause where the destination asks to come back at once, and a longer one each time', () => {
    expect(retryDelayMs(policy, 0, 0, 0)).toBe(policy.baseMs);
    expect(retryDelayMs(policy, 5, 0, 0.5)).toBe(policy.baseMs * 16);
  });

  it('differs between lanes that were told the same second', () => {
    expect(retryDelayMs(policy, 0, 2_000, 0)).toBe(2_000);
    expect(retryDelayMs(policy, 0, 2_000, 0.5)).toBe(2_100);
  });

  it('does not follow a header that asks for a year', () => {
    expect(retryDelayMs(policy, 0, 31_536_000_000, 0)).toBe(300_000);
  });
});

describe('a Retry-After header', () => {
  const now = Date.UTC(2026, 10, 22, 8, 0, 0);

  it.each([
    ['0', 0],
    ['7', 7_000],
    [' 120 ', 120_000],
    ['Sun, 22 Nov 2026 08:00:05 GMT', 5_000],
    ['Sunday, 22-Nov-26 08:00:05 GMT', 5_000],
    ['Sun Nov 22 08:00:05 2026 GMT', 5_000],
  ])('%j asks for %d ms', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });

  it('that names a moment gone by asks for no wait, never for a negative one', () => {
    expect(parseRetryAfter('Sun, 22 Nov 2026 07:59:00 GMT', now)).toBe(0);
  });

  it.each([
    undefined,
    '',
    ' ',
    '-3',
    '1.5',
    '+4',
    '0x10',
    '1e3',
    'soon',
    'Sun, 99 Nov 2026',
    '2026-11-22T08:00:05Z',
    'NaN',
  ])('%j asks for nothing', (header) => {
    expect(parseRetryAfter(header, now)).toBeUndefined();
  });

  it('is a number of milliseconds that is not negative, or nothing, whatever it says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,400}$/)), (header) => {
        const ms = parseRetryAfter(header, now);
        expect(ms === undefined || ms >= 0).toBe(true);
      }),
    );
  });
});
