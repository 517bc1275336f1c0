import { describe, expect, it } from '@jest/globals';

import { StoreFull } from '../../../../src/core/store/store-full.js';
import { knownChunk } from '../new-rows.js';
import { settled, StoreBench } from './store-bench.js';

const hourMs = 3_600_000;

/** Rows on disk. */
function idsOn(bench: StoreBench): number {
  return [...bench.tables.keys('ids', Buffer.from([0]))].length;
}

function ids(count: number, name = ''): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}`);
}

describe('the ids of events', () => {
  it('are known for as long as was said, and gone soon after', async () => {
    const bench = new StoreBench();
    const { store } = await bench.user({ dedupeMs: hourMs });
    const repeats = async (): Promise<number | undefined> =>
      (await store.append([knownChunk('us:1', ids(2_500))]))[0]?.repeats.length;
    expect(await repeats()).toBe(0);
    await bench.clock.advance(hourMs - 1);
    expect(await repeats()).toBe(2_500);
    await bench.clock.advance(1);
    expect(await repeats()).toBe(0);
    expect(idsOn(bench)).toBe(5_000);
    await bench.clock.advance(hourMs / 2 + 61_000);
    await settled();
    expect(idsOn(bench)).toBe(2_500);
    expect(await repeats()).toBe(2_500);
    await bench.clock.advance(2 * hourMs);
    await settled();
    expect(idsOn(bench)).toBe(0);
  });

  it('are known at any time of a period, and from one to the next', async () => {
    const bench = new StoreBench();
    const { store } = await bench.user({ dedupeMs: hourMs });
    for (let step = 0; step < 40; step += 1) {
      const [first, again] = await store.append([
        knownChunk('us:1', [`${step}`]),
        knownChunk('us:1', ids(step + 1).slice(-12)),
      ]);
      expect(first?.repeats).toEqual([]);
      // Five minutes apart: the twelfth is 55 minutes old.
      expect(again?.repeats).toHaveLength(Math.min(step + 1, 12));
      await bench.clock.advance(hourMs / 12);
    }
  });

  it('are known though the clock is set back', async () => {
    const bench = new StoreBench();
    const user = await bench.user({ dedupeMs: hourMs });
    await user.append([knownChunk('us:1', ['a'])]);
    bench.clock.jump(-2 * hourMs);
    expect(await user.store.append([knownChunk('us:1', ['a', 'b'])])).toMatchObject([{ repeats: [0] }]);
    bench.clock.jump(2 * hourMs);
    expect(await user.store.append([knownChunk('us:1', ['a'])])).toMatchObject([{ repeats: [0] }]);
  });

  it('are forgotten before their time when they take too much of the room, the oldest first', async () => {
    const bench = new StoreBench();
    // A quarter of it is for 4,000 ids.
    const { store } = await bench.user({ dedupeMs: hourMs, maxBytes: 4 * 4_000 * 64 });
    for (let period = 0; period < 3; period += 1) {
      const [appended] = await store.append([knownChunk('us:1', ids(1_500, `${period}/`))]);
      expect(appended?.repeats).toEqual([]);
      await bench.clock.advance(hourMs / 4);
    }
    await store.append([knownChunk('us:2', ['more'])]);
    await settled();
    expect(idsOn(bench)).toBeLessThanOrEqual(4_000);
    expect(idsOn(bench)).toBeGreaterThan(3_000);
    const [newest, oldest] = await store.append([
      knownChunk('us:1', ids(1_500, '2/')),
      knownChunk('us:1', ids(1_500, '0/')),
    ]);
    expect(newest?.repeats).toHaveLength(1_500);
    expect(oldest?.repeats.length).toBeLessThan(1_500);
  });

  it('take room that events can not have', async () => {
    const { store } = await new StoreBench().user({ dedupeMs: hourMs, maxBytes: 40_000 });
    const events = ['x'.repeat(15_000)];
    await store.append([{ ...knownChunk('us:1', []), events }]);
    const [sequence] = await store.append([knownChunk('us:1', ids(150))]);
    expect(sequence?.repeats).toEqual([]);
    // 9,600 bytes of ids, and those of 150 small events.
    await expect(store.append([{ ...knownChunk('us:1', []), events }])).rejects.toThrow(StoreFull);
  });

  it('are neither kept nor looked at unless that was asked for, and those of before go', async () => {
    const bench = new StoreBench();
    const before = await bench.user({ dedupeMs: hourMs });
    await before.append([knownChunk('us:1', ids(2_500))]);
    await before.end();
    const { store } = await bench.user({ dedupeMs: undefined });
    expect(await store.append([knownChunk('us:1', ids(3))])).toMatchObject([{ repeats: [] }]);
    await bench.clock.advance(hourMs);
    await settled();
    expect(idsOn(bench)).toBe(0);
  });

  it('are known by the time that is said now, whatever was said before', async () => {
    const bench = new StoreBench();
    await (await bench.user({ dedupeMs: 24 * hourMs })).append([knownChunk('us:1', ['a'])]);
    await bench.clock.advance(hourMs / 2);
    const { store } = await bench.user({ dedupeMs: hourMs });
    expect(await store.append([knownChunk('us:1', ['a'])])).toMatchObject([{ repeats: [0] }]);
    await bench.clock.advance(hourMs / 2);
    expect(await store.append([knownChunk('us:1', ['a'])])).toMatchObject([{ repeats: [] }]);
  });

  it('are not known of a call that was refused', async () => {
    const bench = new StoreBench();
    const { store } = await bench.user({ dedupeMs: hourMs });
    bench.roomFault = Object.assign(new Error('full'), { code: 'ENOSPC' });
    await expect(store.append([knownChunk('us:1', ['a'])])).rejects.toThrow(StoreFull);
    bench.roomFault = undefined;
    expect(await store.append([knownChunk('us:1', ['a'])])).toMatchObject([{ repeats: [] }]);
  });
});
