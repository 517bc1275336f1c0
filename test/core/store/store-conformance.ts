import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { theyKeepClaimsApart } from './claim-conformance.js';
import { theyKeepDeadLetters } from './dead-letter-conformance.js';
import { chunk } from './new-rows.js';
import { theyTellRepeats } from './repeat-conformance.js';
import { expectStoresToAgree } from './store-property.js';
import { commonLanes } from './store-steps.js';
import { everything, StoreUser, type StoreHarness } from './store-user.js';

export interface ConformanceOptions {
  /** Of the property test. */
  readonly runs?: number;
  readonly timeoutMs?: number;
  /** Names of lanes that this store can have beside those that any can. */
  readonly oddLanes?: readonly string[];
}

/** What any store must do. `start` gives an empty one. */
export function itKeepsTheContractOfAStore(
  start: () => Promise<StoreHarness>,
  { runs = 30, timeoutMs = 120_000, oddLanes = [] }: ConformanceOptions = {},
): void {
  let user: StoreUser;

  beforeEach(async () => {
    user = await StoreUser.start(await start());
  }, timeoutMs);

  afterEach(async () => {
    await user.end();
  }, timeoutMs);

  it(
    'says what a naive model says, whatever is done to it',
    () => expectStoresToAgree(start, [...commonLanes, ...oddLanes], runs),
    timeoutMs,
  );

  it(
    'numbers the chunks of a lane in the order of the calls',
    async () => {
      const calls = Array.from({ length: 50 }, (_, index) =>
        user.append([chunk('us:1', [`${index}a`]), chunk('us:2', ['x']), chunk('us:1', [`${index}b`])]),
      );
      const sequences = (await Promise.all(calls)).flatMap(([first = 0, , last = 0]) => [first, last]);
      expect(sequences).toEqual([...new Set(sequences)].sort((one, other) => one - other));
      const chunks = await (await user.lane('us:1')).read(0, everything);
      expect(chunks.map(({ sequence }) => sequence)).toEqual(sequences);
      expect(chunks.map(({ events }) => events[0]?.text)).toEqual(
        Array.from({ length: 50 }, (_, index) => [`${index}a`, `${index}b`]).flat(),
      );
    },
    timeoutMs,
  );

  it(
    'never gives a sequence twice, even to a lane that was empty when the store was opened anew',
    async () => {
      const [first = 0] = await user.append([chunk('us:1', ['1'])]);
      await user.settle('us:1', first, [0]);
      await user.reopen('closed');
      const [second = 0] = await user.append([chunk('us:1', ['2'])]);
      expect(second).toBeGreaterThan(first);
    },
    timeoutMs,
  );

  it(
    'says behind which chunk another one stands, where it knows, so that a reader that is there need not look',
    async () => {
      const appended = await user.store.append([chunk('us:1', ['1']), chunk('us:2', ['x']), chunk('us:1', ['2'])]);
      const [first, , third] = appended;
      if (third?.previous !== undefined) expect(third.previous).toBe(first?.sequence);
      if (first?.previous !== undefined) expect(first.previous).toBeLessThan(first.sequence);
    },
    timeoutMs,
  );

  it(
    'stores nothing of a call with an event that is no text',
    async () => {
      const odd = [undefined] as unknown as string[];
      await expect(user.append([chunk('us:1', ['1']), chunk('us:1', odd)])).rejects.toThrow();
      await user.append([chunk('us:1', ['2'])]);
      expect(await user.backlog()).toEqual([{ lane: 'us:1', events: 1, bytes: 1, oldestAt: 1_000 }]);
    },
    timeoutMs,
  );

  it(
    'settles in any order, and twice as once',
    async () => {
      const [sequence = 0] = await user.append([chunk('us:1', ['a', 'bb', 'ccc']), chunk('us:2', ['d'])]);
      const settled = { sequence, indexes: [2, 0, 2] };
      const [lane, other] = [await user.lane('us:1'), await user.lane('us:2')];
      await Promise.all([lane.settle([settled], []), lane.settle([settled, settled], [])]);
      expect(await lane.read(0, 1)).toMatchObject([{ sequence, events: [{ index: 1, text: 'bb' }] }]);
      expect(await user.backlog()).toMatchObject([{ events: 1, bytes: 2 }, { lane: 'us:2' }]);
      await other.settle([{ sequence, indexes: [1] }], []);
      expect(await user.backlog()).toHaveLength(2);
      await lane.settle([{ sequence, indexes: [1] }], []);
      expect(await user.backlog()).toMatchObject([{ lane: 'us:2' }]);
      expect(await lane.read(0, 1)).toEqual([]);
    },
    timeoutMs,
  );

  it(
    'finishes what was called before it is closed, and takes nothing afterwards',
    async () => {
      await user.append([chunk('us:1', ['1'])]);
      const { store } = user;
      const lane = await user.lane('us:1');
      const appended = user.append([chunk('us:1', ['2'])]);
      await user.reopen('closed');
      await appended;
      expect(await user.backlog()).toMatchObject([{ events: 2 }]);
      await expect(store.append([chunk('us:1', ['3'])])).rejects.toThrow('closed');
      await expect(store.deadLetters.remove(['nothing'])).rejects.toThrow('closed');
      await expect(lane.settle([], [])).rejects.toThrow();
      await expect(lane.read(0, 1)).rejects.toThrow();
      await store.close();
      expect(await user.backlog()).toMatchObject([{ events: 2 }]);
    },
    timeoutMs,
  );

  theyKeepClaimsApart(() => user, timeoutMs);
  theyTellRepeats(() => user, timeoutMs);
  theyKeepDeadLetters(() => user, timeoutMs);
}
