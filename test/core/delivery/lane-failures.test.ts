import { describe, expect, it } from '@jest/globals';

import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { lanePolicy, neverOpen } from '../../support/delivery-policy.js';
import { identifyOf, laneTo, trackOf } from '../../support/operations.js';
import { delivered, failed, halted, recordedDelivery, throttled, timedOut } from '../../support/recorded-delivery.js';

/** Answers with each outcome in turn, then delivers. */
function inTurn(...outcomes: readonly SendOutcome[]): () => SendOutcome {
  const left = [...outcomes];
  return () => left.shift() ?? delivered;
}

describe('a lane whose requests fail', () => {
  it('waits longer after each failure, up to the cap, and delivers in the end', async () => {
    const { clock, deliver, outcomes, times, heard } = recordedDelivery({
      answer: inTurn(failed, failed, failed, failed, failed),
    });
    deliver(trackOf('ann', 'A'));
    await clock.runOut();
    expect(outcomes).toEqual([delivered]);
    expect(times()).toEqual([250, 750, 1_750, 3_750, 7_750, 11_750]);
    expect(heard.waits).toEqual([500, 1_000, 2_000, 4_000, 4_000].map((ms) => `11 retry ${ms}`));
    expect(heard.retries).toHaveLength(5);
    expect(heard.transitions).toEqual(['11 flowing > waiting', '11 waiting > flowing']);
  });

  it('waits as long as the destination asks, failing and throttled alike', async () => {
    const { clock, deliver, times } = recordedDelivery({
      answer: inTurn({ ...failed, afterMs: 5_000 }, { ...throttled, afterMs: 7_000 }, throttled),
      random: () => 0,
    });
    deliver(trackOf('ann', 'A'));
    await clock.runOut();
    expect(times()).toEqual([250, 5_250, 12_250, 12_250]);
  });

  it('sends nothing else meanwhile, and one request at a time until one is delivered', async () => {
    let isDown = true;
    let inFlight = 0;
    const others: number[] = [];
    const { clock, deliver, times, outcomes } = recordedDelivery({
      answer: async () => {
        others.push(inFlight);
        inFlight += 1;
        await clock.sleep(100);
        inFlight -= 1;
        return isDown ? failed : delivered;
      },
    });
    for (let user = 0; user < 6; user += 1) deliver(identifyOf(String(user), `user ${user}`));
    await clock.advance(100);
    expect(others).toEqual([0, 1, 2, 3]);
    for (let index = 0; index < 10; index += 1) deliver(trackOf('eve', `E${index}`));
    await clock.advance(499);
    expect(times()).toHaveLength(4);
    await clock.advance(1);
    expect(times().slice(4)).toEqual([600]);
    await clock.advance(30_000);
    expect(new Set(others.slice(4))).toEqual(new Set([0]));
    isDown = false;
    const before = others.length;
    await clock.runOut();
    expect(others[before]).toBe(0);
    expect(Math.max(...others.slice(before))).toBeGreaterThan(0);
    expect(outcomes).toEqual(Array.from({ length: 16 }, () => delivered));
  });

  it('takes a volley that fails for one failure', async () => {
    const { clock, deliver, heard, lanes } = recordedDelivery({
      answer: async () => {
        await clock.sleep(100);
        return failed;
      },
    });
    for (let user = 0; user < 4; user += 1) deliver(identifyOf(String(user), `user ${user}`));
    await clock.advance(110);
    expect(heard.waits).toEqual(['11 retry 500']);
    expect(lanes()).toMatchObject([{ state: 'waiting', failures: 1, backlog: 4, inFlight: 0, nextAttemptMs: 490 }]);
  });

  it('sends half as much with each failure and twice as much with each success', async () => {
    const { clock, deliver, sizes } = recordedDelivery({
      answer: async () => {
        await clock.sleep(100);
        return clock.monotonic() < 5_000 ? failed : delivered;
      },
      policy: { lane: { concurrency: 1 } },
    });
    for (let user = 0; user < 40; user += 1) deliver(trackOf(`user ${user}`, 'A'));
    await clock.runOut();
    expect(sizes()).toEqual([10, 5, 3, 2, 1, 2, 4, 8, 10, 10, 5]);
  });

  it('delivers what is well although one operation makes every request fail that it is in', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ items }) => (items.join().includes('Choke') ? failed : delivered),
    });
    deliver(trackOf('choke', 'Choke'));
    for (let user = 0; user < 19; user += 1) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(600_000);
    expect(outcomes[0]).toBeUndefined();
    expect(outcomes.slice(1)).toEqual(Array.from({ length: 19 }, () => delivered));
  });

  it('says that it waits, why, and that it works again', async () => {
    const { clock, deliver, lanes, heard } = recordedDelivery({ answer: inTurn(halted, failed) });
    deliver(trackOf('ann', 'A'));
    await clock.advance(250);
    expect(lanes()).toMatchObject([
      { state: 'halted', backlog: 1, nextAttemptMs: 60_000, lastError: { detail: 'HTTP 401', agoMs: 0 } },
    ]);
    await clock.advance(60_000);
    expect(lanes()).toMatchObject([{ state: 'waiting', backlog: 1, lastError: { detail: 'HTTP 503' } }]);
    await clock.runOut();
    expect(lanes()).toMatchObject([{ state: 'idle', backlog: 0, nextAttemptMs: null, failures: 0 }]);
    expect(heard.waits).toEqual(['11 halted 60000', '11 retry 500']);
    expect(heard.transitions).toEqual(['11 flowing > halted', '11 halted > waiting', '11 waiting > flowing']);
  });

  it('cuts the destination’s words in what it says', async () => {
    const { clock, deliver, lanes, router } = recordedDelivery({
      answer: () => ({ ...failed, detail: 'x'.repeat(5_000) }),
    });
    deliver(trackOf('ann', 'A'));
    await clock.advance(300);
    expect(lanes()[0]?.lastError?.detail).toHaveLength(300);
    router.abort();
  });

  it('tells the age of the oldest operation while that is what it fails to deliver', async () => {
    const { clock, deliver, lanes, router } = recordedDelivery({ answer: () => failed });
    deliver(trackOf('ann', 'A'));
    await clock.advance(600_000);
    expect(lanes()).toMatchObject([{ state: 'waiting', backlog: 1, oldestAgeMs: 600_000 }]);
    router.abort();
  });

  it('is slow while its requests end without an answer, and not after one', async () => {
    let isHanging = true;
    const { clock, deliver, lanes } = recordedDelivery({
      answer: async () => {
        if (!isHanging) return delivered;
        await clock.sleep(10_000);
        return timedOut;
      },
    });
    deliver(trackOf('ann', 'A'));
    await clock.advance(700);
    expect(lanes()).toMatchObject([{ isSlow: false }]);
    // Half a second is far longer than an answer takes here.
    await clock.advance(100);
    expect(lanes()).toMatchObject([{ isSlow: true }]);
    await clock.advance(9_500);
    expect(lanes()).toMatchObject([{ isSlow: true, state: 'waiting' }]);
    isHanging = false;
    await clock.runOut();
    expect(lanes()).toMatchObject([{ isSlow: false, state: 'idle' }]);
  });
});

describe('a lane whose breaker is open', () => {
  const breaker = { ...neverOpen, failures: 3, timeouts: 2, baseMs: 60_000, capMs: 600_000 };

  it('sends one probe now and then, and everything when that is delivered', async () => {
    let isDown = true;
    let inFlight = 0;
    let most = 0;
    const { clock, deliver, outcomes, times, lanes, heard } = recordedDelivery({
      answer: async () => {
        most = Math.max(most, (inFlight += 1));
        await clock.sleep(100);
        inFlight -= 1;
        return isDown ? failed : delivered;
      },
      policy: { lane: { breaker } },
    });
    deliver(identifyOf('7', 'ann'));
    await clock.advance(2_500);
    expect(times()).toHaveLength(3);
    expect(lanes()).toMatchObject([{ state: 'open', breaker: 'open' }]);
    for (let user = 0; user < 20; user += 1) deliver(identifyOf(`user ${user}`, `user ${user}`));
    await clock.advance(45_000);
    expect(times()).toHaveLength(4);
    expect([most, lanes()[0]?.nextAttemptMs]).toEqual([1, expect.any(Number)]);
    isDown = false;
    await clock.advance(92_000);
    expect(most).toBe(4);
    await clock.runOut();
    expect(outcomes.every((outcome) => outcome?.type === 'delivered')).toBe(true);
    expect(heard.laneBreakers).toEqual([
      '11 closed > open',
      '11 open > halfOpen',
      '11 halfOpen > open',
      '11 open > halfOpen',
      '11 halfOpen > closed',
    ]);
  });

  it('costs other lanes of its host nothing', async () => {
    const { clock, deliver, outcomes, lanes } = recordedDelivery({
      answer: ({ appId }) => (appId === '1' ? timedOut : delivered),
      policy: { lane: { breaker } },
    });
    deliver(trackOf('ann', 'A', {}, laneTo('1')));
    await clock.advance(5_000);
    expect(lanes()).toMatchObject([{ state: 'open' }]);
    deliver(trackOf('ann', 'B', {}, laneTo('2')));
    await clock.advance(lanePolicy.lingerMs);
    expect(outcomes).toEqual([undefined, delivered]);
  });
});

describe('a lane whose setting is wrong', () => {
  it('tries once per wait, and gives nothing up however long that takes', async () => {
    let isWrong = true;
    const { clock, deliver, outcomes, times, sizes } = recordedDelivery({
      answer: () => (isWrong ? halted : delivered),
      policy: { lane: { maxAttempts: 3 } },
    });
    for (let user = 0; user < 5; user += 1) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(lanePolicy.maxAgeMs * 3);
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => undefined));
    const expected = Array.from({ length: times().length }, (_unused, index) => 250 + index * 60_000);
    expect(times()).toEqual(expected);
    expect(times().length).toBe(180);
    expect(sizes().slice(0, 5)).toEqual([5, 3, 2, 1, 1]);
    isWrong = false;
    await clock.runOut();
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => delivered));
  });

  it('goes on at once when a person says that it is mended', async () => {
    const { clock, deliver, outcomes, times, router } = recordedDelivery({ answer: inTurn(halted) });
    deliver(trackOf('ann', 'A'));
    await clock.advance(1_000);
    expect(router.resume('us:11')).toBe(true);
    await clock.advance(0);
    expect([outcomes, times()]).toEqual([[delivered], [250, 1_000]]);
    expect(router.resume('us:12')).toBe(false);
  });

  it('costs other lanes of its host nothing', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ appId }) => (appId === '1' ? halted : delivered),
    });
    deliver(trackOf('ann', 'A', {}, laneTo('1')));
    deliver(trackOf('ann', 'B', {}, laneTo('2')));
    await clock.advance(lanePolicy.lingerMs);
    expect(outcomes).toEqual([undefined, delivered]);
  });
});

describe('what can not be delivered', () => {
  it.each([
    ['failing', failed],
    ['throttled', throttled],
  ])('is given up once its age is reached, and never before: %s', async (_name, outcome) => {
    const { clock, deliver, outcomes, times } = recordedDelivery({ answer: () => outcome });
    deliver(trackOf('ann', 'A'));
    await clock.advance(lanePolicy.maxAgeMs - 1);
    expect(outcomes).toEqual([undefined]);
    await clock.runOut();
    const detail = 'detail' in outcome ? outcome.detail : '';
    expect(outcomes).toEqual([{ type: 'rejected', reason: 'expired', detail }]);
    expect(times().at(-1)).toBeGreaterThanOrEqual(lanePolicy.maxAgeMs);
  });

  it('is given up by its own age, and the rest goes on', async () => {
    let isDown = true;
    const { clock, deliver, outcomes } = recordedDelivery({ answer: () => (isDown ? failed : delivered) });
    deliver(trackOf('ann', 'A'), trackOf('ann', 'B'));
    await clock.advance(lanePolicy.maxAgeMs / 2);
    deliver(trackOf('ann', 'C'));
    await clock.advance(lanePolicy.maxAgeMs / 2 + 20_000);
    expect(outcomes).toMatchObject([{ type: 'rejected', reason: 'expired' }, undefined]);
    isDown = false;
    await clock.runOut();
    expect(outcomes).toMatchObject([{ type: 'rejected', reason: 'expired' }, delivered]);
  });

  it('is not given up where the attempt after its age is delivered', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: inTurn(halted, halted),
      policy: { lane: { maxAgeMs: 100_000 } },
    });
    deliver(trackOf('ann', 'A'));
    await clock.runOut();
    expect(outcomes).toEqual([delivered]);
  });

  it('leaves nothing behind that holds up what comes later', async () => {
    let isDown = true;
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: () => (isDown ? failed : delivered),
      policy: { lane: { maxAgeMs: 10_000 } },
    });
    for (let user = 0; user < 5; user += 1) deliver(trackOf(`user ${user}`, 'A'));
    await clock.advance(60_000);
    expect(outcomes.map((outcome) => outcome?.type)).toEqual(Array.from({ length: 5 }, () => 'rejected'));
    isDown = false;
    deliver(trackOf('ann', 'B'));
    await clock.advance(10_000);
    expect(outcomes.at(-1)).toEqual(delivered);
  });

  it('is given up after so many failed attempts, where there is such a number; being throttled is none', async () => {
    const policy = { lane: { maxAttempts: 3 } };
    const well = recordedDelivery({ answer: inTurn(throttled, failed, throttled, halted, failed, throttled), policy });
    well.deliver(trackOf('ann', 'A'));
    await well.clock.runOut();
    expect(well.outcomes).toEqual([delivered]);
    const bad = recordedDelivery({ answer: inTurn(throttled, failed, throttled, failed, failed), policy });
    bad.deliver(trackOf('ann', 'A'));
    await bad.clock.runOut();
    expect(bad.outcomes).toEqual([{ type: 'rejected', reason: 'attempts_exhausted', detail: 'HTTP 503' }]);
    expect(bad.attempts).toHaveLength(5);
  });

  it('counts the attempts of each operation by itself', async () => {
    const { clock, deliver, outcomes } = recordedDelivery({
      answer: ({ items }) => (items.join().includes('Choke') ? failed : delivered),
      policy: { lane: { maxAttempts: 4 } },
    });
    deliver(trackOf('ann', 'Choke'));
    await clock.advance(1_000);
    deliver(trackOf('bob', 'B'));
    await clock.runOut();
    expect(outcomes).toMatchObject([{ type: 'rejected', reason: 'attempts_exhausted' }, delivered]);
  });
});
