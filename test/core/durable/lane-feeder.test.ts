import { describe, expect, it } from '@jest/globals';

import { StoreUnavailable } from '../../../src/core/store/store-unavailable.js';
import { compileConnection } from '../../../src/destinations/heap/compile-connection.js';
import { defaultHeapSettings } from '../../../src/destinations/heap/connection.js';
import { MemoryDisk, MemoryStore } from '../../support/memory-store.js';
import { deferred, delivered, failed, halted } from '../../support/recorded-delivery.js';
import { settled, VirtualClock } from '../../support/virtual-clock.js';
import { connection, identify, startProcess, track } from './durable-process.js';

const lane = 'us:11';
const large = { lane: { batch: { maxItems: 100, maxBytes: 1e7 } } };
const limited = {
  lane: { batch: { maxItems: 100, maxBytes: 1e7 }, rateLimits: { track: { perLane: { max: 100, windowMs: 60_000 } } } },
};

function many<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

describe('a lane and its store', () => {
  it('let nothing overtake what was set aside, while it can not be read', async () => {
    const disk = new MemoryDisk();
    const gate = deferred<typeof delivered>();
    const { attempts, clock, store, take, told } = await startProcess({
      disk,
      policy: large,
      answer: () => gate.promise,
    });
    for (let chunk = 0; chunk < 25; chunk += 1) {
      await take(...many(100, (index) => identify(`${chunk}-${index}`)));
      await clock.advance(10);
    }
    for (let turn = 0; turn < 50; turn += 1) await settled();
    let isAway = true;
    store.fail = (call) => {
      if (call === 'read' && isAway) throw new StoreUnavailable('away for a moment');
    };
    gate.resolve(delivered);
    while (!told.some((line) => line.startsWith('trouble'))) await clock.advance(10);
    await clock.advance(100);
    await take(identify('last'));
    await clock.advance(300);
    isAway = false;
    await clock.advance(600_000);
    expect(attempts.at(-1)?.items.at(-1)).toContain('"last"');
    expect(disk.open(lane)).toEqual([]);
  });

  it('keep what is known of the limits while the lane is given back', async () => {
    const disk = new MemoryDisk();
    const gate = deferred<typeof delivered>();
    let hangs = false;
    const first = await startProcess({
      disk,
      policy: limited,
      answer: () => (hangs ? gate.promise : delivered),
    });
    await first.take(...many(99, (index) => track(`a-${index}`, `user ${index}`)));
    await first.clock.advance(2_000);
    hangs = true;
    await first.take(track('b', 'bob'));
    await first.clock.advance(1_000);
    first.store.fail = (call) => {
      if (call === 'release') throw new StoreUnavailable('away');
    };
    void first.intake.stop(10_000);
    await first.clock.advance(100);
    gate.resolve(delivered);
    await first.clock.advance(1_000);
    first.kill();
    const second = await startProcess({ disk, policy: limited });
    await second.take(...many(200, (index) => track(`c-${index}`, `user ${index}`)));
    await second.clock.advance(5_000);
    expect(first.taken().length + second.taken().length).toBeLessThanOrEqual(100);
  });

  it('tell the next sender of attempts that settled nothing', async () => {
    const disk = new MemoryDisk();
    const first = await startProcess({ disk, policy: limited, answer: () => failed, random: () => 0.01 });
    await first.take(...many(10, (index) => track(`a-${index}`, `user ${index}`)));
    await first.clock.advance(20_000);
    const used = first.attempts.reduce((sum, { items }) => sum + items.length, 0);
    expect(used).toBeGreaterThan(20);
    first.kill();
    const second = await startProcess({ disk, policy: limited });
    await second.take(...many(200, (index) => track(`b-${index}`, `user ${index}`)));
    await second.clock.advance(5_000);
    expect(used + second.taken().length).toBeLessThanOrEqual(100);
  });

  it('go on when another lane, which held all the room, is lost', async () => {
    const disk = new MemoryDisk();
    const other = compileConnection(
      { id: 'two', appId: '12', region: 'us', preset: 'heap', settings: defaultHeapSettings },
      [],
    );
    const connections = [connection, other];
    const { clock, intake, store, take } = await startProcess({
      disk,
      maxBacklog: 10,
      answer: ({ appId }) => (appId === '11' ? halted : delivered),
      changes: { connectionOf: (id) => connections.find((each) => each.id === id) },
    });
    await take(...many(30, (index) => track(`a-${index}`, `user ${index}`)));
    await clock.advance(2_000);
    await intake.takeIn([{ value: track('b') }], other);
    await clock.advance(2_000);
    store.lose(lane);
    await clock.advance(10_000);
    expect(disk.open('us:12')).toEqual([]);
  });

  it('have no more of one user in memory than they may, though one event of the user hangs and later ones do not', async () => {
    const disk = new MemoryDisk();
    const { clock, take, told } = await startProcess({
      disk,
      policy: { lane: { batch: { maxItems: 1_000, maxBytes: 1e7 }, maxAgeMs: 1e12 } },
      answer: ({ items }) => (items.some((text) => text.includes('choke')) ? failed : delivered),
    });
    await take(track('choke'), ...many(20, (index) => track(`o-${index}`, `other ${index}`)));
    await clock.advance(10_000);
    for (let chunk = 0; chunk < 12; chunk += 1) {
      await take(...many(500, (index) => identify(`${chunk}-${index}`)), track(`p-${chunk}`, 'other'));
      await clock.advance(20_000);
    }
    // All of the others, and of this one no more than two thousand.
    expect(told.filter((line) => line === 'delivered').length).toBeLessThanOrEqual(2_000 + 32);
    expect(told.filter((line) => line === 'delivered').length).toBeGreaterThan(32);
  });

  it('read no more than they can settle, where everything that waits is rejected', async () => {
    const disk = new MemoryDisk();
    const filler = new MemoryStore(disk, new VirtualClock(0));
    for (let chunk = 0; chunk < 200; chunk += 1) {
      const events = many(100, (index) => JSON.stringify(track(`${chunk}-${index}`, `user ${index}`)));
      await filler.append([{ lane, connection: 'gone', receivedAt: 0, events }]);
    }
    const gate = deferred<undefined>();
    const { clock, told } = await startProcess({
      disk,
      fail: (call) => (call === 'settle' ? gate.promise : undefined),
    });
    await clock.advance(60_000);
    expect(told.filter((line) => line.startsWith('rejected')).length).toBeLessThan(6_000);
    gate.resolve(undefined);
    for (let turn = 0; turn < 2_000 && disk.open(lane).length > 0; turn += 1) await settled();
    expect(disk.open(lane)).toEqual([]);
    expect(await disk.letters.list({}, undefined, 1e6)).toHaveLength(20_000);
  });

  it('read a chunk once for all of its events that Heap refuses together', async () => {
    const disk = new MemoryDisk();
    const { clock, store, take } = await startProcess({
      disk,
      policy: large,
      answer: () => ({ type: 'rejected', detail: 'HTTP 400 no' }),
    });
    await take(...many(50, (index) => track(`a-${index}`, `user ${index}`)));
    await clock.advance(60_000);
    expect(await disk.letters.list({}, undefined, 1e3)).toHaveLength(50);
    expect(store.reads).toBeLessThanOrEqual(3);
  });

  it('give nothing up as expired before whoever sends it anew has tried it for some time', async () => {
    const disk = new MemoryDisk();
    const filler = new MemoryStore(disk, new VirtualClock(0));
    await filler.append([{ lane, connection: 'web', receivedAt: -1e9, events: [JSON.stringify(track('old'))] }]);
    let attempts = 0;
    const { clock, told } = await startProcess({
      disk,
      answer: () => ((attempts += 1) < 4 ? failed : delivered),
      policy: { lane: { maxAgeMs: 3_600_000 } },
      changes: { maxCountedAgeMs: 1_800_000 },
    });
    await clock.advance(600_000);
    expect(told).toEqual(['delivered']);
  });

  it('go on beside a chunk that is damaged and was moved out of the way', async () => {
    const disk = new MemoryDisk();
    const gate = deferred<typeof delivered>();
    const { clock, take, told } = await startProcess({ disk, policy: large, answer: () => gate.promise });
    for (let chunk = 0; chunk < 25; chunk += 1) {
      await take(...many(100, (index) => track(`${chunk}-${index}`)));
      await clock.advance(10);
    }
    for (let turn = 0; turn < 50; turn += 1) await settled();
    // One that is set aside: nobody has read it for long.
    const chunks = disk.lanes.get(lane)?.chunks;
    chunks?.splice(22, 1);
    gate.resolve(delivered);
    await clock.advance(60_000);
    expect(told.filter((line) => line.startsWith('stopped'))).toEqual([]);
    expect(disk.open(lane)).toEqual([]);
    expect(told.filter((line) => line === 'delivered')).toHaveLength(2_400);
  });
});
