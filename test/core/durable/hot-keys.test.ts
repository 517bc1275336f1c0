import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { HotKeys } from '../../../src/core/durable/hot-keys.js';

describe('hot keys', () => {
  it('let no more than the limit of a key into memory, and every event in the order of its keys, in the end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 2 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.nat({ max: 5 })),
        (keys, max, choices) => {
          const hot = new HotKeys<number>(max);
          const inMemory: number[] = [];
          const entered: number[] = [];
          const enter = (names: readonly number[]): void => {
            inMemory.push(...names);
            entered.push(...names);
            for (const key of ['a', 'b', 'c'] as const) {
              expect(inMemory.filter((name) => keys[name]?.includes(key)).length).toBeLessThanOrEqual(max);
            }
          };
          keys.forEach((own, name) => {
            if (hot.enter(name, own)) enter([name]);
            // Sometimes one is settled in between.
            if (choices.next().value === 0 && inMemory.length > 0) {
              hot.leave(keys[inMemory.shift() ?? 0] ?? []);
              enter(hot.release().map(({ position }) => position));
            }
          });
          while (inMemory.length > 0) {
            hot.leave(keys[inMemory.shift() ?? 0] ?? []);
            enter(hot.release().map(({ position }) => position));
          }
          expect([hot.size, entered.length]).toEqual([0, keys.length]);
          for (const key of ['a', 'b', 'c'] as const) {
            const ofKey = entered.filter((name) => keys[name]?.includes(key));
            expect(ofKey).toEqual([...ofKey].sort((one, other) => one - other));
          }
        },
      ),
    );
  });

  it('let everybody else go past', () => {
    const hot = new HotKeys<string>(1);
    expect([hot.enter('1', ['a']), hot.enter('2', ['a']), hot.enter('3', ['b'])]).toEqual([true, false, true]);
    expect(hot.release()).toEqual([]);
  });
});
