import { describe, expect, it } from '@jest/globals';

import { StoreBroken } from '../../../../src/core/store/store-broken.js';
import { StoreFull } from '../../../../src/core/store/store-full.js';
import { chunk, letter } from '../new-rows.js';
import { diskFailed, diskFull, settled, StoreBench } from './store-bench.js';

describe('a disk without room', () => {
  it('refuses what adds, and goes on with what empties the store', async () => {
    const bench = new StoreBench();
    const user = await bench.user();
    const { store } = user;
    const [sequence = 0] = await user.append([chunk('us:1', ['1', '2'])]);
    const lane = await user.lane('us:1');
    bench.roomFault = diskFull;
    const results = await Promise.allSettled([
      store.append([chunk('us:1', ['3'])]),
      lane.settle([{ sequence, indexes: [0] }], [letter('us:1/1/0')]),
      store.append([chunk('us:2', ['4'])]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
    expect(results[0]).toMatchObject({ reason: expect.any(StoreFull) as unknown });
    expect(await store.backlog()).toMatchObject([{ lane: 'us:1', events: 1 }]);
    bench.roomFault = undefined;
    await store.append([chunk('us:1', ['3'])]);
    expect(await store.backlog()).toMatchObject([{ lane: 'us:1', events: 2 }]);
    expect(bench.broken).toEqual([]);
  });

  it('takes what fits into pages that are free', async () => {
    const bench = new StoreBench();
    bench.roomFault = diskFull;
    bench.freeBytes = 2 ** 30;
    const user = await bench.user();
    const { store } = user;
    await store.append([chunk('us:1', ['1'])]);
    // LMDB calls it an error of the disk when it finds no room after all.
    bench.tables.faults.push(diskFailed);
    await expect(store.append([chunk('us:1', ['2'])])).rejects.toThrow(StoreFull);
    await store.append([chunk('us:1', ['3'])]);
    expect((await user.open('us:1')).map(({ text }) => text)).toEqual(['1', '3']);
  });

  it('is told by what the transaction fails with, too', async () => {
    const bench = new StoreBench();
    const user = await bench.user();
    const { store } = user;
    bench.tables.faults.push(diskFull);
    await expect(store.append([chunk('us:1', ['1'])])).rejects.toThrow(StoreFull);
    bench.tables.faults.push(Object.assign(new Error('map full'), { code: -30792 }));
    await expect(store.append([], [letter('us:1/1/0')])).rejects.toThrow(StoreFull);
    const [sequence = 0] = await user.append([chunk('us:1', ['1'])]);
    const lane = await user.lane('us:1');
    bench.tables.faults.push(diskFull, diskFull);
    await expect(lane.settle([{ sequence, indexes: [0] }], [])).rejects.toThrow(StoreFull);
    await expect(lane.release('memo')).rejects.toThrow(StoreFull);
    expect(await lane.read(0, 1)).toMatchObject([{ sequence }]);
    await lane.release('memo');
    expect(bench.broken).toEqual([]);
  });
});

describe('a disk that fails', () => {
  it('breaks the store for good, and says so once', async () => {
    const bench = new StoreBench();
    const user = await bench.user();
    const { store } = user;
    await store.append([chunk('us:1', ['1'])]);
    const lane = await user.lane('us:1');
    bench.tables.faults.push(diskFailed);
    const results = await Promise.allSettled([
      store.append([chunk('us:1', ['2'])]),
      lane.settle([{ sequence: 1, indexes: [0] }], []),
    ]);
    const later = await Promise.allSettled([
      store.append([chunk('us:1', ['3'])]),
      lane.settle([], [letter('us:1/1/0')]),
      lane.release('memo'),
      store.deadLetters.remove([]),
      store.deadLetters.requeue([{ id: 'nothing', chunk: chunk('us:1', ['3']) }]),
    ]);
    for (const result of [...results, ...later]) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StoreBroken) as unknown });
    }
    await settled();
    expect(bench.broken).toHaveLength(1);
    expect(bench.tables.commits).toBe(2);
    expect(await store.backlog()).toMatchObject([{ events: 1 }]);
    await store.close();
  });

  it('takes what waited for its turn along', async () => {
    const bench = new StoreBench();
    const user = await bench.user();
    const { store } = user;
    const large = [chunk('us:1', ['x'.repeat(2 ** 23)])];
    bench.tables.faults.push(diskFailed);
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => store.append(large)));
    for (const result of results) expect(result).toMatchObject({ reason: expect.any(StoreBroken) as unknown });
    expect(bench.tables.commits).toBe(1);
  });
});

describe('closing', () => {
  it('waits for what was called before', async () => {
    const bench = new StoreBench();
    const past: string[] = [];
    const release = (): Promise<void> => {
      past.push('released');
      return Promise.resolve();
    };
    const user = await bench.user({ release });
    const { store } = user;
    await store.append([chunk('us:1', ['1'])]);
    const lane = await user.lane('us:1');
    const calls = [store.append([chunk('us:1', ['2'])]), lane.settle([], [letter('us:1/1/0')])];
    for (const call of calls) void call.then(() => past.push('written'));
    await store.close();
    expect(past).toEqual(['written', 'written', 'released']);
  });
});

describe('a transaction', () => {
  it('is shared by the calls of a moment', async () => {
    const bench = new StoreBench();
    const user = await bench.user();
    const { store } = user;
    await Promise.all(Array.from({ length: 100 }, (_, index) => store.append([chunk(`us:${index}`, ['1'])])));
    expect(bench.tables.commits).toBe(1);
  });

  it('does not grow without bound', async () => {
    const bench = new StoreBench();
    const user = await bench.user();
    const { store } = user;
    const text = 'x'.repeat(2 ** 22);
    await Promise.all(Array.from({ length: 10 }, () => store.append([chunk('us:1', [text])])));
    expect(bench.tables.commits).toBe(10);
    await store.append([chunk('us:1', ['x'.repeat(2 ** 25)])]);
    expect(bench.tables.commits).toBe(11);
  });
});
