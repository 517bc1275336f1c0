import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { WakeQueue } from '../../../src/core/delivery/wake-queue.js';

describe('a wake queue', () => {
  it('is empty at first, and after everybody was taken out', () => {
    const queue = new WakeQueue<string>();
    expect([queue.size, queue.next, queue.take()]).toEqual([0, undefined, undefined]);
    queue.add('ann', 5);
    expect([queue.size, queue.next]).toEqual([1, 5]);
    expect(queue.take()).toBe('ann');
    expect([queue.size, queue.next, queue.take()]).toEqual([0, undefined, undefined]);
  });

  it('gives out whoever is due first, however they came and went', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.nat(50), { nil: undefined, freq: 3 }), { maxLength: 60, size: 'max' }),
        (walk) => {
          const queue = new WakeQueue<{ readonly at: number }>();
          const model: { readonly at: number }[] = [];
          const first = (): number | undefined =>
            model.length === 0 ? undefined : Math.min(...model.map(({ at }) => at));
          for (const at of walk) {
            if (at !== undefined) {
              const item = { at };
              queue.add(item, at);
              model.push(item);
            } else {
              const due = first();
              const item = queue.take();
              // The very item, and not another one that is due at the same time.
              const index = item === undefined ? -1 : model.indexOf(item);
              expect([item?.at, index >= 0]).toEqual([due, due !== undefined]);
              if (index >= 0) model.splice(index, 1);
            }
            expect([queue.size, queue.next]).toEqual([model.length, first()]);
          }
        },
      ),
    );
  });
});
