import { describe, expect, it } from '@jest/globals';

import type { DeliveryObserver } from '../../src/core/delivery/delivery-observer.js';
import { combineObservers } from '../../src/service/combine-observers.js';
import { deafObserver } from '../support/scenario/deaf-observer.js';

const names = Object.keys(deafObserver) as readonly (keyof DeliveryObserver)[];

describe('combined observers', () => {
  it.each(names)('are all told of %s, in their order, with all there is to tell', (name) => {
    const heard: unknown[] = [];
    const listener = (who: string): DeliveryObserver => ({
      ...deafObserver,
      [name]: (...args: readonly unknown[]) => heard.push([who, ...args]),
    });
    const combined = combineObservers(listener('first'), listener('second')) as unknown as Readonly<
      Record<string, (...args: readonly unknown[]) => void>
    >;
    combined[name]?.(1, 2, 3, 4);
    expect(heard).toEqual([
      ['first', 1, 2, 3, 4],
      ['second', 1, 2, 3, 4],
    ]);
  });
});
