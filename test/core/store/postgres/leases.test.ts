import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { systemClock, type Clock } from '../../../../src/core/clock.js';
import { Database } from '../../../../src/core/store/postgres/database.js';
import type { PostgresStoreOptions } from '../../../../src/core/store/postgres/open-postgres-store.js';
import type { PostgresStore } from '../../../../src/core/store/postgres/postgres-store.js';
import { Senders } from '../../../../src/core/store/postgres/senders.js';
import { LaneLost } from '../../../../src/core/store/lane-lost.js';
import { StoreUnavailable } from '../../../../src/core/store/store-unavailable.js';
import { startPostgres, type TestPostgres } from '../../../support/postgres/start-postgres.js';
import { startTcpProxy, type TcpProxy } from '../../../support/postgres/tcp-proxy.js';
import { chunk, letter } from '../new-rows.js';
import { LaneRecorder, until } from './lane-recorder.js';
import { endLeases, openStore } from './postgres-harness.js';

const minuteMs = 60_000;

/** The real clock, that can be set, and can pass time while nothing of the process runs. */
class OddClock implements Clock {
  readonly sleep: Clock['sleep'] = (ms, signal) => systemClock.sleep(ms, signal);
  readonly schedule: Clock['schedule'] = (ms, run) => systemClock.schedule(ms, run);
  skewMs = 0;
  stoppedMs = 0;

  now(): number {
    return systemClock.now() + this.skewMs;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.stoppedMs;
  }
}

let server: TestPostgres;
let url: string;
let proxy: TcpProxy;
let stores: PostgresStore[] = [];

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  url = await server.newUrl();
  proxy = await startTcpProxy(server.port);
});

afterEach(async () => {
  const closed = Promise.all(stores.map((store) => store.close()));
  proxy.reset();
  await proxy.close();
  await closed;
  stores = [];
});

async function open(options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
  const store = await openStore({ url, pollMs: 50, ...options });
  stores.push(store);
  return store;
}

/** A process that sends. */
async function openSender(options: Partial<PostgresStoreOptions> = {}, obliges = false): Promise<Sender> {
  const store = await open(options);
  const recorder = new LaneRecorder(obliges);
  await store.claim(recorder);
  return { store, recorder };
}

interface Sender {
  readonly store: PostgresStore;
  readonly recorder: LaneRecorder;
}

function throughProxy(): string {
  return url.replace(`:${server.port}/`, `:${proxy.port}/`);
}

const manyLanes = Array.from({ length: 12 }, (_, index) => `us:${index}`);

async function fill(store: PostgresStore, lanes: readonly string[]): Promise<void> {
  await store.append(lanes.map((lane) => chunk(lane, ['1'])));
}

describe('lanes of several processes', () => {
  it('each have one sender, however many claim at once', async () => {
    const filler = await open();
    await fill(filler, manyLanes);
    const senders = await Promise.all(Array.from({ length: 4 }, () => openSender()));
    const claimed = senders.flatMap(({ recorder }) => recorder.claims.map(({ lane }) => lane));
    expect(claimed).toHaveLength(new Set(claimed).size);
    await until(() => senders.flatMap(({ recorder }) => [...recorder.held.keys()]).length === 12, 'all are claimed');
  });

  it('are claimed by nobody else as long as a lease lasts', async () => {
    const store = await open();
    await fill(store, manyLanes);
    const faults: Error[] = [];
    const onFault = (fault: Error): void => void faults.push(fault);
    const database = new Database({ url, connections: 6, callMs: 20_000, hasSessions: true, onFault });
    const senders = Array.from({ length: 6 }, (_, index) => new Senders(database.query, `s${index}`, minuteMs));
    const claims = (await Promise.all(senders.map((sender) => sender.claim(5)))).flat();
    for (const sender of senders) claims.push(...(await sender.claim(5)));
    expect(claims.map(({ lane }) => lane).sort()).toEqual([...manyLanes].sort());
    expect(claims.every(({ epoch }) => epoch === 1)).toBe(true);
    await endLeases(server, url);
    const again = await senders[0]?.claim(Number.POSITIVE_INFINITY);
    expect(again).toHaveLength(12);
    expect(again?.every(({ epoch }) => epoch === 2)).toBe(true);
    await database.close();
    expect(faults).toEqual([]);
  });

  it('are shared out about evenly when another process comes, and taken over when one goes', async () => {
    const first = await openSender({}, true);
    await fill(first.store, manyLanes);
    expect(first.recorder.held.size).toBe(12);
    const second = await openSender({}, true);
    await until(() => first.recorder.held.size === 6 && second.recorder.held.size === 6, 'each has its share');
    expect(second.recorder.claims.every(({ wasReleased, memo }) => wasReleased && memo?.text === 'obliged')).toBe(true);
    expect(first.recorder.wanted).toHaveLength(6);
    await delay(300);
    expect([first, second].map(({ recorder }) => recorder.held.size)).toEqual([6, 6]);
    await second.store.close();
    await until(() => first.recorder.held.size === 12, 'the other one has all again');
    const taken = first.recorder.claims.slice(12);
    expect(taken.every(({ wasReleased }) => !wasReleased)).toBe(true);
  });

  it('go to another process when the lease of a dead one ends, which takes nothing from it any more', async () => {
    const old = await openSender({ url: throughProxy() });
    const [appended] = await old.store.append([chunk('us:1', ['1', '2'])]);
    const sequence = appended?.sequence ?? 0;
    const stale = await old.recorder.lane('us:1');
    await stale.settle([{ sequence, indexes: [0] }], [], 'half');
    proxy.cut();
    await endLeases(server, url);
    const { recorder } = await openSender();
    const lane = await recorder.lane('us:1');
    expect(lane).toMatchObject({ wasReleased: false, memo: { text: 'half' }, events: 1 });
    proxy.reset();
    proxy.mend();
    let refusal: unknown;
    await until(async () => {
      refusal = await stale
        .settle([{ sequence, indexes: [1] }], [letter('us:1/1/1')], 'stale')
        .catch((error: unknown) => error);
      return !(refusal instanceof StoreUnavailable);
    }, 'the server answers again');
    expect(refusal).toBeInstanceOf(LaneLost);
    expect(old.recorder.lost).toEqual(['us:1']);
    expect(stale.mayBegin()).toBe(false);
    await expect(stale.read(0, 1)).rejects.toThrow(LaneLost);
    expect(await lane.read(0, 100)).toMatchObject([{ events: [{ index: 1, text: '2' }] }]);
    expect((await old.store.deadLetters.stats()).letters).toBe(0);
  });

  it('are not sent by a process that was stopped for longer than its lease', async () => {
    const clock = new OddClock();
    const { store, recorder } = await openSender({ clock, leaseMs: minuteMs, requestMs: 20_000 });
    await fill(store, ['us:1']);
    const lane = await recorder.lane('us:1');
    expect(lane.mayBegin()).toBe(true);
    clock.stoppedMs = 39_000;
    expect(lane.mayBegin()).toBe(true);
    // A request that begins now may be under way when the lease ends.
    clock.stoppedMs = 41_000;
    expect(lane.mayBegin()).toBe(false);
    clock.stoppedMs = 2 * minuteMs;
    expect(lane.mayBegin()).toBe(false);
    await until(() => recorder.lost.length > 0, 'it is given up');
  });

  it('stay with their sender as long as it renews their leases', async () => {
    const { store, recorder } = await openSender({ leaseMs: 9_000, requestMs: 1_000 });
    await fill(store, ['us:1']);
    const lane = await recorder.lane('us:1');
    const other = await openSender({ leaseMs: 9_000, requestMs: 1_000 });
    const leaseEnd = async (): Promise<number> => {
      const statement = 'select extract(epoch from lease_until)::float8 as seconds from heap_destination_senders';
      const [row] = await server.query(url, statement);
      return Number(row?.seconds);
    };
    const first = await leaseEnd();
    await until(async () => (await leaseEnd()) > first, 'it is renewed');
    expect(lane.mayBegin()).toBe(true);
    expect(recorder.lost).toEqual([]);
    expect(other.recorder.claims).toEqual([]);
  });

  it('are given up before their leases end, when these can not be renewed', async () => {
    const errors: Error[] = [];
    const clock = new OddClock();
    const { store, recorder } = await openSender({
      ...{ url: throughProxy(), clock, leaseMs: minuteMs, requestMs: 1_000, callMs: 500 },
      onUnavailable: (error) => errors.push(error),
    });
    const claimedAt = clock.monotonic();
    await fill(store, ['us:1']);
    proxy.cut();
    await until(() => errors.length > 0, 'it is noticed');
    clock.stoppedMs = 48_000;
    await until(() => recorder.lost.includes('us:1'), 'it is lost');
    expect(clock.monotonic() - claimedAt).toBeLessThan(minuteMs);
    const statement = 'select lease_until > now() as lasts from heap_destination_senders';
    expect(await server.query(url, statement)).toEqual([{ lasts: true }]);
    expect(errors[0]).toBeInstanceOf(StoreUnavailable);
  });

  it.each([-5 * minuteMs, 5 * minuteMs])('do not mind a clock that is %s ms off', async (skewMs) => {
    const clock = new OddClock();
    clock.skewMs = skewMs;
    const first = await openSender();
    await fill(first.store, ['us:1']);
    const other = await openSender({ clock });
    await fill(other.store, ['us:2']);
    await delay(300);
    expect(other.recorder.held.has('us:1')).toBe(false);
    const lane = await first.recorder.lane('us:1');
    await lane.release('memo');
    // Who releases what nobody asked for is about to stop, and leaves it to others.
    const taken = await other.recorder.lane('us:1');
    expect(taken.wasReleased).toBe(true);
    expect(taken.memo?.ageMs).toBeLessThan(minuteMs);
    expect(taken.mayBegin()).toBe(true);
  });

  it.each([true, false])('are read on when others append to them, heard of by a notification: %s', async (listen) => {
    const pollMs = listen ? 600_000 : 50;
    const sender = await openSender({ listen, pollMs });
    const [first] = await sender.store.append([chunk('us:1', ['1'])]);
    expect(sender.recorder.appended).toEqual([]);
    const other = await open({ listen, pollMs });
    // Until it listens, it may miss what is said.
    await until(async () => {
      if (sender.recorder.appended.length > 0) return true;
      await other.append([chunk('us:1', ['2'])]);
      await delay(100);
      return false;
    }, 'the sender hears of it');
    const lane = await sender.recorder.lane('us:1');
    const read = await lane.read((first?.sequence ?? 0) + 1, 1_000);
    expect(read[0]?.events).toEqual([{ index: 0, text: '2' }]);
    expect(sender.recorder.claims).toHaveLength(1);
  });

  it('are claimed by who sends when who only takes in appends to them', async () => {
    const { recorder } = await openSender();
    const door = await open();
    await fill(door, manyLanes);
    await until(() => recorder.held.size === 12, 'all are claimed');
  });

  it('are asked back when nothing has waited in them for the time of a lease', async () => {
    const { store, recorder } = await openSender({ leaseMs: 1_000, requestMs: 100 }, true);
    const [appended] = await store.append([chunk('us:1', ['1'])]);
    const lane = await recorder.lane('us:1');
    await lane.settle([{ sequence: appended?.sequence ?? 0, indexes: [0] }], []);
    await until(() => recorder.wanted.includes('us:1') || recorder.lost.includes('us:1'), 'it is wanted');
    await fill(store, ['us:1']);
    expect((await recorder.lane('us:1')).events).toBe(1);
  });
});
