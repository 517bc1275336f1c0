import { describe, expect, it } from '@jest/globals';

import { LaneHolder } from '../lane-holder.js';
import { chunk } from '../new-rows.js';
import { diskFull, StoreBench } from './store-bench.js';

const hourMs = 3_600_000;

describe('a lane of a store that one process has', () => {
  it('is handed over before its append is answered, and before `claim` is where something waits', async () => {
    const store = await new StoreBench().open();
    await store.append([chunk('us:1', ['1', '2'])]);
    const holder = new LaneHolder();
    await store.claim(holder);
    expect(holder.claims).toMatchObject([{ lane: 'us:1', events: 2, wasReleased: true }]);
    await store.append([chunk('us:2', ['1']), chunk('us:1', ['3'])]);
    expect(holder.claims.map(({ lane }) => lane)).toEqual(['us:1', 'us:2']);
    await expect(store.claim(holder)).rejects.toThrow('claimed once');
  });

  it('is claimed once by those who append and claim in one moment', async () => {
    const store = await new StoreBench().open();
    const holder = new LaneHolder();
    const append = (): Promise<unknown> => store.append([chunk('us:1', ['1'])]);
    await Promise.all([append(), store.claim(holder), append(), append()]);
    expect(holder.claims).toMatchObject([{ lane: 'us:1', wasReleased: true }]);
    expect(holder.problems).toEqual([]);
  });

  it('is one of many that are claimed, a bounded number in a transaction', async () => {
    const bench = new StoreBench();
    const store = await bench.open();
    await store.append(Array.from({ length: 1_200 }, (_, index) => chunk(`us:${index}`, ['1'])));
    const holder = new LaneHolder();
    const { commits } = bench.tables;
    await store.claim(holder);
    expect(new Set(holder.claims.map(({ lane }) => lane)).size).toBe(1_200);
    expect(bench.tables.commits - commits).toBe(3);
  });

  it('goes from its sender to the next with an append of the moment in which it is released', async () => {
    const user = await new StoreBench().user();
    await user.append([chunk('us:1', ['1'])]);
    const first = await user.lane('us:1');
    user.holder.onLost('us:1');
    await Promise.all([first.release('memo'), user.append([chunk('us:1', ['2'])])]);
    const second = await user.lane('us:1');
    expect(second).not.toBe(first);
    expect(second).toMatchObject({ events: 2, wasReleased: true, memo: { text: 'memo' } });
    expect([first.mayBegin(), second.mayBegin()]).toEqual([false, true]);
  });

  it("is nobody's after its release until something is appended", async () => {
    const user = await new StoreBench().user();
    await user.append([chunk('us:1', ['1'])]);
    await user.holder.release('us:1', 'memo');
    await user.append([chunk('us:2', ['1']), chunk('us:1', [])]);
    expect(user.holder.claims.map(({ lane }) => lane)).toEqual(['us:1', 'us:2']);
  });

  it('stays with its sender when the release can not be written', async () => {
    const bench = new StoreBench();
    const user = await bench.user();
    await user.append([chunk('us:1', ['1'])]);
    const lane = await user.lane('us:1');
    bench.tables.faults.push(diskFull);
    await expect(lane.release('memo')).rejects.toThrow('no room');
    expect(lane.mayBegin()).toBe(true);
    expect(await lane.read(0, 1)).toHaveLength(1);
    await lane.release('memo');
    expect(lane.mayBegin()).toBe(false);
  });

  it('counts as not released though the start could not note that it was left', async () => {
    const bench = new StoreBench();
    await (await bench.user()).append([chunk('us:1', ['1'])]);
    bench.tables.faults.push(diskFull);
    expect(await (await bench.user()).lane('us:1')).toMatchObject({ wasReleased: false });
    expect(bench.broken).toEqual([]);
  });

  it('may not be sent any more once the store is closed', async () => {
    const user = await new StoreBench().user();
    await user.append([chunk('us:1', ['1'])]);
    const lane = await user.lane('us:1');
    const closing = user.store.close();
    expect(lane.mayBegin()).toBe(false);
    await closing;
  });
});

describe('a memo', () => {
  it('has the age that the clock gives it, and never less than none', async () => {
    const bench = new StoreBench();
    const ages: (number | undefined)[] = [];
    const first = await bench.user();
    const [sequence = 0] = await first.append([chunk('us:1', ['1', '2'])]);
    await first.settle('us:1', sequence, [0], 'memo');
    for (const passedMs of [0, 1_234, -hourMs]) {
      bench.clock.jump(passedMs);
      ages.push((await (await bench.user()).lane('us:1')).memo?.ageMs);
    }
    expect(ages).toEqual([0, 1_234, 0]);
  });

  it('is removed by a start more than an hour after its lane was released, or was found left', async () => {
    const bench = new StoreBench();
    const rows = (): number => [...bench.tables.keys('memos', Buffer.from([0]))].length;
    const first = await bench.user();
    const lanes = Array.from({ length: 1_100 }, (_, index) => `us:${index}`);
    const sequences = await first.append(lanes.map((lane) => chunk(lane, ['1'])));
    for (const [index, lane] of lanes.entries()) await first.settle(lane, sequences[index] ?? 0, [0], 'memo');
    for (const lane of lanes.slice(0, 600)) await first.holder.release(lane, 'memo');
    await first.end();
    await bench.clock.advance(hourMs);
    const second = await bench.user();
    expect(rows()).toBe(1_100);
    await second.append([chunk('us:1', ['2']), chunk('us:700', ['2'])]);
    expect(await second.lane('us:1')).toMatchObject({ wasReleased: true, memo: { text: 'memo' } });
    expect(await second.lane('us:700')).toMatchObject({ wasReleased: false, memo: { text: 'memo' } });
    await second.end();
    await bench.clock.advance(1);
    const third = await bench.user();
    // Those that were left, and one of the others that was claimed again.
    expect(rows()).toBe(501);
    await third.end();
    await bench.clock.advance(hourMs);
    await bench.open();
    expect(rows()).toBe(2);
  });

  it('that is damaged is none, and its lane counts as not released', async () => {
    const bench = new StoreBench();
    const first = await bench.user();
    await first.append([chunk('us:1', ['1'])]);
    await first.holder.release('us:1', 'memo');
    const [row] = [...bench.tables.entries('memos', Buffer.from([0]))];
    await bench.tables.commit([{ table: 'memos', key: row?.key ?? Buffer.alloc(0), value: Buffer.from('damaged') }]);
    expect(await (await bench.user()).lane('us:1')).toMatchObject({ wasReleased: false, memo: undefined });
  });
});
