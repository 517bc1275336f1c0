import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { classifyHeapReply } from '../../../src/destinations/heap/classify-reply.js';

const now = Date.UTC(2024, 4, 1, 12);

function classify(status: number, retryAfter?: string, body = ''): SendOutcome {
  return classifyHeapReply(
    retryAfter === undefined ? { type: 'answer', status, body } : { type: 'answer', status, body, retryAfter },
    now,
  );
}

/** The statuses that say something of their own; all others of a hundred mean the same. */
const particular: Readonly<Record<number, SendOutcome['type']>> = {
  400: 'rejected',
  408: 'retry',
  413: 'tooLarge',
  421: 'retry',
  422: 'rejected',
  425: 'retry',
  429: 'throttled',
};

function expectedType(status: number): SendOutcome['type'] {
  if (status < 200) return 'retry';
  if (status < 300) return 'delivered';
  if (status < 400) return 'halted';
  if (status < 500) return particular[status] ?? 'halted';
  return 'retry';
}

const allStatuses = Array.from({ length: 500 }, (_, index) => 100 + index);

describe('a reply from Heap', () => {
  it('has a meaning for every status', () => {
    const meanings = (type: (status: number) => string): readonly string[] =>
      allStatuses.map((status) => `${status} ${type(status)}`);
    expect(meanings((status) => classify(status).type)).toEqual(meanings(expectedType));
  });

  it('has the same meaning whatever its body', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...allStatuses),
        fc.oneof(fc.string(), fc.constantFrom('OK', '{}')),
        (status, body) => {
          expect(classify(status, undefined, body).type).toBe(classify(status).type);
        },
      ),
    );
  });

  it('that is no success is told in the words of Heap', () => {
    for (const status of allStatuses.filter((code) => code < 200 || code >= 300)) {
      expect(classify(status, undefined, 'identity is too long')).toMatchObject({
        detail: `HTTP ${status} identity is too long`,
      });
      expect(classify(status)).toMatchObject({ detail: `HTTP ${status}` });
    }
  });

  it.each([429, 503, 500, 408])('of status %i may say in seconds when to come back', (status) => {
    expect(classify(status, '30')).toMatchObject({ afterMs: 30_000 });
    expect(classify(status, ' 7 ')).toMatchObject({ afterMs: 7_000 });
    expect(classify(status, '0')).toMatchObject({ afterMs: 0 });
  });

  it.each([429, 503])('of status %i may say as a date when to come back', (status) => {
    expect(classify(status, 'Wed, 01 May 2024 12:00:30 GMT')).toMatchObject({ afterMs: 30_000 });
    expect(classify(status, 'Wednesday, 01-May-24 12:00:30 GMT')).toMatchObject({ afterMs: 30_000 });
    expect(classify(status, new Date(now + 3_600_000).toUTCString())).toMatchObject({ afterMs: 3_600_000 });
  });

  it('whose date is over asks to come back at once', () => {
    expect(classify(429, 'Wed, 21 Oct 2015 07:28:00 GMT')).toMatchObject({ type: 'throttled', afterMs: 0 });
  });

  it.each([
    '',
    'soon',
    '-5',
    '1.5',
    '1e3',
    '0x10',
    'Infinity',
    'NaN',
    '30 s',
    'Wed, 99 Foo 2024',
    '2024-05-01T12:00:30Z',
  ])('whose Retry-After is "%s" does not say when to come back', (retryAfter) => {
    expect(classify(429, retryAfter)).toEqual({ type: 'throttled', detail: 'HTTP 429' });
  });

  it('never asks for a wait below zero, whatever its header', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,30}$/)), (retryAfter) => {
        const outcome = classify(503, retryAfter);
        expect(outcome.type).toBe('retry');
        if (outcome.type === 'retry' && outcome.afterMs !== undefined) {
          expect(outcome.afterMs).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('that asks for another try is an answer all the same: the way to Heap works', () => {
    for (const status of [408, 425, 500, 502, 503, 504]) {
      expect(classify(status)).toEqual({ type: 'retry', cause: 'answer', detail: `HTTP ${status}` });
    }
  });

  it('carries no wait where waiting changes nothing', () => {
    for (const status of [200, 301, 400, 401, 413, 422]) expect(classify(status, '30')).not.toHaveProperty('afterMs');
  });

  it.each(['timeout', 'network'] as const)('that never came is tried again: %s', (cause) => {
    expect(classifyHeapReply({ type: 'noAnswer', cause, detail: 'ECONNRESET' }, now)).toEqual({
      type: 'retry',
      cause,
      detail: `${cause}: ECONNRESET`,
    });
  });
});
