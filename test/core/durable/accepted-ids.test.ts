import { describe, expect, it } from '@jest/globals';

import { AcceptedIds } from '../../../src/core/durable/accepted-ids.js';

describe('accepted ids', () => {
  it('are remembered, the last so many at least, and at most twice as many', () => {
    const ids = new AcceptedIds(10);
    for (let id = 0; id < 1_000; id += 1) {
      ids.add(String(id));
      for (let back = 0; back < 10 && back <= id; back += 1) expect(ids.has(String(id - back))).toBe(true);
      expect(ids.has(String(id - 20))).toBe(false);
    }
  });

  it('are none where none are to be remembered', () => {
    const ids = new AcceptedIds(0);
    ids.add('1');
    ids.add('2');
    expect([ids.has('1'), ids.has('2')]).toEqual([false, false]);
  });
});
