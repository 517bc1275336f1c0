import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { StoreFull } from '../../../src/core/store/store-full.js';
import { StoreUnavailable } from '../../../src/core/store/store-unavailable.js';
import type { TargetOutcome } from '../../../src/service/backfill/backfill-target.js';
import { prepareLine, type HistoryEvent } from '../../../src/service/backfill/prepare-line.js';
import { StoreTarget, type StoreTargetOptions } from '../../../src/service/backfill/store-target.js';
import { MemoryDisk, MemoryStore } from '../../support/memory-store.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { connectionOf } from './connection-of.js';

const connection = connectionOf();
let clock: VirtualClock;
let disk: MemoryDisk;
let store: MemoryStore;
let stopping: AbortController;
let outcomes: TargetOutcome[];

beforeEach(() => {
  clock = new VirtualClock();
  disk = new MemoryDisk();
  store = new MemoryStore(disk, clock);
  stopping = new AbortController();
  outcomes = [];
});

afterEach(() => {
  stopping.abort();
});

const unbounded = { maxEvents: Infinity, maxBytes: Infinity, maxEventsPerLane: Infinity, maxBytesPerLane: Infinity };

function open(options: Partial<StoreTargetOptions> = {}): StoreTarget {
  return new StoreTarget({
    ...{ store, connection, bounds: unbounded, isEmptiedMeanwhile: true, storesIds: false, maxEventLength: 10_000 },
    ...{ clock, random: () => 0.5, signal: stopping.signal },
    ...options,
  });
}

function event(id: number): HistoryEvent {
  const fields = { type: 'track', userId: 'ann', event: 'Paid', messageId: `m-${id}`, timestamp: '2024-03-10' };
  const prepared = prepareLine(1, JSON.stringify(fields), {
    connection,
    maxEventLength: 10_000,
    timeIfMissing: undefined,
  });
  if (prepared.type !== 'event') throw new Error('expected an event');
  return prepared;
}

async function put(target: StoreTarget, count: number, bytes = 100): Promise<void> {
  for (let id = 0; id < count; id += 1) {
    await target.put(event(id), bytes, (outcome) => {
      outcomes.push(outcome);
    });
  }
}

function chunks(): readonly (readonly string[])[] {
  const found = disk.lanes.get(connection.lane.key)?.chunks ?? [];
  return found.map(({ events }) => events.map(({ text }) => idOf(JSON.parse(text) as JsonObject)));
}

function idOf({ messageId }: Readonly<Record<string, Json>>): string {
  return messageId as string;
}

function ids(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, index) => `m-${from + index}`);
}

describe('a backfill into the store', () => {
  it('stores chunks of 500 events, or of a mebibyte, in the order of the file', async () => {
    const target = open();
    await put(target, 1_200);
    await target.flush();
    expect(chunks()).toEqual([ids(0, 500), ids(500, 1_000), ids(1_000, 1_200)]);
    expect(outcomes).toEqual(Array.from({ length: 1_200 }, () => ({ type: 'taken' })));
    await put(target, 3, 600_000);
    await target.flush();
    expect(chunks().slice(3)).toEqual([['m-0'], ['m-1'], ['m-2']]);
  });

  it('claims no lane', async () => {
    store.claim = () => Promise.reject(new Error('claimed'));
    const target = open();
    await put(target, 1);
    await target.flush();
    await target.stop();
    expect(chunks()).toEqual([['m-0']]);
  });

  it('tells repeats, within a chunk and by the store', async () => {
    const target = open({ storesIds: true });
    const append = store.append.bind(store);
    store.append = async (given) => {
      expect(given[0]?.ids).toEqual(['main track m-0', 'main track m-1']);
      const [appended] = await append(given);
      return [{ sequence: appended?.sequence ?? 0, repeats: [1] }];
    };
    await put(target, 2);
    await put(target, 1);
    await target.flush();
    expect(outcomes.map(({ type }) => type)).toEqual(['taken', 'repeat', 'repeat']);
  });

  it('tries a chunk again, in its place, while the store can not be reached', async () => {
    const target = open();
    let failures = 3;
    store.fail = () => {
      failures -= 1;
      if (failures >= 0) throw new StoreUnavailable('away');
    };
    await put(target, 700);
    const flushed = target.flush();
    await clock.advance(1);
    expect([target.waitingFor, chunks()]).toEqual(['the store can not be reached', []]);
    await clock.advance(10_000);
    await flushed;
    expect([target.waitingFor, chunks()]).toEqual([undefined, [ids(0, 500), ids(500, 700)]]);
  });

  it('stops when the store can not be reached for minutes', async () => {
    const target = open();
    store.fail = () => {
      throw new StoreUnavailable('away');
    };
    await put(target, 1);
    const flushed = expect(target.flush()).rejects.toThrow('the store: away');
    await clock.advance(400_000);
    await flushed;
    expect(outcomes).toEqual([]);
  });

  it('waits while as much waits as it may put there, and goes on when there is room', async () => {
    const target = open({ bounds: { ...unbounded, maxEventsPerLane: 500 } });
    await put(target, 1_000);
    const flushed = target.flush();
    await clock.advance(5_000);
    expect([chunks().length, target.waitingFor]).toEqual([1, expect.stringContaining('as much waits')]);
    disk.lanes.get(connection.lane.key)?.chunks.splice(0);
    await clock.advance(5_000);
    await flushed;
    expect(chunks()).toEqual([ids(500, 1_000)]);
  });

  it.each([
    ['its share is used up', { bounds: { ...unbounded, maxEvents: 500 } }],
    ['the store is full', {}],
  ])('stops when %s and nobody empties the store meanwhile', async (_name, options) => {
    const target = open({ isEmptiedMeanwhile: false, ...options });
    if (!('bounds' in options)) {
      let appends = 0;
      store.fail = () => {
        appends += 1;
        if (appends > 1) throw new StoreFull('full');
      };
    }
    await put(target, 1_000);
    await expect(target.flush()).rejects.toThrow('start the service');
    expect([chunks(), outcomes.length]).toEqual([[ids(0, 500)], 500]);
  });

  it('ends a wait when it is told to stop, and leaves the rest to the next run', async () => {
    const target = open({ bounds: { ...unbounded, maxEventsPerLane: 500 } });
    await put(target, 1_000);
    const flushed = expect(target.flush()).rejects.toThrow('it was interrupted');
    await clock.advance(5_000);
    stopping.abort();
    await flushed;
    await target.stop();
    expect(chunks()).toEqual([ids(0, 500)]);
  });
});
