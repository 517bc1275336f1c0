import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { SettleOrder, type OrderedEvent } from '../../../src/core/durable/settle-order.js';

function eventWith(name: number, keys: readonly string[], settled: number[]): OrderedEvent {
  return { keys, blockers: 0, followers: [], isDone: false, settle: () => void settled.push(name) };
}

describe('the order of settling', () => {
  it('is that of acceptance among events that share a key, each once and as early as that allows', () => {
    const keysOf = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc
          .array(keysOf, { maxLength: 12 })
          .chain((keys) => fc.tuple(fc.constant(keys), fc.shuffledSubarray([...keys.keys()], { minLength: 0 }))),
        ([keys, done]) => {
          const settled: number[] = [];
          const order = new SettleOrder();
          const events = keys.map((each, name) => eventWith(name, each, settled));
          for (const event of events) order.add(event);
          for (const name of done) {
            const event = events[name];
            if (event !== undefined) order.done(event);
          }
          // Naive: an event is settled when it and every earlier one that it is chained to are done.
          const isSettled = keys.map(() => false);
          keys.forEach((own, name) => {
            const before = keys
              .slice(0, name)
              .map((other, index) => !other.some((key) => own.includes(key)) || isSettled[index]);
            isSettled[name] = done.includes(name) && before.every(Boolean);
          });
          expect([...settled].sort((one, other) => one - other)).toEqual(
            [...keys.keys()].filter((name) => isSettled[name]),
          );
          settled.forEach((name, at) => {
            for (const later of settled.slice(at + 1)) {
              const shared = keys[name]?.some((key) => keys[later]?.includes(key)) ?? false;
              if (shared) expect(later).toBeGreaterThan(name);
            }
          });
        },
      ),
    );
  });

  it('forgets keys of which nothing is open', () => {
    const order = new SettleOrder();
    const settled: number[] = [];
    const [one, other] = [eventWith(1, ['a', 'b'], settled), eventWith(2, ['b', 'c'], settled)];
    order.add(one);
    order.add(other);
    order.done(other);
    expect([order.size, settled]).toEqual([3, []]);
    order.done(one);
    expect([order.size, settled]).toEqual([0, [1, 2]]);
  });

  it('goes through a long chain without recursion', () => {
    const order = new SettleOrder();
    const settled: number[] = [];
    const events = Array.from({ length: 100_000 }, (_, name) => eventWith(name, ['a'], settled));
    for (const event of events) order.add(event);
    for (const event of events.toReversed()) order.done(event);
    expect(settled).toHaveLength(100_000);
  });
});
