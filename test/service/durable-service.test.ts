import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { startSimulator, type Simulator } from '../../src/destinations/heap/simulator/start-simulator.js';
import { parseExposition } from '../support/documentation.js';
import { ask, ingest, type Ingested } from '../support/http-client.js';
import { appId, startTestService, type ServiceOptions, type TestService } from '../support/running-service.js';
import { until } from '../support/sockets/until.js';

let folder: string;
let heap: Simulator;
const running: TestService[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'durable-service-'));
  heap = await startSimulator({ limits: { trackPerIdentity: null, userPropertiesPerIdentity: null } });
});

afterEach(async () => {
  for (const service of running.splice(0)) await service.close();
  await heap.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: ServiceOptions = {}): Promise<TestService> {
  const service = await startTestService({
    store: { type: 'lmdb', dataDir: folder },
    heapUrl: heap.url,
    ...options,
  });
  running.push(service);
  return service;
}

async function stop(service: TestService): Promise<void> {
  running.splice(running.indexOf(service), 1);
  await service.service.stop();
  await service.close();
}

function send(service: TestService, ...batch: readonly unknown[]): Promise<Ingested> {
  return ingest(service.dataUrl, '/v1/batch', { batch });
}

function track(id: string, userId = 'ann'): object {
  return { type: 'track', messageId: id, userId, event: `Event ${id}` };
}

function heapEvents(): readonly string[] {
  return (heap.heap.findApp(appId)?.events ?? []).map(({ event }) => event);
}

async function operator(service: TestService, path: string): Promise<unknown> {
  return JSON.parse((await ask(`${service.operatorUrl}${path}`)).text) as unknown;
}

/** Heap can't be reached. */
const nowhere = 'http://127.0.0.1:1';

describe('the service with a store', () => {
  it('answers before Heap has the events, and delivers them', async () => {
    const service = await start();
    const { status, json } = await send(service, track('1'), { type: 'nonsense' });
    expect(status).toBe(200);
    expect(json).toMatchObject({ success: true, received: 2, accepted: 1, rejected: 1 });
    await until(() => heapEvents().length === 1);
    await until(async () => {
      const health = (await operator(service, '/health')) as { readonly stored: { readonly events: number } };
      return health.stored.events === 0;
    });
  });

  it('answers when Heap is away, and delivers after a new start', async () => {
    const first = await start({ heapUrl: nowhere });
    const sent = await send(
      first,
      ...Array.from({ length: 50 }, (_, index) => track(String(index), `user ${index % 7}`)),
    );
    expect(sent.json).toMatchObject({ accepted: 50 });
    await stop(first);
    expect(heapEvents()).toEqual([]);
    const second = await start();
    expect(second.log.map(({ fields }) => fields)).toContainEqual(
      expect.objectContaining({ event: 'store', store: 'lmdb', queued: 50, deadLetters: 0 }),
    );
    await until(() => heapEvents().length === 50);
    expect(new Set(heapEvents()).size).toBe(50);
  });

  it('refuses a directory that another process has open, and names it', async () => {
    await start();
    await expect(start()).rejects.toThrow(folder);
  });

  it('keeps what Heap refuses as a dead letter, which can be looked at and replayed', async () => {
    const service = await start();
    heap.heap.faults.add({ match: { times: 1 }, action: { status: 400, body: 'no such event' } });
    await send(service, track('1'));
    await until(async () => {
      const { letters } = (await operator(service, '/dead-letters')) as { readonly letters: readonly object[] };
      return letters.length === 1;
    });
    const { letters } = (await operator(service, '/dead-letters')) as { readonly letters: readonly object[] };
    expect(letters[0]).toMatchObject({ reason: 'heap_rejected', attempts: 1, messageId: '1', connection: 'main' });
    const replay = await ask(`${service.operatorUrl}/dead-letters/replay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"all":true}',
    });
    expect(replay.status).toBe(200);
    await until(() => heapEvents().length === 1);
    expect(((await operator(service, '/dead-letters')) as { readonly letters: readonly object[] }).letters).toEqual([]);
  });

  it('knows what happened to an event', async () => {
    const service = await start();
    await send(service, track('m-1'));
    await until(() => heapEvents().length === 1);
    await until(async () => JSON.stringify(await operator(service, '/events/m-1')).includes('delivered'));
    expect(await operator(service, '/events/m-1')).toMatchObject({
      events: [
        {
          messageId: 'm-1',
          outcome: 'delivered',
          attempts: [{ status: 200, kind: 'track', items: 1 }],
          operations: [{ kind: 'track' }],
        },
      ],
    });
  });

  it('tells metrics of the store', async () => {
    const service = await start();
    await send(service, track('1'), track('1'));
    await until(() => heapEvents().length === 1);
    const { samples } = parseExposition((await ask(`${service.operatorUrl}/metrics`)).text);
    expect(samples.get('heap_destination_events_stored_total')).toBe(1);
    expect(samples.get('heap_destination_event_repeats_total')).toBe(1);
    expect(samples.get('heap_destination_lanes_owned')).toBe(1);
  });

  it('takes nothing more when the lane holds as much as it may, and goes on when there is room', async () => {
    const service = await start({ heapUrl: nowhere, storeSettings: { maxEventsPerLane: 5 } });
    await send(service, ...Array.from({ length: 5 }, (_, index) => track(String(index))));
    const refused = await send(service, track('more'));
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    expect(refused.json).toMatchObject({ error: { reason: 'backlog_full' } });
  });
});
