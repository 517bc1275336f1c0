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
          for (const at of walk) {
            if (at !== undefined) {
              const item = { at };
              queue.add(item, at);
              model.push(item);
            } else {
              const due = Math.min(...model.map((item) => item.at));
              const item = queue.take();
              expect(item?.at).toBe(model.length === 0 ? undefined : due);
              if (item !== undefined) {
                // The very item, and not one that is due at the same time.
                expect(model).toContain(item);
                model.splice(model.indexOf(item), 1);
              }
            }
            expect(queue.size).toBe(model.length);
            expect(queue.next).toBe(model.length === 0 ? undefined : Math.min(...model.map((item) => item.at)));
          }
        },
      ),
    );
  });
});
