import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { PlannedItem, PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import {
  deliverRequest,
  isRefusal,
  sendUntilSettled,
  toItemOutcome,
  type FinalOutcome,
  type ItemOutcome,
  type RetryPolicy,
} from '../../../src/core/delivery/deliver-request.js';
import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { Ticket } from '../../../src/core/delivery/ticket.js';
import { lane } from '../../support/operations.js';
import { settled, VirtualClock } from '../../support/virtual-clock.js';

const retry: RetryPolicy = { baseMs: 1_000, capMs: 8_000, maxRetryAfterMs: 30_000, haltedMs: 60_000 };

/** A request whose items are the numbers given. */
function requestOf(numbers: readonly number[]): PlannedRequest<number> {
  return compose(numbers.map((number) => ({ text: String(number), bytes: 1, entries: [number] })));
}

function compose(items: readonly PlannedItem<number>[]): PlannedRequest<number> {
  const body = `[${items.map((item) => item.text).join(',')}]`;
  return { lane, kind: 'track', stage: 0, path: '/t', body, bytes: body.length, items };
}

function takeApart(item: PlannedItem<number>): readonly PlannedItem<number>[] {
  return item.entries.map((entry) => ({ text: String(entry), bytes: 1, entries: [entry] }));
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('sending until there is a last word', () => {
  interface Run {
    readonly clock: VirtualClock;
    readonly sentAt: readonly number[];
    readonly waits: readonly (readonly [type: string, ms: number])[];
    readonly abort: AbortController;
    readonly done: Promise<FinalOutcome>;
  }

  /** Answers with each outcome in turn, the last one for ever; random is always `random`. */
  function run(outcomes: readonly SendOutcome[], { random = 0.5, maxAgeMs = 3_600_000 } = {}): Run {
    const clock = new VirtualClock(0);
    const sentAt: number[] = [];
    const waits: [string, number][] = [];
    const abort = new AbortController();
    const done = sendUntilSettled<number>(
      () => {
        const outcome = outcomes[Math.min(sentAt.length, outcomes.length - 1)] ?? { type: 'delivered' };
        sentAt.push(clock.now());
        return Promise.resolve(outcome);
      },
      requestOf([1]),
      maxAgeMs,
      retry,
      { clock, random: () => random, onWait: (outcome, ms) => waits.push([outcome.type, ms]) },
      abort.signal,
    );
    return { clock, sentAt, waits, abort, done };
  }

  const failed: SendOutcome = { type: 'retry', detail: 'HTTP 503' };
  const throttled: SendOutcome = { type: 'throttled', detail: 'HTTP 429' };
  const halted: SendOutcome = { type: 'halted', detail: 'HTTP 401' };

  it.each([
    [{ type: 'delivered' }],
    [{ type: 'rejected', detail: 'HTTP 400' }],
    [{ type: 'tooLarge', detail: 'HTTP 413' }],
  ] as const)('sends once and hands on %j', async (outcome) => {
    const { done, sentAt, clock } = run([outcome]);
    expect(await done).toEqual(outcome);
    expect(sentAt).toEqual([0]);
    expect(clock.sleeping).toBe(0);
  });

  it('waits longer after each failure, up to the cap, and delivers in the end', async () => {
    const { done, sentAt, waits, clock } = run([failed, failed, failed, failed, failed, { type: 'delivered' }]);
    await clock.runOut();
    expect(await done).toEqual({ type: 'delivered' });
    expect(waits.map(([, ms]) => ms)).toEqual([500, 1_000, 2_000, 4_000, 4_000]);
    expect(sentAt).toEqual([0, 500, 1_500, 3_500, 7_500, 11_500]);
  });

  it('waits as long as the destination asks, for failures and for throttling alike', async () => {
    const { done, waits, clock } = run(
      [{ ...failed, afterMs: 5_000 }, { ...throttled, afterMs: 7_000 }, { type: 'delivered' }],
      { random: 0 },
    );
    await clock.runOut();
    await done;
    expect(waits).toEqual([
      ['retry', 5_000],
      ['throttled', 7_000],
    ]);
  });

  it('does not count throttling as a failure', async () => {
    const { done, waits, clock } = run([throttled, throttled, throttled, failed, { type: 'delivered' }]);
    await clock.runOut();
    await done;
    expect(waits.at(-1)).toEqual(['retry', 500]);
  });

  it('tries a halted lane again after its own, longer wait', async () => {
    const { done, waits, clock } = run([halted, halted, { type: 'delivered' }]);
    await clock.runOut();
    expect(await done).toEqual({ type: 'delivered' });
    expect(waits).toEqual([
      ['halted', 60_000],
      ['halted', 60_000],
    ]);
  });

  it.each([
    ['failing', failed],
    ['throttled', throttled],
    ['halted', halted],
  ])('gives a %s request up once its age is reached, and never before', async (_name, outcome) => {
    const { done, sentAt, clock } = run([outcome], { maxAgeMs: 100_000 });
    await clock.advance(99_999);
    expect(clock.sleeping).toBe(1);
    await clock.runOut();
    expect(await done).toEqual({ type: 'expired', detail: 'detail' in outcome ? outcome.detail : '' });
    expect(sentAt.at(-1)).toBeGreaterThanOrEqual(100_000);
  });

  it('still delivers on an attempt that is made after the age is reached', async () => {
    const { done, clock } = run([halted, halted, { type: 'delivered' }], { maxAgeMs: 100_000 });
    await clock.runOut();
    expect(await done).toEqual({ type: 'delivered' });
  });

  it('is abandoned while it waits, without another attempt', async () => {
    const { done, sentAt, clock, abort } = run([failed]);
    await settled();
    abort.abort();
    expect(await done).toEqual({ type: 'abandoned' });
    expect(sentAt).toHaveLength(1);
    expect(clock.sleeping).toBe(0);
  });

  it('is abandoned when it was aborted before it began, and sends nothing', async () => {
    let sent = 0;
    const outcome = await sendUntilSettled(
      () => {
        sent += 1;
        return Promise.resolve({ type: 'delivered' as const });
      },
      requestOf([1]),
      1,
      retry,
      { clock: new VirtualClock(), random: () => 0, onWait: () => undefined },
      AbortSignal.abort(),
    );
    expect(outcome).toEqual({ type: 'abandoned' });
    expect(sent).toBe(0);
  });

  it.each([
    ['what was delivered all the same counts as delivered', { type: 'delivered' }, { type: 'delivered' }],
    ['what broke off counts as abandoned', { type: 'retry', detail: 'network' }, { type: 'abandoned' }],
  ] as const)('is aborted in flight: %s', async (_name, outcome, expected) => {
    const abort = new AbortController();
    const done = sendUntilSettled(
      () => {
        abort.abort();
        return Promise.resolve(outcome);
      },
      requestOf([1]),
      1_000,
      retry,
      { clock: new VirtualClock(0), random: () => 0, onWait: () => undefined },
      abort.signal,
    );
    expect(await done).toEqual(expected);
  });
});

describe('delivering a request', () => {
  interface Delivered {
    readonly items: readonly (readonly [item: number, outcome: ItemOutcome])[];
    readonly sizes: readonly number[];
  }

  async function deliver(
    numbers: readonly number[],
    settle: (numbers: readonly number[]) => FinalOutcome,
  ): Promise<Delivered> {
    const items: [number, ItemOutcome][] = [];
    const sizes: number[] = [];
    await deliverRequest<number, FinalOutcome>(
      requestOf(numbers),
      (request) => {
        sizes.push(request.items.length);
        expect(request.body).toBe(compose(request.items).body);
        return Promise.resolve(settle(request.items.map((item) => Number(item.text))));
      },
      isRefusal,
      { compose, takeApart },
      (item, outcome) => items.push([Number(item.text), toItemOutcome(outcome)]),
    );
    return { items, sizes };
  }

  const refuse: FinalOutcome = { type: 'rejected', detail: 'HTTP 400 bad' };

  /** Refuses every request with one of these items in it. */
  const refusing =
    (culprits: ReadonlySet<number>) =>
    (numbers: readonly number[]): FinalOutcome =>
      numbers.some((number) => culprits.has(number)) ? refuse : { type: 'delivered' };

  it('finds one culprit among 1,000 in 21 requests and delivers the other 999', async () => {
    const { items, sizes } = await deliver(upTo(1_000), refusing(new Set([617])));
    expect(items.map(([item]) => item)).toEqual(upTo(1_000));
    expect(items.filter(([, outcome]) => outcome.type !== 'delivered')).toEqual([
      [617, { type: 'rejected', reason: 'heap_rejected', detail: 'HTTP 400 bad' }],
    ]);
    expect(sizes.length).toBeLessThanOrEqual(21);
  });

  it('settles each item exactly once, in order, and rejects exactly the culprits, wherever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.uniqueArray(fc.nat(69)), async (count, culprits) => {
        const blamed = new Set(culprits.filter((culprit) => culprit < count));
        const { items, sizes } = await deliver(upTo(count), refusing(blamed));
        expect(items.map(([item]) => item)).toEqual(upTo(count));
        expect(new Set(items.filter(([, { type }]) => type === 'rejected').map(([item]) => item))).toEqual(blamed);
        expect(sizes.length).toBeLessThanOrEqual(2 * count - 1);
      }),
    );
  });

  it('rejects every item with its own answer when every item is to blame', async () => {
    const { items } = await deliver(upTo(9), (numbers) => ({ type: 'rejected', detail: `of ${numbers.join('+')}` }));
    expect(items).toEqual(
      upTo(9).map((item) => [item, { type: 'rejected', reason: 'heap_rejected', detail: `of ${item}` }]),
    );
  });

  it('makes pieces that fit of a request that is too large', async () => {
    const { items, sizes } = await deliver(upTo(10), ({ length }) =>
      length > 3 ? { type: 'tooLarge', detail: 'HTTP 413' } : { type: 'delivered' },
    );
    expect(items).toEqual(upTo(10).map((item) => [item, { type: 'delivered' }]));
    expect(sizes).toEqual([10, 5, 3, 2, 5, 3, 2]);
  });

  it('rejects an item that is too large by itself, and only that one', async () => {
    const { items } = await deliver(upTo(4), (numbers) =>
      numbers.includes(2) ? { type: 'tooLarge', detail: 'HTTP 413' } : { type: 'delivered' },
    );
    expect(items.filter(([, { type }]) => type !== 'delivered')).toEqual([
      [2, { type: 'rejected', reason: 'heap_too_large', detail: 'HTTP 413' }],
    ]);
  });

  it.each([
    [
      { type: 'expired', detail: 'HTTP 503' },
      { type: 'rejected', reason: 'expired', detail: 'HTTP 503' },
    ],
    [{ type: 'abandoned' }, { type: 'abandoned' }],
    [{ type: 'delivered' }, { type: 'delivered' }],
  ] as const)('gives %j to all items and splits nothing', async (outcome, expected) => {
    const { items, sizes } = await deliver(upTo(5), () => outcome);
    expect(items).toEqual(upTo(5).map((item) => [item, expected]));
    expect(sizes).toEqual([5]);
  });

  it('sends the second half only when the first one is settled', async () => {
    let inFlight = 0;
    await deliverRequest<number, FinalOutcome>(
      requestOf(upTo(8)),
      async (request) => {
        inFlight += 1;
        expect(inFlight).toBe(1);
        await settled();
        inFlight -= 1;
        return request.items.length > 1 ? refuse : { type: 'delivered' };
      },
      isRefusal,
      { compose, takeApart },
      () => undefined,
    );
  });
});

describe('a ticket', () => {
  const rejected: ItemOutcome = { type: 'rejected', reason: 'heap_rejected', detail: 'HTTP 400' };
  const abandoned: ItemOutcome = { type: 'abandoned' };
  const delivered: ItemOutcome = { type: 'delivered' };

  it('is settled by the last of its operations and not before', async () => {
    const ticket = new Ticket(3);
    const seen: string[] = [];
    void ticket.settled.then(({ type }) => seen.push(type));
    ticket.settle(delivered);
    ticket.settle(delivered);
    await settled();
    expect(seen).toEqual([]);
    ticket.settle(delivered);
    await settled();
    expect(seen).toEqual(['delivered']);
  });

  it.each([
    [[delivered, rejected], rejected],
    [[rejected, delivered], rejected],
    [[abandoned, delivered], abandoned],
    [[delivered, abandoned], abandoned],
    // Else its sender would not repeat what was not written.
    [[abandoned, rejected], abandoned],
    [[rejected, abandoned], abandoned],
  ])('has the worst outcome of %j', async (outcomes, worst) => {
    const ticket = new Ticket(outcomes.length);
    for (const outcome of outcomes) ticket.settle(outcome);
    expect(await ticket.settled).toEqual(worst);
  });
});
