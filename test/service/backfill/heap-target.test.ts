import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { HeapConnection } from '../../../src/destinations/heap/connection.js';
import { defaultHeapSettings } from '../../../src/destinations/heap/connection.js';
import { startSimulator, type Simulator } from '../../../src/destinations/heap/simulator/start-simulator.js';
import type { BackfillTarget, TargetOutcome } from '../../../src/service/backfill/backfill-target.js';
import { heapTarget } from '../../../src/service/backfill/heap-target.js';
import { prepareLine, type HistoryEvent } from '../../../src/service/backfill/prepare-line.js';
import { completeDelivery, type DeliverySettings } from '../../../src/service/delivery-config.js';
import { defaultBatchingConfig, defaultServerConfig } from '../../../src/service/service-config.js';
import { completeStore } from '../../../src/service/store-config.js';
import { appId } from '../../support/running-service.js';
import { until } from '../../support/sockets/until.js';
import { connectionOf } from './connection-of.js';

const connection = connectionOf();
let heap: Simulator;
let stopping: AbortController;
const targets: BackfillTarget[] = [];

beforeEach(async () => {
  stopping = new AbortController();
  heap = await startSimulator();
});

afterEach(async () => {
  stopping.abort();
  for (const target of targets.splice(0)) await target.stop();
  await heap.close();
});

function open(delivery: DeliverySettings = {}, shutdownMs = 10_000): BackfillTarget {
  const configured: HeapConnection = { id: 'main', appId, region: 'us', preset: 'heap', settings: defaultHeapSettings };
  const target = heapTarget(
    {
      connections: [{ writeKey: 'key', connection: configured }],
      heapUrls: { us: heap.url, eu: heap.url },
      server: { ...defaultServerConfig, shutdownMs },
      batching: { ...defaultBatchingConfig, lingerMs: 1 },
      delivery: completeDelivery({ baseBackOffMs: 2, maxBackOffMs: 10, maxRetryAfterMs: 20, ...delivery }),
      store: completeStore({ type: 'none' }),
    },
    stopping.signal,
  );
  targets.push(target);
  return target;
}

function event(id: number): HistoryEvent {
  const fields = {
    type: 'track',
    userId: `u-${id % 50}`,
    event: `Event ${id}`,
    messageId: `m-${id}`,
    timestamp: '2024-03-10',
  };
  const prepared = prepareLine(1, JSON.stringify(fields), {
    connection,
    maxEventLength: 10_000,
    timeIfMissing: undefined,
  });
  if (prepared.type !== 'event') throw new Error('expected an event');
  return prepared;
}

async function put(target: BackfillTarget, from: number, to: number): Promise<ReadonlyMap<number, TargetOutcome>> {
  const outcomes = new Map<number, TargetOutcome>();
  for (let id = from; id < to; id += 1) {
    await target.put(event(id), 100, (outcome) => {
      outcomes.set(id, outcome);
    });
  }
  return outcomes;
}

function heapEvents(): number {
  return heap.heap.findApp(appId)?.events.length ?? 0;
}

describe('a backfill to Heap', () => {
  it('delivers everything, with no more in memory than there is room for', async () => {
    const target = open({ maxBacklog: 100 });
    heap.heap.faults.add({ match: { after: 2 }, action: { hang: true } });
    let isPut = false;
    const putting = put(target, 0, 1_000).then((outcomes) => {
      isPut = true;
      return outcomes;
    });
    await until(() => heap.heap.statistics().faultsApplied.hang > 0);
    expect(isPut).toBe(false);
    heap.heap.faults.clear();
    await heap.close();
    heap = await startSimulator({ port: heap.port });
    const outcomes = await putting;
    await target.flush();
    expect(outcomes.size).toBe(1_000);
    expect([...outcomes.values()].every(({ type }) => type === 'taken')).toBe(true);
  });

  it('tells apart what Heap rejects', async () => {
    heap.heap.faults.add({ match: { itemEvent: 'Event 7' }, action: { status: 400, body: 'bad event' } });
    const target = open();
    const outcomes = await put(target, 0, 40);
    await target.flush();
    expect(outcomes.get(7)).toEqual({
      type: 'rejected',
      reason: 'heap_rejected',
      detail: expect.stringContaining('bad event'),
    });
    expect([...outcomes.values()].filter(({ type }) => type === 'taken')).toHaveLength(39);
    expect(heapEvents()).toBe(39);
  });

  it.each([
    ['refuses the app', { action: { status: 404 } }, /Heap refuses this app/],
    [
      'suddenly rejects everything',
      { action: { status: 400, body: 'no' } },
      /Heap suddenly rejects much for one reason/,
    ],
  ])('stops where a service would wait for a person: Heap %s', async (_name, rule, message) => {
    heap.heap.faults.add(rule);
    const target = open();
    await put(target, 0, 200);
    await expect(target.flush()).rejects.toThrow(message);
    expect(() => target.put(event(201), 1, () => undefined)).toThrow(message);
  });

  it('says what it waits for, and leaves what is not delivered in time to the next run', async () => {
    heap.heap.faults.add({ action: { status: 503 } });
    const target = open({}, 10);
    const outcomes = await put(target, 0, 10);
    await until(() => target.waitingFor !== undefined);
    expect(target.waitingFor).toMatch(/Heap does not take it now \(.*503/);
    const flushed = expect(target.flush()).rejects.toThrow('it was interrupted');
    stopping.abort();
    await flushed;
    await target.stop();
    expect([outcomes.size, heapEvents()]).toEqual([0, 0]);
  });
});
