import { describe, expect, it } from '@jest/globals';

import { StoreFull } from '../../../../src/core/store/store-full.js';
import { chunk, letter } from '../new-rows.js';
import { diskFailed, settled, StoreBench } from './store-bench.js';

describe('the bound of a store', () => {
  it('refuses what is beyond it, of calls on their way as well, and takes it once there is room', async () => {
    const user = await new StoreBench().user({ maxBytes: 1_000 });
    const { store } = user;
    const half = [chunk('us:1', ['x'.repeat(400)])];
    const results = await Promise.allSettled([store.append(half), store.append(half), store.append(half)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(results[2]).toMatchObject({ reason: expect.any(StoreFull) as unknown });
    expect(await user.backlog()).toMatchObject([{ events: 2 }]);
    const [{ sequence } = { sequence: 0 }] = await (await user.lane('us:1')).read(0, 1);
    await user.settle('us:1', sequence, [0]);
    await store.append(half);
    await expect(store.append(half)).rejects.toThrow(StoreFull);
  });

  it('is the same after a start', async () => {
    const bench = new StoreBench();
    const first = await bench.open();
    await first.append([chunk('us:1', ['x'.repeat(400)])]);
    const second = await bench.open({ maxBytes: 800 });
    await expect(second.append([chunk('us:2', ['x'.repeat(400)])])).rejects.toThrow(StoreFull);
  });

  it('gets the room of settled events back when a few of their chunk have to wait', async () => {
    const user = await new StoreBench().user({ maxBytes: 20_000 });
    for (let round = 0; round < 50; round += 1) {
      const texts = Array.from({ length: 10 }, (_, index) => JSON.stringify(`${'x'.repeat(500)}${index}`));
      const [sequence = 0] = await user.append([chunk('us:1', texts)]);
      const indexes = round < 20 ? [0, 1, 2, 4, 5, 6, 7, 8, 9] : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
      // One by one, as single refusals would.
      for (const index of indexes) await user.settle('us:1', sequence, [index]);
    }
    expect(await user.open('us:1')).toEqual(
      Array.from({ length: 20 }, () => ({ index: 3, text: JSON.stringify(`${'x'.repeat(500)}3`) })),
    );
  });

  it('refuses to put letters back that do not fit, and keeps them', async () => {
    const user = await new StoreBench().user({ maxBytes: 1_000 });
    await user.append([chunk('us:1', ['x'.repeat(400)])], [letter('us:1/1/0'), letter('us:1/1/1')]);
    const { deadLetters } = user.store;
    const ids = (await deadLetters.list({}, undefined, 2)).map(({ id }) => id);
    const large = chunk('us:2', ['x'.repeat(250)]);
    const requeues = ids.map((id) => ({ id, chunk: large }));
    await expect(deadLetters.requeue(requeues)).rejects.toThrow(StoreFull);
    expect(await user.backlog()).toHaveLength(1);
    expect((await deadLetters.stats()).letters).toBe(2);
    expect(await deadLetters.requeue(requeues.slice(1))).toEqual(ids.slice(1));
    expect(await user.backlog()).toMatchObject([{ lane: 'us:1' }, { lane: 'us:2', events: 1 }]);
    expect((await deadLetters.list({}, undefined, 2)).map(({ id }) => id)).toEqual(ids.slice(0, 1));
  });

  it('does not keep letters out', async () => {
    const store = await new StoreBench().open({ maxBytes: 0 });
    await store.append([], [letter('us:1/1/0')]);
    expect((await store.deadLetters.stats()).letters).toBe(1);
  });
});

describe('the bounds of dead letters', () => {
  it('remove the oldest once there are too many bytes of them', async () => {
    const bench = new StoreBench();
    const store = await bench.open({ bounds: { maxBytes: 5_000, maxAgeMs: 1e15 } });
    for (let time = 1; time <= 20; time += 1) {
      await store.append([], [letter(`us:1/${time}/0`, { rejectedAt: time, event: 'x'.repeat(700) })]);
    }
    await settled();
    const letters = await store.deadLetters.list({}, undefined, 100);
    expect(letters.map(({ rejectedAt }) => rejectedAt)).toEqual([16, 17, 18, 19, 20]);
    expect(bench.removals.reduce((sum, count) => sum + count, 0)).toBe(15);
    expect((await store.deadLetters.stats()).bytes).toBeLessThanOrEqual(5_000);
  });

  it('remove what is too old, at a start and as time goes by', async () => {
    const bench = new StoreBench();
    const now = bench.clock.now();
    const bounds = { maxBytes: 2 ** 30, maxAgeMs: 3_600_000 };
    const times = [now - 3_600_001, now - 3_600_000, now - 1_800_000, now];
    const before = await bench.open();
    await before.append(
      [],
      times.map((rejectedAt) => letter(`us:1/${rejectedAt}/0`, { rejectedAt })),
    );
    await before.close();
    const store = await bench.open({ bounds });
    await settled();
    expect(await store.deadLetters.stats()).toMatchObject({ letters: 3, oldestAt: now - 3_600_000 });
    await bench.clock.advance(1_900_000);
    await settled();
    expect(await store.deadLetters.stats()).toMatchObject({ letters: 1, oldestAt: now });
    expect(bench.removals).toEqual([1, 1, 1]);
    await store.close();
    expect(bench.clock.sleeping).toBe(0);
  });

  it('never stand in the way of what was to be written', async () => {
    const bench = new StoreBench();
    const store = await bench.open({ bounds: { maxBytes: 0, maxAgeMs: 0 } });
    await store.append([chunk('us:1', ['1'])], [letter('us:1/1/0')]);
    bench.tables.faults.push(diskFailed);
    await settled();
    expect((await store.deadLetters.stats()).letters).toBe(1);
    expect(await store.backlog()).toHaveLength(1);
    expect(bench.removals).toEqual([]);
  });

  it('forget the origin with its letter', async () => {
    const store = await new StoreBench().open({ bounds: { maxBytes: 0, maxAgeMs: 0 } });
    await store.append([], [letter('us:1/1/0')]);
    await settled();
    expect((await store.deadLetters.stats()).letters).toBe(0);
    await store.append([], [letter('us:1/1/0')]);
    expect((await store.deadLetters.stats()).letters).toBe(1);
  });
});

describe('a start', () => {
  it('reads a row for each lane, however much waits there', async () => {
    const bench = new StoreBench();
    const store = await bench.open();
    const reads = async (): Promise<number> => {
      const before = bench.tables.reads;
      await bench.open();
      return bench.tables.reads - before;
    };
    await store.append([chunk('us:1', ['1']), chunk('us:2', ['1'])]);
    const ofFew = await reads();
    await store.append(Array.from({ length: 1_000 }, () => chunk('us:1', ['1', '2'])));
    expect(await reads()).toBe(ofFew);
  });
});
