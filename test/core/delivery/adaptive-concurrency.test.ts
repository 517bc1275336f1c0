import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  AdaptiveConcurrency,
  type ConcurrencyPolicy,
  type RequestResult,
} from '../../../src/core/delivery/adaptive-concurrency.js';

const policy: ConcurrencyPolicy = {
  min: 1,
  initial: 8,
  max: 64,
  decreaseRatio: 0.75,
  failureShare: 0.2,
  latencyFactor: 2,
};

/** Random numbers in [0, 1) that are the same in every run (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A host that works on `workers` requests at a time, each for `workMs`; the others wait for their turn. */
interface Host {
  readonly workers?: number;
  readonly workMs: () => number;
  readonly result?: () => RequestResult;
}

interface InFlight {
  readonly sentAt: number;
  readonly endsAt: number;
}

/** Keeps as many requests in flight as it may, at most `demand`, under virtual time. */
class Drive {
  now = 0;
  readonly concurrency: AdaptiveConcurrency;
  /** The next to end first. */
  readonly #inFlight: InFlight[] = [];
  /** When each worker of the host is done with what it has, the first of them first. */
  readonly #doneAt: number[] = [];

  constructor(changed: Partial<ConcurrencyPolicy> = {}) {
    this.concurrency = new AdaptiveConcurrency({ ...policy, ...changed });
  }

  /** @returns the limits that were seen on the way. */
  run(ms: number, host: Host, demand = Infinity): readonly number[] {
    const until = this.now + ms;
    const limits = [this.concurrency.limit];
    while (this.now < until) {
      while (this.#inFlight.length < Math.min(this.concurrency.limit, demand)) this.#start(host);
      const first = this.#inFlight.shift();
      if (first === undefined) throw new Error('nothing is in flight');
      this.now = first.endsAt;
      this.concurrency.onEnd(this.now, this.now - first.sentAt, host.result?.() ?? 'ok');
      if (limits.at(-1) !== this.concurrency.limit) limits.push(this.concurrency.limit);
    }
    return limits;
  }

  #start({ workers = Infinity, workMs }: Host): void {
    const isFree = this.#doneAt.length < workers;
    const startsAt = Math.max(this.now, (isFree ? undefined : this.#doneAt.shift()) ?? 0);
    const endsAt = startsAt + workMs();
    if (workers < Infinity) insertSorted(this.#doneAt, endsAt, (at) => at);
    insertSorted(this.#inFlight, { sentAt: this.now, endsAt }, (request) => request.endsAt);
    this.concurrency.onStart(this.now, this.#inFlight.length);
  }
}

function insertSorted<Item>(items: Item[], item: Item, keyOf: (item: Item) => number): void {
  items.splice(items.findLastIndex((other) => keyOf(other) <= keyOf(item)) + 1, 0, item);
}

/** A period with these latencies in which the limit was reached; returns when it ended. */
function feed(concurrency: AdaptiveConcurrency, since: number, latencies: readonly number[]): number {
  concurrency.onStart(since, policy.max);
  const until = since + 100_000;
  latencies.forEach((ms, index) => {
    concurrency.onEnd(index < latencies.length - 1 ? since : until, ms, 'ok');
  });
  return until;
}

const steady: Host = { workMs: () => 200 };

describe('adaptive concurrency', () => {
  it('begins with the initial limit, within its bounds, and without a latency', () => {
    expect(new AdaptiveConcurrency(policy)).toMatchObject({ limit: 8, latencyMs: 0 });
    expect(new AdaptiveConcurrency({ ...policy, initial: 100 }).limit).toBe(64);
    expect(new AdaptiveConcurrency({ ...policy, initial: 0 }).limit).toBe(1);
  });

  it('climbs by one a period to the greatest limit while the latency is steady and the limit is reached', () => {
    const drive = new Drive();
    const limits = drive.run(60 * 200, steady);
    expect(limits).toEqual(Array.from({ length: 57 }, (_, index) => 8 + index));
    expect(drive.concurrency.latencyMs).toBeCloseTo(200);
  });

  it('does not grow beyond what is used', () => {
    expect(new Drive().run(60_000, steady, 7)).toEqual([8]);
    expect(new Drive().run(60_000, steady, 10).at(-1)).toBe(11);
  });

  it('climbs, and stays there, also where the latencies are far apart', () => {
    for (let seed = 0; seed < 3; seed += 1) {
      const random = seededRandom(seed);
      // Exponential: the mean distance from the mean is 0.74 of it.
      const host: Host = { workMs: () => -200 * Math.log(1 - random()) };
      const drive = new Drive();
      drive.run(30_000, host);
      expect(Math.min(...drive.run(60_000, host))).toBeGreaterThanOrEqual(48);
    }
  });

  it('shrinks to the least limit within 12 periods when the latency is 50 times what it was', () => {
    const drive = new Drive();
    drive.run(60_000, steady);
    expect(drive.concurrency.limit).toBe(64);
    // Requests of 10 s, and a period may have to wait for those of the one before.
    const limits = drive.run(2 * 12 * 10_000, { workMs: () => 10_000 });
    expect(limits.slice(0, 13)).toEqual([64, 48, 36, 27, 20, 15, 11, 8, 6, 4, 3, 2, 1]);
  });

  it('grows again as soon as the latency is what it was', () => {
    const drive = new Drive();
    drive.run(60_000, steady);
    drive.run(150_000, { workMs: () => 10_000 });
    expect(drive.concurrency.limit).toBeLessThanOrEqual(3);
    drive.run(20_000, steady);
    expect(drive.run(60_000, steady).at(-1)).toBe(64);
  });

  it('does not punish a host for ever that is slower for good', () => {
    for (const factor of [1.5, 3, 10, 50]) {
      const drive = new Drive();
      drive.run(60_000, steady);
      // As many results as a least limit of one has in the periods promised, and a climb back.
      const limits = drive.run(500 * 200 * factor, { workMs: () => 200 * factor });
      expect(limits.at(-1)).toBe(64);
    }
  });

  it('sees a host slow down a little at a time, and does not take that for usual', () => {
    const drive = new Drive();
    drive.run(60_000, steady);
    let workMs = 200;
    // 1 % slower with every period: after 70 it is twice as slow.
    const host: Host = { workMs: () => workMs };
    for (let period = 0; period < 80; period += 1) {
      drive.run(workMs, host);
      workMs *= 1.01;
    }
    expect(drive.concurrency.limit).toBeLessThan(64);
  });

  it.each([4, 10, 20])('settles at about what a host can work on at a time: %d', (workers) => {
    const random = seededRandom(workers);
    const host: Host = { workers, workMs: () => 100 + 200 * random() };
    const drive = new Drive({ initial: 1 });
    drive.run(120_000, host);
    // Ten minutes at its capacity: thousands of periods must not make the waiting there usual.
    const limits = drive.run(600_000, host);
    expect(Math.max(...limits)).toBeLessThanOrEqual(4 * workers);
    expect(Math.max(...limits)).toBeLessThan(policy.max);
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(workers);
  });

  it('takes a latency for high only when it is beyond what is usual among its requests', () => {
    const concurrency = new AdaptiveConcurrency(policy);
    const seldom = [3_000, ...Array.from({ length: 9 }, () => 100)];
    let at = 0;
    for (let period = 0; period < 10; period += 1) at = feed(concurrency, at, seldom);
    expect(concurrency.limit).toBe(18);
    // Mean 390 ms, and 522 ms off it on average: 970 ms is more than twice, but not 2.5 times those 522 ms, above it.
    at = feed(concurrency, at, [3_000, 3_000, 3_000, ...Array.from({ length: 7 }, () => 100)]);
    expect(concurrency.limit).toBe(19);
    feed(concurrency, at, [3_000, 3_000, 3_000, 3_000, 3_000, 3_000, 100, 100, 100, 100]);
    expect(concurrency.limit).toBe(14);
  });

  it('learns that a host is slower while the limit is not reached', () => {
    const drive = new Drive();
    drive.run(60_000, steady);
    drive.run(60_000, { workMs: () => 380 }, 6);
    expect(drive.run(30_000, { workMs: () => 600 })).toEqual([64]);
  });

  it('does not learn what is too high on the way down, also where few of the requests it allows are used', () => {
    const drive = new Drive();
    drive.run(60_000, steady);
    const limits = drive.run(600_000, { workMs: () => 10_000 }, 3);
    expect(limits.slice(0, 11)).toEqual([64, 48, 36, 27, 20, 15, 11, 8, 6, 4, 3]);
  });

  it('forgets how many were in flight before it shrank', () => {
    const drive = new Drive();
    drive.run(60_000, steady);
    drive.run(1_000, { ...steady, result: () => 'failed' });
    const { limit } = drive.concurrency;
    expect(limit).toBeLessThan(40);
    drive.run(1_000, steady, 10);
    const limits = drive.run(60_000, steady, 10);
    expect(Math.max(...limits)).toBeLessThanOrEqual(limit + 1);
  });

  it('takes what is still in flight for a load of the next period', () => {
    const concurrency = new AdaptiveConcurrency(policy);
    concurrency.onStart(0, 20);
    for (let index = 0; index < 5; index += 1) concurrency.onEnd(1_000, 100, 'ok');
    expect(concurrency.limit).toBe(9);
    for (let index = 0; index < 5; index += 1) concurrency.onEnd(2_000, 100, 'ok');
    expect(concurrency.limit).toBe(10);
    for (let index = 0; index < 5; index += 1) concurrency.onEnd(3_000, 100, 'ok');
    expect(concurrency.limit).toBe(11);
    for (let index = 0; index < 5; index += 1) concurrency.onEnd(4_000, 100, 'ok');
    expect(concurrency.limit).toBe(11);
  });

  it('shrinks when too large a share fails or times out, and grows when no more than that does', () => {
    for (const result of ['failed', 'timeout'] as const) {
      let turn = 0;
      const often: Host = { ...steady, result: () => (turn++ % 2 === 0 ? result : 'ok') };
      expect(new Drive().run(20_000, often).at(-1)).toBe(1);
      const seldom: Host = { ...steady, result: () => (turn++ % 20 === 0 ? result : 'ok') };
      expect(new Drive().run(20_000, seldom).at(-1)).toBe(64);
    }
  });

  it('takes nothing from how long a failure took', () => {
    const drive = new Drive();
    drive.run(60_000, steady);
    let turn = 0;
    // One in ten fails, after 5 s: with them the mean would be more than three times the usual one.
    const isFailure = (): boolean => turn % 10 === 0;
    for (turn = 1; turn <= 2_000; turn += 1) {
      drive.now += 1;
      drive.concurrency.onEnd(drive.now, isFailure() ? 5_000 : 200, isFailure() ? 'timeout' : 'ok');
      expect(drive.concurrency.limit).toBe(64);
    }
    expect(drive.concurrency.latencyMs).toBeCloseTo(200);
  });

  it('is not changed by results that are ignored', () => {
    const drive = new Drive();
    const limits = drive.run(60_000, { workMs: () => 5_000, result: () => 'ignored' });
    expect([limits, drive.concurrency.latencyMs]).toEqual([[8], 0]);
  });

  it('judges no period of fewer than five results', () => {
    const concurrency = new AdaptiveConcurrency(policy);
    for (let index = 0; index < 4; index += 1) concurrency.onEnd(index * 10_000, 1, 'failed');
    expect(concurrency.limit).toBe(8);
    concurrency.onEnd(40_000, 1, 'failed');
    expect(concurrency.limit).toBe(6);
  });

  it('judges no more than once in a latency, or in 100 ms', () => {
    const concurrency = new AdaptiveConcurrency(policy);
    for (let index = 0; index < 100; index += 1) concurrency.onEnd(index, 1, 'failed');
    expect(concurrency.limit).toBe(8);
    concurrency.onEnd(100, 1, 'failed');
    expect(concurrency.limit).toBe(6);
  });

  it('stays within its bounds and whole, whatever happens', () => {
    const anyStep = fc.record({
      ms: fc.nat(10_000),
      took: fc.oneof(fc.nat(100_000), fc.double({ noNaN: true })),
      inFlight: fc.nat(100),
      result: fc.constantFrom<RequestResult>('ok', 'failed', 'timeout', 'ignored'),
    });
    const anyPolicy = fc
      .record({
        min: fc.integer({ min: 1, max: 10 }),
        more: fc.nat(50),
        initial: fc.nat(100),
        ratio: fc.double({ min: 0, max: 1, noNaN: true }),
      })
      .map(({ min, more, initial, ratio }) => ({ ...policy, min, max: min + more, initial, decreaseRatio: ratio }));
    fc.assert(
      fc.property(anyPolicy, fc.array(anyStep, { maxLength: 300 }), (any, steps) => {
        const concurrency = new AdaptiveConcurrency(any);
        let now = 0;
        for (const { ms, took, inFlight, result } of steps) {
          concurrency.onStart(now, inFlight);
          now += ms;
          concurrency.onEnd(now, took, result);
          expect(Number.isInteger(concurrency.limit)).toBe(true);
          expect(concurrency.limit).toBeGreaterThanOrEqual(any.min);
          expect(concurrency.limit).toBeLessThanOrEqual(any.max);
        }
      }),
    );
  });
});
