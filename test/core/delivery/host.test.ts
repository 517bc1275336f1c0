import { setMaxListeners } from 'node:events';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { HostPolicy } from '../../../src/core/delivery/delivery-policy.js';
import { Host } from '../../../src/core/delivery/host.js';
import { InFlightBytes } from '../../../src/core/delivery/in-flight-bytes.js';
import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { hostPolicy, neverOpen } from '../../support/delivery-policy.js';
import { delivered, failed, halted, refused, throttled, timedOut } from '../../support/recorded-delivery.js';
import { recordingObserver } from '../../support/recording-observer.js';
import { settled, VirtualClock } from '../../support/virtual-clock.js';
import { FakeSender } from './fake-sender.js';

interface World {
  readonly policy?: Partial<HostPolicy>;
  /** What becomes of a request of this lane, and after how long. */
  readonly answer?: (lane: string, at: number) => readonly [outcome: SendOutcome, ms: number];
  readonly maxInFlightBytes?: number;
  readonly hosts?: number;
}

const never = Infinity;

/** Hosts in virtual time, and whose requests left when. */
function worldOf({ policy, answer = () => [delivered, 10], maxInFlightBytes = Infinity, hosts = 1 }: World = {}) {
  const clock = new VirtualClock(0);
  const abort = new AbortController();
  // Every request that hangs listens.
  setMaxListeners(0, abort.signal);
  const { observer, heard } = recordingObserver();
  const sent: string[] = [];
  const times: number[] = [];
  const inFlight = { now: 0, most: 0 };
  const bytes = new InFlightBytes(maxInFlightBytes);
  const all = Array.from(
    { length: hosts },
    (_unused, index) =>
      new Host(`host ${index}`, {
        policy: { ...hostPolicy, ...policy },
        send: async ({ body }, signal) => {
          sent.push(body);
          times.push(clock.monotonic());
          inFlight.now += 1;
          inFlight.most = Math.max(inFlight.most, inFlight.now);
          const [outcome, ms] = answer(body, clock.monotonic());
          if (ms === never) {
            await new Promise((resolve) => {
              signal.addEventListener('abort', resolve);
            });
          } else {
            await clock.sleep(ms, signal);
          }
          inFlight.now -= 1;
          return outcome;
        },
        clock,
        random: () => 0.5,
        observer,
        signal: abort.signal,
        bytes,
      }),
  );
  const [host] = all;
  if (host === undefined) throw new Error('a world has a host');
  return { clock, abort, heard, sent, times, inFlight, host, hosts: all, bytes };
}

function concurrencyOf(limit: number): Pick<HostPolicy, 'concurrency'> {
  return { concurrency: { ...hostPolicy.concurrency, initial: limit, max: limit } };
}

const scarce = { ratio: 0, perSecond: 1, burst: 1 };

describe('a host', () => {
  it('gives its lanes one turn each, round and round', async () => {
    const { clock, host, sent } = worldOf({ policy: concurrencyOf(1) });
    for (const name of ['a', 'b', 'c']) new FakeSender(name, host).want(name === 'b' ? 1 : 3);
    await clock.runOut();
    expect(sent.join('')).toBe('abcacac');
  });

  it('lets a lane that comes late wait for one round and no backlog', async () => {
    const { clock, host, sent } = worldOf({ policy: concurrencyOf(2) });
    new FakeSender('a', host, 2).want(50);
    await clock.advance(95);
    new FakeSender('b', host).want(1);
    await clock.advance(10);
    expect(sent.slice(-2)).toContain('b');
  });

  it('has no more requests in flight than it takes well', async () => {
    const { clock, host, inFlight, sent } = worldOf({ policy: concurrencyOf(3) });
    for (const name of ['a', 'b', 'c', 'd', 'e']) new FakeSender(name, host, 4).want(5);
    expect(host.snapshot()).toMatchObject({ concurrency: 3, inFlight: 3, slow: 0, waitingLanes: 5 });
    await clock.runOut();
    expect([inFlight.most, sent.length]).toEqual([3, 25]);
    expect(host.snapshot()).toMatchObject({ inFlight: 0, waitingLanes: 0, latencyMs: 10 });
  });

  it.each([
    [1, 1],
    [2, 1],
    [7, 3],
    [8, 4],
  ])('that takes %i requests lets one lane have %i of them', (limit, share) => {
    expect(worldOf({ policy: concurrencyOf(limit) }).host.share).toBe(share);
  });

  it('takes a turn back from a lane that has nothing to send any more, and gives it to the next', async () => {
    const { clock, host, sent } = worldOf({ policy: concurrencyOf(1) });
    new FakeSender('a', host).want(1);
    const idle = new FakeSender('b', host).want(1);
    new FakeSender('c', host).want(1);
    idle.want(-1);
    await clock.runOut();
    expect(sent.join('')).toBe('ac');
  });

  it('starts nothing while too many bytes are in flight, and goes on when there is room', async () => {
    const { clock, host, inFlight, sent } = worldOf({ maxInFlightBytes: 25 });
    for (const name of ['a', 'b', 'c', 'd']) new FakeSender(name, host).want(2);
    // 10 bytes each: the third starts while there are 20.
    expect(inFlight.now).toBe(3);
    await clock.runOut();
    expect([inFlight.most, sent.length]).toEqual([3, 8]);
  });

  it('shares the bytes in flight with other hosts, and none of them has to wait for the backlog of another', async () => {
    const { clock, hosts, sent } = worldOf({ maxInFlightBytes: 1, hosts: 3 });
    hosts.forEach((host, index) => new FakeSender('abc'.charAt(index), host, 4).want(20));
    await clock.advance(95);
    expect(sent).toHaveLength(10);
    for (const name of 'abc') expect(sent.filter((each) => each === name).length).toBeGreaterThanOrEqual(3);
    await clock.runOut();
    expect(sent).toHaveLength(60);
  });
});

describe('requests that hang', () => {
  it('leave the regular connections after half a second, for a few of their own', async () => {
    const { clock, host, sent } = worldOf({
      policy: { ...concurrencyOf(2), maxSlow: 2 },
      answer: (lane) => [delivered, lane.startsWith('slow') ? never : 10],
    });
    const slow = ['slow 1', 'slow 2'].map((name) => new FakeSender(name, host).want(1));
    const well = new FakeSender('well', host).want(3);
    await clock.advance(499);
    expect(sent).toEqual(['slow 1', 'slow 2']);
    expect(host.snapshot()).toMatchObject({ inFlight: 2, slow: 0 });
    await clock.advance(51);
    expect(well.outcomes).toEqual([delivered, delivered, delivered]);
    expect(host.snapshot()).toMatchObject({ inFlight: 0, slow: 2 });
    expect(slow.map(({ overstays }) => overstays)).toEqual([1, 1]);
  });

  it('are those that take eight times as long as usual', async () => {
    const { clock, host } = worldOf({ answer: (lane) => [delivered, lane === 'slow' ? 5_000 : 200] });
    new FakeSender('well', host).want(3);
    await clock.runOut();
    const slow = new FakeSender('slow', host).want(1);
    await clock.advance(1_599);
    expect(slow.overstays).toBe(0);
    await clock.advance(1);
    expect(slow.overstays).toBe(1);
    await clock.runOut();
    expect([slow.outcomes.length, slow.overstays]).toEqual([1, 1]);
  });

  it('of lanes that are known for it wait for each other only', async () => {
    const { clock, host, inFlight } = worldOf({
      policy: { ...concurrencyOf(2), maxSlow: 2 },
      answer: (lane) => [delivered, lane === 'well' ? 10 : 60_000],
    });
    const slow = ['1', '2', '3', '4', '5'].map((name) => {
      const sender = new FakeSender(name, host);
      sender.isSlow = true;
      return sender.want(1);
    });
    expect(host.snapshot()).toMatchObject({ inFlight: 0, slow: 2, waitingLanes: 3 });
    const well = new FakeSender('well', host, 2).want(100);
    await clock.advance(1_000);
    expect(well.outcomes).toHaveLength(100);
    await clock.runOut();
    expect(slow.map(({ outcomes }) => outcomes.length)).toEqual([1, 1, 1, 1, 1]);
    expect(inFlight.most).toBe(4);
  });

  it('never use more connections than the policy has, regular and slow together, and the least that is kept for others', async () => {
    const { clock, host, inFlight } = worldOf({
      policy: { ...concurrencyOf(3), maxSlow: 2 },
      answer: () => [delivered, 30_000],
    });
    const senders = Array.from({ length: 20 }, (_unused, index) => new FakeSender(`lane ${index}`, host, 2).want(2));
    await clock.runOut();
    expect(inFlight.most).toBeLessThanOrEqual(3 + 2 + 1);
    for (const { outcomes } of senders) expect(outcomes).toHaveLength(2);
  });

  it('hold up no lane that answers again: it takes its turn among those that do', async () => {
    const { clock, host } = worldOf({
      policy: { ...concurrencyOf(4), maxSlow: 1 },
      answer: (lane, at) => [delivered, lane === 'dead' ? never : at === 0 ? 1_000 : 10],
    });
    const dead = new FakeSender('dead', host);
    dead.isSlow = true;
    dead.want(1);
    const better = new FakeSender('better', host, 2, (sender) => {
      sender.isSlow = false;
    });
    better.want(1);
    await clock.advance(600);
    expect(better.isSlow).toBe(true);
    // Asks while it hangs, and has to wait for the one slow connection.
    better.want(2);
    await clock.advance(600);
    expect(better.outcomes).toHaveLength(3);
  });

  it('take no more than the slow connections when their lanes turn slow while they wait for their turn', async () => {
    const { clock, host } = worldOf({
      policy: { ...concurrencyOf(4), maxSlow: 1 },
      answer: () => [delivered, 60_000],
    });
    const senders = Array.from({ length: 8 }, (_unused, index) => new FakeSender(`lane ${index}`, host, 2).want(2));
    for (let at = 0; at < 60_000; at += 100) {
      await clock.advance(100);
      expect(host.snapshot().slow + host.snapshot().inFlight).toBeLessThanOrEqual(4 + 1 + 1);
    }
    await clock.runOut();
    for (const { outcomes } of senders) expect(outcomes).toHaveLength(2);
  });
});

describe('lanes that failed before', () => {
  it('are held back when there were enough retries, and those that did not fail go on', async () => {
    const { clock, host, times, sent, heard } = worldOf({
      policy: { budget: scarce },
      answer: (lane) => [lane === 'bad' ? failed : delivered, 10],
    });
    const bad = new FakeSender('bad', host);
    bad.isRetrying = true;
    bad.want(4);
    new FakeSender('good', host).want(100);
    await clock.advance(3_500);
    expect(sent.filter((each) => each === 'good')).toHaveLength(100);
    expect(times.filter((_at, index) => sent[index] === 'bad')).toEqual([0, 1_000, 2_000, 3_000]);
    expect(heard.retries).toHaveLength(4);
  });

  it('go before those that did not, as far as the budget lets them', async () => {
    const { clock, host, sent } = worldOf({
      policy: { ...concurrencyOf(1), budget: { ...scarce, burst: 2 } },
      answer: () => [failed, 10],
    });
    new FakeSender('good', host).want(4);
    const bad = new FakeSender('bad', host);
    bad.isRetrying = true;
    bad.want(4);
    await clock.advance(60);
    expect(sent).toEqual(['good', 'bad', 'bad', 'good', 'good', 'good']);
  });

  it('are paid for by first attempts', async () => {
    const { clock, host, sent } = worldOf({
      policy: { budget: { ratio: 0.5, perSecond: 0, burst: 1 } },
      answer: (lane) => [lane === 'bad' ? failed : delivered, 10],
    });
    const bad = new FakeSender('bad', host);
    bad.isRetrying = true;
    bad.want(100);
    await clock.advance(1_000);
    expect(sent).toEqual(['bad']);
    new FakeSender('good', host).want(10);
    await clock.advance(1_000);
    expect(sent.filter((each) => each === 'bad')).toHaveLength(6);
  });

  it.each([
    [throttled, 10, 1],
    [delivered, 1, 0],
    [refused, 1, 0],
    [halted, 1, 0],
  ])('whose answer is %j have had %d turns, and left %d retries, of a budget of one', async (outcome, turns, left) => {
    const { clock, host } = worldOf({
      policy: { budget: { ...scarce, perSecond: 0.001 } },
      answer: () => [outcome, 10],
    });
    const sender = new FakeSender('a', host);
    sender.isRetrying = true;
    sender.want(10);
    await clock.advance(200);
    expect(sender.outcomes).toHaveLength(turns);
    expect(host.snapshot().retryTokens).toBe(left);
  });

  it('that fail while they wait for their turn need the budget as well', async () => {
    const { clock, host, sent } = worldOf({
      policy: { ...concurrencyOf(1), budget: scarce },
      answer: (lane) => [lane === 'first' ? delivered : failed, 100],
    });
    new FakeSender('first', host).want(1);
    const senders = ['b', 'c', 'd'].map((name) => new FakeSender(name, host).want(1));
    for (const sender of senders) sender.isRetrying = true;
    await clock.advance(900);
    expect(sent).toHaveLength(2);
    await clock.advance(2_000);
    expect(sent).toHaveLength(4);
  });
});

describe('a host that fails', () => {
  const breaker = { failures: 4, timeouts: 2, lanes: 2, baseMs: 20_000, capMs: 60_000 };

  it('is left alone when several lanes fail, but for a probe now and then', async () => {
    const { clock, host, sent, times, heard } = worldOf({
      policy: { breaker, ...concurrencyOf(1) },
      answer: (_lane, at) => [at < 40_000 ? failed : delivered, 10],
    });
    const senders = ['a', 'b'].map((name) => new FakeSender(name, host).want(20));
    await clock.advance(10_000);
    expect(sent).toHaveLength(4);
    expect(host.snapshot()).toMatchObject({ breaker: 'open', inFlight: 0, waitingLanes: 2 });
    await clock.advance(30_000);
    expect(times.slice(4)).toEqual([15_040]);
    await clock.advance(10_000);
    expect(heard.hostBreakers).toEqual([
      'host 0 closed > open',
      'host 0 open > halfOpen',
      'host 0 halfOpen > open',
      'host 0 open > halfOpen',
      'host 0 halfOpen > closed',
    ]);
    expect(senders.map(({ recoveries, left }) => [recoveries, left])).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it('is not what fails when one lane does', async () => {
    const { clock, host, heard } = worldOf({ policy: { breaker }, answer: () => [timedOut, 10] });
    const sender = new FakeSender('a', host).want(20);
    await clock.advance(1_000);
    expect([sender.left, heard.hostBreakers]).toEqual([0, []]);
  });

  it('sends one probe, and nothing else before that is answered', async () => {
    const { clock, host, inFlight, sent } = worldOf({
      policy: { breaker: { ...breaker, failures: 2 } },
      answer: (_lane, at) => (at < 100 ? [failed, 10] : [delivered, 5_000]),
    });
    for (const name of ['a', 'b', 'c', 'd', 'e']) new FakeSender(name, host, 3).want(10);
    await clock.advance(16_000);
    const before = sent.length;
    inFlight.most = 0;
    await clock.advance(4_000);
    expect([sent.length - before, inFlight.most, host.snapshot().breaker]).toEqual([0, 0, 'halfOpen']);
    await clock.advance(2_000);
    expect(inFlight.most).toBeGreaterThan(1);
  });

  it('is probed by a lane that never failed, where there is one', async () => {
    const { clock, host, sent } = worldOf({
      policy: { breaker: { ...breaker, failures: 2 } },
      answer: (_lane, at) => [at < 100 ? failed : delivered, 10],
    });
    const failing = ['a', 'b'].map((name) =>
      new FakeSender(name, host, 1, (sender) => {
        sender.isRetrying = true;
      }).want(4),
    );
    await clock.advance(1_000);
    expect(host.snapshot()).toMatchObject({ breaker: 'open', waitingLanes: 2 });
    new FakeSender('new', host).want(1);
    await clock.advance(15_000);
    expect(sent.slice(4)[0]).toBe('new');
    await clock.runOut();
    expect(failing.map(({ left }) => left)).toEqual([0, 0]);
  });

  it.each([delivered, throttled, refused, halted])(
    'answers again once the answer to a probe is %j',
    async (outcome) => {
      const { clock, host } = worldOf({
        policy: { breaker: { ...breaker, failures: 2 } },
        answer: (_lane, at) => [at < 100 ? failed : outcome, 10],
      });
      for (const name of ['a', 'b']) new FakeSender(name, host).want(4);
      await clock.advance(10_000);
      expect(host.snapshot().breaker).toBe('open');
      await clock.runOut();
      expect(host.snapshot().breaker).toBe('closed');
    },
  );

  it('is given fewer requests where lanes that were well fail, and not where those fail that failed before', async () => {
    const concurrency = { ...hostPolicy.concurrency, failureShare: 0.2 };
    const limits = [false, true].map(async (isRetrying) => {
      const { clock, host } = worldOf({ policy: { concurrency }, answer: () => [failed, 20] });
      for (let index = 0; index < 8; index += 1) {
        const sender = new FakeSender(`lane ${index}`, host);
        sender.isRetrying = isRetrying;
        sender.want(40);
      }
      await clock.advance(700);
      return host.snapshot().concurrency;
    });
    const [fresh, retrying] = await Promise.all(limits);
    expect(fresh).toBeLessThan(4);
    expect(retrying).toBe(8);
  });
});

describe('a sender that is broken', () => {
  function brokenWorld(send: () => Promise<SendOutcome>) {
    const clock = new VirtualClock(0);
    const { observer, heard } = recordingObserver();
    const host = new Host('host', {
      policy: { ...hostPolicy, ...concurrencyOf(1), breaker: neverOpen },
      send,
      clock,
      random: () => 0.5,
      observer,
      signal: new AbortController().signal,
      bytes: new InFlightBytes(1),
    });
    return { host, heard, clock };
  }

  const fault = new Error('no such thing');
  const unsent: SendOutcome = { type: 'retry', cause: 'network', detail: 'the sender failed' };

  it.each([
    ['rejects', () => Promise.reject(fault)],
    [
      'throws',
      () => {
        throw fault;
      },
    ],
  ])('that %s is reported, and counts as a request that failed; the lane goes on', async (_name, send) => {
    const { host, heard, clock } = brokenWorld(send);
    const sender = new FakeSender('a', host).want(3);
    await settled();
    expect(sender.outcomes).toEqual([unsent, unsent, unsent]);
    expect(heard.faults).toEqual([fault, fault, fault]);
    expect(host.snapshot()).toMatchObject({ inFlight: 0, slow: 0 });
    expect(clock.sleeping).toBe(0);
  });
});

describe('a host that stops', () => {
  it('sends nothing more and leaves no timer, whatever it waits for', async () => {
    const waiting = [
      { policy: { breaker: { ...neverOpen, failures: 1, baseMs: 60_000, capMs: 60_000 } } },
      { policy: { budget: { ratio: 0, perSecond: 0.01, burst: 1 } } },
    ];
    for (const world of waiting) {
      const { clock, host, abort, sent } = worldOf({ ...world, answer: () => [failed, 10] });
      const sender = new FakeSender('a', host);
      sender.isRetrying = true;
      sender.want(3);
      await clock.advance(1_000);
      expect([sent.length, clock.sleeping]).toEqual([1, 1]);
      abort.abort();
      host.stop();
      expect(clock.sleeping).toBe(0);
      sender.ask();
      await clock.advance(200_000);
      expect(sent).toHaveLength(1);
    }
  });

  it('tells each lane what became of its request in flight, and gives nobody a turn then', async () => {
    const { clock, host, abort, sent } = worldOf({ policy: concurrencyOf(1), answer: () => [delivered, never] });
    const senders = ['a', 'b'].map((name) => new FakeSender(name, host).want(2));
    await clock.advance(100);
    abort.abort();
    host.stop();
    await settled();
    expect(senders.map(({ outcomes }) => outcomes)).toEqual([[delivered], []]);
    expect([sent, clock.sleeping]).toEqual([['a'], 0]);
  });
});

describe('whatever the lanes meet', () => {
  const anyOutcome = fc.constantFrom(delivered, delivered, failed, timedOut, throttled, refused, halted);
  const anyAnswer = fc.tuple(anyOutcome, fc.constantFrom(1, 20, 300, 2_000, 40_000));

  it('every lane has its turns in the end, no turn is lost, and the bounds hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 })), {
          minLength: 1,
          maxLength: 8,
          size: 'max',
        }),
        fc.array(anyAnswer, { minLength: 1, maxLength: 30, size: 'max' }),
        fc.record({
          limit: fc.integer({ min: 1, max: 4 }),
          maxSlow: fc.integer({ min: 1, max: 3 }),
          perSecond: fc.constantFrom(0.5, 5),
          failures: fc.integer({ min: 1, max: 4 }),
          maxBytes: fc.constantFrom(1, 25, 1_000),
        }),
        async (lanes, answers, { limit, maxSlow, perSecond, failures, maxBytes }) => {
          let turn = 0;
          const { clock, host, inFlight, heard, bytes } = worldOf({
            policy: {
              ...concurrencyOf(limit),
              maxSlow,
              budget: { ratio: 0.1, perSecond, burst: 2 },
              breaker: { failures, timeouts: failures, lanes: 1, baseMs: 1_000, capMs: 5_000 },
            },
            answer: () => {
              const answer = answers[turn % answers.length] ?? [delivered, 1];
              turn += 1;
              return answer;
            },
            maxInFlightBytes: maxBytes,
          });
          // As a lane does: what it met last says how it asks for its next turn.
          const senders = lanes.map(([requests, concurrency], index) =>
            new FakeSender(String(index), host, concurrency, (sender, outcome) => {
              sender.isRetrying = outcome.type === 'retry';
              sender.isSlow = outcome.type === 'retry' && outcome.cause === 'timeout';
            }).want(requests),
          );
          await clock.runOut();
          expect(senders.map(({ left, inFlight: open }) => [left, open])).toEqual(lanes.map(() => [0, 0]));
          expect(senders.map(({ outcomes }) => outcomes.length)).toEqual(lanes.map(([requests]) => requests));
          expect(inFlight.most).toBeLessThanOrEqual(limit + maxSlow + 1);
          expect(heard.faults).toEqual([]);
          expect(host.snapshot()).toMatchObject({ inFlight: 0, slow: 0, waitingLanes: 0 });
          expect(bytes.isFull).toBe(false);
          expect(clock.sleeping).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);
});
