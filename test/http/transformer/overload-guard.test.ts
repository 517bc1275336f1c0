import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  createOverloadGuard,
  heapUsedRatio,
  type Admission,
  type OverloadGuard,
  type OverloadGuardOptions,
} from '../../../src/http/transformer/overload-guard.js';

type Admitted = Extract<Admission, { readonly ok: true }>;

function guard(options: Partial<OverloadGuardOptions> = {}): OverloadGuard {
  return createOverloadGuard({
    maxConcurrentRequests: 10,
    maxBodyBytesInFlight: 100,
    maxHeapUsedRatio: 0.8,
    heapUsedRatio: () => 0.1,
    now: () => 0,
    ...options,
  });
}

function admitted(admission: Admission): Admitted {
  if (!admission.ok) throw new Error(admission.reason);
  return admission;
}

describe('the overload guard', () => {
  it('admits what fits, and counts it until it is released', () => {
    const door = guard();
    const first = admitted(door.admit(40));
    const second = admitted(door.admit(60));
    expect(door.snapshot()).toEqual({ concurrentRequests: 2, bodyBytesInFlight: 100 });
    first.release();
    expect(door.snapshot()).toEqual({ concurrentRequests: 1, bodyBytesInFlight: 60 });
    second.release();
    expect(door.snapshot()).toEqual({ concurrentRequests: 0, bodyBytesInFlight: 0 });
  });

  it('refuses a request too many, until one is released', () => {
    const door = guard({ maxConcurrentRequests: 1 });
    const only = admitted(door.admit(0));
    expect(door.admit(0)).toEqual({ ok: false, reason: 'too_many_requests' });
    only.release();
    expect(door.admit(0).ok).toBe(true);
  });

  it('refuses a byte too many, until there is room', () => {
    const door = guard();
    const held = admitted(door.admit(99));
    expect(door.admit(2)).toEqual({ ok: false, reason: 'too_many_bytes' });
    expect(door.snapshot()).toEqual({ concurrentRequests: 1, bodyBytesInFlight: 99 });
    expect(door.admit(1).ok).toBe(true);
    held.release();
    expect(door.admit(99).ok).toBe(true);
  });

  it('releases once, however often it is told', () => {
    const door = guard();
    const other = admitted(door.admit(7));
    const twice = admitted(door.admit(5));
    twice.release();
    twice.release();
    expect(door.snapshot()).toEqual({ concurrentRequests: 1, bodyBytesInFlight: 7 });
    other.release();
    expect(door.snapshot()).toEqual({ concurrentRequests: 0, bodyBytesInFlight: 0 });
  });

  it('books what arrives unannounced, and says when the budget is used up', () => {
    const door = guard();
    admitted(door.admit(50));
    const growing = admitted(door.admit(0));
    expect(growing.grow(50)).toBe(true);
    expect(growing.grow(1)).toBe(false);
    expect(door.snapshot().bodyBytesInFlight).toBe(100);
    growing.release();
    expect(door.snapshot()).toEqual({ concurrentRequests: 1, bodyBytesInFlight: 50 });
  });

  it('books nothing for a request that is released', () => {
    const door = guard();
    const gone = admitted(door.admit(1));
    gone.release();
    expect(gone.grow(1)).toBe(false);
    expect(door.snapshot()).toEqual({ concurrentRequests: 0, bodyBytesInFlight: 0 });
  });

  it('admits a body over the whole budget when no other holds any of it', () => {
    const door = guard();
    const held = admitted(door.admit(1));
    expect(door.admit(101)).toEqual({ ok: false, reason: 'too_many_bytes' });
    held.release();
    const large = admitted(door.admit(101));
    expect(door.admit(1)).toEqual({ ok: false, reason: 'too_many_bytes' });
    large.release();
    expect(door.admit(1).ok).toBe(true);
  });

  it('lets a body grow over the whole budget when no other holds any of it', () => {
    const door = guard();
    const alone = admitted(door.admit(0));
    const empty = admitted(door.admit(0));
    expect(alone.grow(90)).toBe(true);
    expect(alone.grow(90)).toBe(true);
    expect(empty.grow(1)).toBe(false);
    alone.release();
    expect(empty.grow(1)).toBe(true);
  });

  it('admits nothing while the heap is fuller than it may be', () => {
    let ratio = 0.81;
    let now = 0;
    const door = guard({ heapUsedRatio: () => ratio, now: () => now });
    expect(door.admit(0)).toEqual({ ok: false, reason: 'memory_fencing' });
    ratio = 0.8;
    now = 100;
    expect(door.admit(0).ok).toBe(true);
  });

  it('looks at the heap every 100 ms at most', () => {
    let looks = 0;
    let now = 1_000;
    const door = guard({ heapUsedRatio: () => (looks += 1) * 0, now: () => now });
    for (const [at, expected] of [
      [1_000, 1],
      [1_099, 1],
      [1_100, 2],
      [1_199, 2],
      [500, 3],
      [599, 3],
      [600, 4],
    ] as const) {
      now = at;
      door.admit(0);
      expect([at, looks]).toEqual([at, expected]);
    }
  });

  it.each([-1, 0.5, Number.NaN, Infinity])('takes %d for a fault of the caller', (bytes) => {
    const door = guard();
    const request = admitted(door.admit(0));
    expect(() => door.admit(bytes)).toThrow(RangeError);
    expect(() => request.grow(bytes)).toThrow(RangeError);
    expect(door.snapshot()).toEqual({ concurrentRequests: 1, bodyBytesInFlight: 0 });
  });

  it('never counts below nothing, nor over its bounds but for one that holds all bytes alone', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('admit' as const), bytes: fc.nat(150) }),
      fc.record({ do: fc.constant('grow' as const), bytes: fc.nat(60), which: fc.nat() }),
      fc.record({ do: fc.constant('release' as const), which: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const door = guard({ maxConcurrentRequests: 4 });
        const all: { readonly admission: Admitted; held: number }[] = [];
        for (const next of steps) {
          if (next.do === 'admit') {
            const admission = door.admit(next.bytes);
            if (admission.ok) all.push({ admission, held: next.bytes });
          } else {
            // Released ones are chosen too: they must change nothing.
            const chosen = all[next.which % Math.max(1, all.length)];
            if (chosen === undefined) continue;
            if (next.do === 'grow' && chosen.admission.grow(next.bytes)) chosen.held += next.bytes;
            if (next.do === 'release') {
              chosen.admission.release();
              chosen.held = 0;
            }
          }
          const holders = all.filter(({ held }) => held > 0);
          const { concurrentRequests, bodyBytesInFlight } = door.snapshot();
          expect(bodyBytesInFlight).toBe(holders.reduce((sum, { held }) => sum + held, 0));
          expect(bodyBytesInFlight <= 100 || holders.length === 1).toBe(true);
          expect(concurrentRequests).toBeGreaterThanOrEqual(holders.length);
          expect(concurrentRequests).toBeLessThanOrEqual(4);
        }
        for (const { admission } of all) admission.release();
        expect(door.snapshot()).toEqual({ concurrentRequests: 0, bodyBytesInFlight: 0 });
        expect(door.admit(1_000_000).ok).toBe(true);
      }),
    );
  });
});

describe('the reading of the heap', () => {
  it('is a share of the limit', () => {
    expect(heapUsedRatio()).toBeGreaterThan(0);
    expect(heapUsedRatio()).toBeLessThan(1);
  });
});
