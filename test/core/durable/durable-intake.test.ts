import { describe, expect, it } from '@jest/globals';

import { StoreFull } from '../../../src/core/store/store-full.js';
import { StoreUnavailable } from '../../../src/core/store/store-unavailable.js';
import { MemoryDisk } from '../../support/memory-store.js';
import { deferred, delivered, failed, refused } from '../../support/recorded-delivery.js';
import { settled } from '../../support/virtual-clock.js';
import { connection, identify, startProcess, track } from './durable-process.js';

const lane = 'us:11';

describe('the durable intake', () => {
  it('says that events are accepted when they are stored, and not before', async () => {
    const disk = new MemoryDisk();
    const { store, take, clock } = await startProcess({ disk });
    const gate = deferred<undefined>();
    store.fail = (call) => (call === 'append' ? gate.promise : undefined);
    let results: unknown;
    void take(track('1'), track('2')).then((value) => {
      results = value;
    });
    await clock.advance(1_000);
    expect(results).toBeUndefined();
    gate.resolve(undefined);
    await clock.advance(0);
    expect(results).toEqual([
      { messageId: '1', outcome: 'accepted' },
      { messageId: '2', outcome: 'accepted' },
    ]);
  });

  it('delivers what is stored, and then it is settled', async () => {
    const disk = new MemoryDisk();
    const { clock, take, taken, told } = await startProcess({ disk });
    await take(identify('1'), track('2'));
    expect(disk.open(lane)).toEqual(['1/0', '1/1']);
    await clock.advance(2_000);
    expect(taken()).toEqual(['2']);
    expect(disk.open(lane)).toEqual([]);
    expect(told).toEqual(['delivered', 'delivered']);
  });

  it('reads nothing back from the store while it keeps up', async () => {
    const disk = new MemoryDisk();
    const { clock, store, take, taken } = await startProcess({ disk });
    for (let count = 0; count < 5; count += 1) {
      await take(track(`m-${count}`));
      await clock.advance(500);
    }
    expect(taken()).toEqual(['m-0', 'm-1', 'm-2', 'm-3', 'm-4']);
    // One look when the lane was claimed.
    expect(store.reads).toBeLessThanOrEqual(2);
  });

  it('makes a dead letter of what can be no event, at the door, and of what the mapping refuses, behind it', async () => {
    const disk = new MemoryDisk();
    const { clock, take } = await startProcess({ disk });
    const results = await take(
      'text',
      { type: 'nonsense', messageId: 'm' },
      { type: 'track', messageId: 'n', event: 'A' },
    );
    expect(results.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['rejected', 'event_not_object'],
      ['rejected', 'type_unsupported'],
      ['accepted', undefined],
    ]);
    await clock.advance(1_000);
    const letters = await disk.letters.list({}, undefined, 10);
    const shown = letters.map((letter) => [letter.reason, letter.messageId, letter.event, letter.connection]);
    expect(shown.sort()).toEqual([
      ['event_not_object', '', '"text"', 'web'],
      ['identity_missing', 'n', '{"type":"track","messageId":"n","event":"A"}', 'web'],
      ['type_unsupported', 'm', '{"type":"nonsense","messageId":"m"}', 'web'],
    ]);
    expect(disk.open(lane)).toEqual([]);
  });

  it('keeps one dead letter of an event that is sent and refused again', async () => {
    const disk = new MemoryDisk();
    const { clock, take } = await startProcess({ disk });
    await take('text');
    await clock.advance(5_000);
    await take('text');
    expect(await disk.letters.list({}, undefined, 10)).toHaveLength(1);
  });

  it('keeps what Heap refused, with its words, how often it was sent, and what of it had arrived', async () => {
    const disk = new MemoryDisk();
    const { clock, take } = await startProcess({
      disk,
      answer: ({ kind }) => (kind === 'identify' ? delivered : refused),
    });
    await take({ ...identify('1'), anonymousId: 'visitor' });
    await clock.advance(5_000);
    const [letter] = await disk.letters.list({}, undefined, 10);
    expect(letter).toMatchObject({
      reason: 'heap_rejected',
      detail: 'HTTP 400 bad',
      messageId: '1',
      origin: 'us:11/1/0',
      event: JSON.stringify({ ...identify('1'), anonymousId: 'visitor' }),
    });
    expect(letter?.delivered).toHaveLength(1);
    expect(disk.open(lane)).toEqual([]);
  });

  it('drops nothing when a dead letter can not be written: it is tried until it can, and its event stays open', async () => {
    const disk = new MemoryDisk();
    const { clock, store, take, told } = await startProcess({ disk, answer: () => refused });
    let isFull = true;
    store.fail = (call) => {
      if (call === 'settle' && isFull) throw new StoreFull('no room');
    };
    await take(track('1'));
    await clock.advance(30_000);
    expect(disk.open(lane)).toEqual(['1/0']);
    expect(told.filter((line) => line === `trouble ${lane} StoreFull`).length).toBeGreaterThan(3);
    isFull = false;
    await clock.advance(30_000);
    expect(disk.open(lane)).toEqual([]);
    expect(await disk.letters.list({}, undefined, 10)).toHaveLength(1);
  });

  it('delivers after a crash what was not settled, in its order, and nothing that was', async () => {
    const disk = new MemoryDisk();
    const first = await startProcess({
      disk,
      answer: ({ items }) => (items.join('').includes('"2"') ? failed : delivered),
    });
    await first.take(track('1', 'ann'));
    await first.clock.advance(1_000);
    await first.take(track('2', 'ann'), track('3', 'ann'), track('4', 'bob'));
    await first.clock.advance(1_000);
    first.kill();
    const second = await startProcess({ disk });
    await second.clock.advance(5_000);
    const keys = second.taken();
    expect(keys).not.toContain('1');
    expect(keys.indexOf('2')).toBeLessThan(keys.indexOf('3'));
    expect(keys).toContain('4');
    expect(disk.open(lane)).toEqual([]);
  });

  it('settles no event before an earlier one of the same user, or a crash would bring the older value back last', async () => {
    const disk = new MemoryDisk();
    const gate = deferred<typeof delivered>();
    const { clock, take } = await startProcess({
      disk,
      // The event hangs, and the properties that come later overtake it.
      answer: ({ kind }) => (kind === 'track' ? gate.promise : delivered),
    });
    await take(track('1', 'ann'));
    await clock.advance(1_000);
    await take(identify('2', 'ann'), identify('3', 'bob'));
    await clock.advance(5_000);
    expect(disk.open(lane)).toEqual(['1/0', '2/0']);
    gate.resolve(delivered);
    await clock.advance(5_000);
    expect(disk.open(lane)).toEqual([]);
  });

  it('stores an event once that comes twice, in one request or in two', async () => {
    const disk = new MemoryDisk();
    const { clock, take, taken, told } = await startProcess({ disk });
    await take(track('1'), track('1'));
    const [again, other] = await take(track('1'), identify('1'));
    expect([again?.outcome, other?.outcome]).toEqual(['accepted', 'accepted']);
    await clock.advance(2_000);
    expect(taken()).toEqual(['1']);
    expect(told.filter((line) => line.startsWith('repeats'))).toEqual(['repeats 1', 'repeats 1']);
  });

  it('takes events for two whose messageId is a placeholder', async () => {
    const disk = new MemoryDisk();
    const { take } = await startProcess({ disk });
    await take(track('null', 'ann'), track('null', 'bob'));
    expect(disk.open(lane)).toHaveLength(2);
  });

  it('does not take an event for known that could not be stored', async () => {
    const disk = new MemoryDisk();
    const { clock, store, take, taken } = await startProcess({ disk });
    store.fail = () => {
      throw new StoreUnavailable('gone');
    };
    await expect(take(track('1'))).rejects.toThrow(StoreUnavailable);
    store.fail = () => undefined;
    await take(track('1'));
    await clock.advance(1_000);
    expect(taken()).toEqual(['1']);
  });

  it('reads on when the store that failed is well again', async () => {
    const disk = new MemoryDisk();
    const first = await startProcess({ disk, answer: () => failed });
    await first.take(track('1'));
    first.kill();
    let isGone = true;
    const second = await startProcess({
      disk,
      fail: () => {
        if (isGone) throw new StoreUnavailable('gone');
      },
    });
    await second.clock.advance(5_000);
    expect(second.taken()).toEqual([]);
    isGone = false;
    await second.clock.advance(5_000);
    expect(second.taken()).toEqual(['1']);
  });

  it('has no more in memory than the router has room for, however much waits, and brings it all', async () => {
    const disk = new MemoryDisk();
    let isDown = true;
    const { clock, router, take, taken } = await startProcess({
      disk,
      maxBacklog: 300,
      answer: () => (isDown ? failed : delivered),
      policy: { lane: { batch: { maxItems: 50, maxBytes: 100_000 } } },
    });
    const ids = Array.from({ length: 3_000 }, (_, index) => `m-${index}`);
    for (let at = 0; at < ids.length; at += 20) {
      await take(...ids.slice(at, at + 20).map((id) => track(id, `user ${Number(id.slice(2)) % 100}`)));
      await clock.advance(1);
      expect(router.backlog).toBeLessThanOrEqual(320);
    }
    isDown = false;
    for (let second = 0; second < 400; second += 1) await clock.advance(1_000);
    const arrived = new Set(taken());
    expect(ids.filter((id) => !arrived.has(id))).toEqual([]);
    expect(disk.open(lane)).toEqual([]);
  });

  it('lets everybody else go past one user with a long backlog, and keeps the order of that user', async () => {
    const disk = new MemoryDisk();
    const first = await startProcess({ disk, answer: () => failed });
    for (let count = 0; count < 50; count += 1) {
      await first.take(...Array.from({ length: 100 }, (_, index) => track(`hot-${count * 100 + index}`, 'hot')));
    }
    await first.take(track('other', 'other'));
    first.kill();
    const second = await startProcess({
      disk,
      maxBacklog: 100_000,
      policy: { lane: { rateLimits: { track: { perKey: { max: 1_000, windowMs: 60_000, per: 'item' } } } } },
      changes: { rateLimits: {} },
    });
    await second.clock.advance(5_000);
    expect(second.taken()).toContain('other');
    expect(second.router.backlog).toBeLessThanOrEqual(2_000);
    for (let minute = 0; minute < 8; minute += 1) await second.clock.advance(60_000);
    const hot = second.taken().filter((id) => id.startsWith('hot'));
    expect(hot).toEqual(Array.from({ length: 5_000 }, (_, index) => `hot-${index}`));
    expect(disk.open(lane)).toEqual([]);
  });

  it('loses no event that was set aside when the store is away as it is to be read again', async () => {
    const disk = new MemoryDisk();
    const first = await startProcess({ disk, answer: () => failed });
    for (let count = 0; count < 30; count += 1) {
      await first.take(...Array.from({ length: 100 }, (_, index) => track(`hot-${count * 100 + index}`, 'hot')));
    }
    first.kill();
    let isAway = false;
    const gate = deferred<typeof delivered>();
    const second = await startProcess({
      disk,
      answer: () => gate.promise,
      maxBacklog: 100_000,
      policy: { lane: { batch: { maxItems: 1_000, maxBytes: 1e6 } } },
      fail: (call) => {
        if (isAway && call === 'read') throw new StoreUnavailable('gone');
      },
    });
    // All is read, and a third of it set aside.
    while (second.router.backlog < 2_000) await settled();
    for (let turn = 0; turn < 50; turn += 1) await settled();
    isAway = true;
    gate.resolve(delivered);
    await second.clock.advance(10_000);
    expect(disk.open(lane)).toHaveLength(1_000);
    isAway = false;
    await second.clock.advance(10_000);
    expect(disk.open(lane)).toEqual([]);
    expect(second.taken()).toEqual(Array.from({ length: 3_000 }, (_, index) => `hot-${index}`));
  });

  it('sends and settles nothing more of a lane that it lost', async () => {
    const disk = new MemoryDisk();
    const gate = deferred<typeof delivered>();
    const { clock, store, take, attempts, router } = await startProcess({ disk, answer: () => gate.promise });
    await take(track('1'));
    await clock.advance(1_000);
    await take(track('2'));
    store.lose(lane);
    gate.resolve(delivered);
    await clock.advance(60_000);
    expect(attempts).toHaveLength(1);
    expect(disk.open(lane)).toEqual(['1/0', '2/0']);
    expect(router.backlog).toBe(0);
  });

  it('begins no request while its lease is about to end', async () => {
    const disk = new MemoryDisk();
    const { clock, store, take, taken } = await startProcess({ disk });
    store.mayBegin = false;
    await take(track('1'));
    await clock.advance(10_000);
    expect(taken()).toEqual([]);
    store.mayBegin = true;
    await clock.advance(2_000);
    expect(taken()).toEqual(['1']);
  });

  it('gives a lane back when it stops, after what was in flight, and tells the next one what is used of the limits', async () => {
    const disk = new MemoryDisk();
    const rateLimits = { track: { perLane: { max: 3, windowMs: 60_000 } } };
    const first = await startProcess({ disk, policy: { lane: { rateLimits } } });
    await first.take(track('1'), track('2'));
    await first.clock.advance(1_000);
    const stopping = first.intake.stop(10_000);
    await first.clock.advance(0);
    await stopping;
    expect(first.told).toContain(`released ${lane}`);
    const second = await startProcess({ disk, policy: { lane: { rateLimits } } });
    await second.take(track('3'), track('4'));
    await second.clock.advance(20_000);
    expect(second.taken()).toEqual(['3']);
    await second.clock.advance(45_000);
    expect(second.taken()).toEqual(['3', '4']);
  });

  it('stops in time when the store is away, and leaves what it could not settle to the next one', async () => {
    const disk = new MemoryDisk();
    const first = await startProcess({ disk });
    await first.take(track('1'));
    first.store.fail = () => {
      throw new StoreUnavailable('gone');
    };
    await first.clock.advance(1_000);
    let isStopped = false;
    void first.intake.stop(5_000).then(() => {
      isStopped = true;
    });
    await first.clock.advance(4_900);
    expect(isStopped).toBe(false);
    await first.clock.advance(200);
    expect(isStopped).toBe(true);
    expect(disk.open(lane)).toEqual(['1/0']);
  });

  it('counts everything that was open as sent, when the lane was not given back', async () => {
    const disk = new MemoryDisk();
    const rateLimits = { track: { perLane: { max: 5, windowMs: 60_000 } } };
    const first = await startProcess({ disk, policy: { lane: { rateLimits } }, answer: () => failed });
    await first.take(track('1'), track('2'));
    await first.clock.advance(300);
    first.kill();
    const second = await startProcess({ disk, policy: { lane: { rateLimits } } });
    await second.clock.advance(50_000);
    expect(second.taken()).toEqual([]);
    await second.clock.advance(15_000);
    expect(second.taken()).toEqual(['1', '2']);
  });

  it('refuses what is beyond the bounds of a lane, and stores nothing of it', async () => {
    const disk = new MemoryDisk();
    const bounds = { maxEvents: 1e6, maxBytes: 1e9, maxEventsPerLane: 2, maxBytesPerLane: 1e9 };
    const { clock, intake, take } = await startProcess({ disk, answer: () => failed, changes: { bounds } });
    await take(track('1'), track('2'), track('3'));
    await expect(take(track('4'))).rejects.toThrow(StoreFull);
    expect(disk.open(lane)).toHaveLength(3);
    expect([intake.hasRoom(), intake.hasRoom(connection.lane)]).toEqual([true, false]);
    await clock.advance(1);
  });
});
