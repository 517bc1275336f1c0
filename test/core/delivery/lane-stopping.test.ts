import { describe, expect, it } from '@jest/globals';

import { laneTo, trackOf } from '../../support/operations.js';
import type { PolicyChanges } from '../../support/delivery-policy.js';
import { neverOpen } from '../../support/delivery-policy.js';
import {
  delivered,
  failed,
  halted,
  onceAborted,
  recordedDelivery,
  refused,
  throttled,
  timedOut,
  type RecordedDeliveryOptions,
} from '../../support/recorded-delivery.js';
import { settled } from '../../support/virtual-clock.js';

type World = ReturnType<typeof recordedDelivery>;

/** A state that a lane may be stopped in, and how it gets there with some operations in it. */
interface Situation {
  readonly options?: Omit<RecordedDeliveryOptions, 'policy'>;
  readonly policy?: PolicyChanges;
  readonly enter: (world: World) => Promise<void>;
  readonly state: string;
}

function fill({ deliver }: World, count = 5, event = 'A'): void {
  for (let user = 0; user < count; user += 1) deliver(trackOf(`user ${user}`, event), trackOf(`user ${user}`, event));
}

const fillAndWait =
  (ms: number, count = 5, event = 'A') =>
  async (world: World): Promise<void> => {
    fill(world, count, event);
    await world.clock.advance(ms);
  };

const breaker = { ...neverOpen, failures: 1, timeouts: 1, baseMs: 60_000, capMs: 60_000 };

const situations: Readonly<Record<string, Situation>> = {
  'nothing to send': { enter: ({ clock }) => clock.advance(0), state: '' },
  'everything delivered': { enter: fillAndWait(2_000), state: 'idle' },
  'waiting for company': { enter: fillAndWait(100, 2), state: 'lingering' },
  'requests in flight': {
    options: { answer: (_attempt, signal) => onceAborted(failed, signal) },
    enter: fillAndWait(300, 25),
    state: 'sending',
  },
  'requests in flight that are delivered all the same': {
    options: { answer: (_attempt, signal) => onceAborted(delivered, signal) },
    enter: fillAndWait(300, 25),
    state: 'sending',
  },
  'requests in flight that are refused all the same': {
    options: { answer: (_attempt, signal) => onceAborted(refused, signal) },
    enter: fillAndWait(300, 25),
    state: 'sending',
  },
  'requests that hang': {
    options: { answer: (_attempt, signal) => onceAborted(timedOut, signal) },
    enter: fillAndWait(5_000, 25),
    state: 'sending',
  },
  'the last request failed': { options: { answer: () => failed }, enter: fillAndWait(300), state: 'waiting' },
  'asked to slow down': { options: { answer: () => throttled }, enter: fillAndWait(300), state: 'throttled' },
  'asked to come back late': {
    options: { answer: () => ({ ...throttled, afterMs: 30_000 }) },
    enter: fillAndWait(300),
    state: 'throttled',
  },
  'a wrong setting': { options: { answer: () => halted }, enter: fillAndWait(300), state: 'halted' },
  'a wrong setting, being tried again': {
    options: { answer: ({ at }, signal) => (at < 1_000 ? halted : onceAborted(halted, signal)) },
    enter: fillAndWait(60_300),
    state: 'halted',
  },
  'an open breaker': {
    options: { answer: () => failed },
    policy: { lane: { breaker } },
    enter: fillAndWait(300),
    state: 'open',
  },
  'a probe in flight': {
    options: { answer: ({ at }, signal) => (at < 1_000 ? failed : onceAborted(failed, signal)) },
    policy: { lane: { breaker } },
    enter: fillAndWait(50_000),
    state: 'open',
  },
  'a pause': {
    options: { answer: () => refused },
    policy: { lane: { poison: { share: 0.3, atLeast: 3, window: 5 } } },
    enter: fillAndWait(1_000),
    state: 'paused',
  },
  'a pause, and requests in flight': {
    options: {
      answer: ({ items }, signal) => (items.join().includes('user 0') ? refused : onceAborted(failed, signal)),
    },
    policy: { lane: { poison: { share: 0.3, atLeast: 2, window: 5 } } },
    enter: fillAndWait(1_000, 15),
    state: 'paused',
  },
  'a search, a piece in flight': {
    options: { answer: ({ items }, signal) => (items.length > 3 ? refused : onceAborted(failed, signal)) },
    enter: fillAndWait(300),
    state: 'sending',
  },
  'a search, a piece in flight that is refused all the same': {
    options: { answer: ({ items }, signal) => (items.length > 3 ? refused : onceAborted(refused, signal)) },
    enter: fillAndWait(300),
    state: 'sending',
  },
  'a search that waits': {
    options: { answer: ({ items }) => (items.length > 3 ? refused : failed) },
    enter: fillAndWait(300),
    state: 'waiting',
  },
  'a search that waits for the rate limit': {
    options: { answer: ({ items }) => (items.length > 3 ? refused : delivered) },
    policy: { lane: { rateLimits: { track: { perLane: { max: 4, windowMs: 600_000 } } } } },
    enter: fillAndWait(300),
    state: 'limited',
  },
  'the rate limit used up': {
    policy: { lane: { rateLimits: { track: { perLane: { max: 4, windowMs: 600_000 } } } } },
    enter: fillAndWait(1_000),
    state: 'limited',
  },
  'the rate limits of the identities used up': {
    policy: { lane: { rateLimits: { track: { perKey: { max: 1, windowMs: 600_000, per: 'item' } } } } },
    enter: fillAndWait(1_000),
    state: 'limited',
  },
  'no connection free': {
    options: { answer: (_attempt, signal) => onceAborted(failed, signal) },
    policy: {
      host: {
        concurrency: { min: 1, initial: 1, max: 1, decreaseRatio: 0.5, failureShare: 1, latencyFactor: 9 },
        maxSlow: 1,
      },
    },
    enter: async (world) => {
      world.deliver(trackOf('ann', 'A', {}, laneTo('2')));
      await world.clock.advance(300);
      await fillAndWait(300)(world);
    },
    state: 'queued',
  },
  'an open breaker of the host': {
    options: { answer: () => failed },
    policy: { host: { breaker } },
    enter: async (world) => {
      world.deliver(trackOf('ann', 'A', {}, laneTo('2')));
      await world.clock.advance(300);
      await fillAndWait(300)(world);
    },
    state: 'queued',
  },
  'no retry left': {
    options: { answer: () => failed },
    policy: { host: { budget: { ratio: 0, perSecond: 0.001, burst: 1 } } },
    enter: fillAndWait(20_000),
    state: 'waiting',
  },
  'too many bytes in flight': {
    options: { answer: (_attempt, signal) => onceAborted(failed, signal) },
    policy: { maxInFlightBytes: 1 },
    enter: async (world) => {
      world.deliver(trackOf('ann', 'A', {}, laneTo('2')));
      await world.clock.advance(300);
      await fillAndWait(300)(world);
    },
    state: 'queued',
  },
};

async function enter(name: string): Promise<World> {
  const situation = situations[name];
  if (situation === undefined) throw new Error(`there is no situation ${name}`);
  const world = recordedDelivery({
    ...situation.options,
    ...(situation.policy === undefined ? {} : { policy: situation.policy }),
  });
  await situation.enter(world);
  const state = world.lanes().find(({ appId }) => appId === '11')?.state ?? '';
  expect(state).toBe(situation.state);
  return world;
}

/** Everything is settled, nothing is counted twice, nothing waits for time, and nothing is sent any more. */
async function expectStill({ clock, outcomes, router, attempts, lanes, hosts }: World): Promise<void> {
  await settled();
  expect(outcomes).not.toContain(undefined);
  expect([router.backlog, router.backlogBytes, clock.sleeping]).toEqual([0, 0, 0]);
  for (const lane of lanes()) expect(lane).toMatchObject({ backlog: 0, backlogBytes: 0, inFlight: 0, searches: 0 });
  for (const host of hosts()) expect(host).toMatchObject({ inFlight: 0, slow: 0 });
  const before = attempts.length;
  await clock.advance(10_000_000);
  expect(attempts).toHaveLength(before);
}

/** How many operations of these events were abandoned, at least and at most: an event of two is abandoned with either. */
function abandonedIn({ outcomes }: World): number {
  return outcomes.filter((outcome) => outcome?.type === 'abandoned').length;
}

const names = Object.keys(situations);

describe('a lane that is stopped', () => {
  it.each(names)('within a deadline settles every event once and leaves nothing behind: %s', async (name) => {
    const world = await enter(name);
    const started = world.clock.monotonic();
    let remaining: number | undefined;
    let closedAfter: number | undefined;
    void world.router.close(5_000).then((lanes) => {
      remaining = lanes.reduce((sum, { operations }) => sum + operations, 0);
      closedAfter = world.clock.monotonic() - started;
    });
    await world.clock.advance(5_000);
    expect(closedAfter).toBeLessThanOrEqual(5_000);
    expect(remaining).toBeGreaterThanOrEqual(abandonedIn(world));
    expect(remaining).toBeLessThanOrEqual(2 * abandonedIn(world));
    await expectStill(world);
  });

  it.each(names)('at once settles every event once and leaves nothing behind: %s', async (name) => {
    const world = await enter(name);
    world.router.abort();
    await expectStill(world);
  });

  it.each(names)('at once while it is being closed settles everything: %s', async (name) => {
    const world = await enter(name);
    const closed = world.router.close(5_000);
    await world.clock.advance(100);
    world.router.abort();
    const remaining = (await closed).reduce((sum, { operations }) => sum + operations, 0);
    expect(remaining).toBeGreaterThanOrEqual(abandonedIn(world));
    await expectStill(world);
  });

  it.each(names)('and told that it is well, or that its host is, sends nothing: %s', async (name) => {
    const world = await enter(name);
    world.router.abort();
    await settled();
    world.router.resume('us:11');
    await expectStill(world);
  });

  it.each(['a wrong setting', 'a pause', 'asked to come back late', 'an open breaker'])(
    'gives up at once what can not be sent by then: %s',
    async (name) => {
      const world = await enter(name);
      expect(await world.router.close(5_000)).toMatchObject([{ lane: { appId: '11' } }]);
      expect(abandonedIn(world)).toBeGreaterThan(0);
      expect(world.clock.sleeping).toBe(0);
    },
  );

  it('goes on trying until the deadline where a wait ends before it', async () => {
    let isDown = true;
    const { clock, deliver, outcomes, router } = recordedDelivery({ answer: () => (isDown ? failed : delivered) });
    deliver(trackOf('ann', 'A'));
    await clock.advance(300);
    const closed = router.close(5_000);
    await clock.advance(1_000);
    expect(outcomes).toEqual([undefined]);
    isDown = false;
    await clock.advance(4_000);
    expect([await closed, outcomes]).toEqual([[], [delivered]]);
  });

  it('waits for the answer to a probe, and sends everything else when it is good', async () => {
    let isDown = true;
    const { clock, deliver, outcomes, router } = recordedDelivery({
      answer: async () => {
        await clock.sleep(50);
        return isDown ? failed : delivered;
      },
      policy: { lane: { breaker: { ...breaker, baseMs: 2_000 } } },
    });
    deliver(trackOf('ann', 'A'));
    deliver(trackOf('bob', 'B'));
    await clock.advance(300);
    isDown = false;
    const closed = router.close(20_000);
    await clock.advance(20_000);
    expect(outcomes).toEqual([delivered, delivered]);
    expect(await closed).toEqual([]);
  });

  it('takes what was broken off for abandoned, and not for its last attempt or too old', async () => {
    const { clock, deliver, outcomes, router, heard } = recordedDelivery({
      answer: (_attempt, signal) => onceAborted(failed, signal),
      policy: { lane: { maxAttempts: 1, maxAgeMs: 1_000 } },
    });
    deliver(trackOf('ann', 'A'));
    await clock.advance(2_000);
    router.abort();
    await settled();
    expect([outcomes, heard.waits]).toEqual([[{ type: 'abandoned' }], []]);
  });

  it('finishes the search that it is in', async () => {
    const { clock, deliver, outcomes, router } = recordedDelivery({
      answer: async ({ items }) => {
        await clock.sleep(100);
        return items.join().includes('Poison') ? refused : delivered;
      },
    });
    for (let user = 0; user < 8; user += 1) deliver(trackOf(`user ${user}`, user === 5 ? 'Poison' : 'A'));
    await clock.advance(300);
    const closed = router.close(5_000);
    await clock.advance(5_000);
    expect(await closed).toEqual([]);
    expect(outcomes.map((outcome) => outcome?.type)).toEqual(
      Array.from({ length: 8 }, (_unused, user) => (user === 5 ? 'rejected' : 'delivered')),
    );
  });
});
