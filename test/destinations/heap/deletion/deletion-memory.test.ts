import { describe, expect, it } from '@jest/globals';

import { DeletionMemory, type ChunkState } from '../../../../src/destinations/heap/deletion/deletion-memory.js';

const day = 24 * 3_600_000;
const requested: readonly ChunkState[] = [{ type: 'requested', requestId: 'r-1' }, { type: 'open' }];

describe('the memory of deletions', () => {
  it('recalls what was kept, until it is forgotten', () => {
    const memory = new DeletionMemory();
    memory.keep('a', requested, 0);
    expect(memory.recall('a', 1)).toBe(requested);
    expect(memory.recall('b', 1)).toBeUndefined();
    memory.forget('a');
    expect(memory.recall('a', 1)).toBeUndefined();
  });

  it('holds for a day after it was kept last', () => {
    const memory = new DeletionMemory();
    memory.keep('a', requested, 0);
    memory.keep('b', requested, 0);
    memory.keep('a', requested, day - 1);
    expect(memory.recall('b', day - 1)).toBe(requested);
    expect(memory.recall('b', day)).toBeUndefined();
    expect(memory.recall('a', 2 * day - 2)).toBe(requested);
    expect(memory.recall('a', 2 * day - 1)).toBeUndefined();
    expect(memory.size).toBe(0);
  });

  it('holds a thousand, and forgets the one that was kept longest ago', () => {
    const memory = new DeletionMemory();
    for (let index = 0; index < 1_000; index += 1) memory.keep(`${index}`, requested, index);
    memory.keep('0', requested, 1_000);
    expect(memory.size).toBe(1_000);
    memory.keep('one more', requested, 1_001);
    expect(memory.size).toBe(1_000);
    expect(memory.recall('1', 1_001)).toBeUndefined();
    expect(memory.recall('0', 1_001)).toBe(requested);
    expect(memory.recall('2', 1_001)).toBe(requested);
  });
});
