import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { selfSignedCertificate } from '../support/sockets/certificate.js';
import { handOn, inFrontOf, openGate, tlsServer } from '../support/sockets/gate.js';
import { Outbox } from '../support/sockets/outbox.js';
import { appId, startServiceProcess, type ServiceProcess } from '../support/sockets/service-process.js';
import { startSimulatorProcess, type SimulatorProcess } from '../support/sockets/simulator-process.js';
import { leftOf, until } from '../support/sockets/until.js';

// Each of them is a process of its own; on a busy machine they take their time.
jest.setTimeout(120_000);

let heap: SimulatorProcess;
const started: ServiceProcess[] = [];

beforeAll(async () => {
  heap = await startSimulatorProcess();
});

beforeEach(async () => {
  await heap.reset();
});

afterEach(async () => {
  for (const service of started) service.kill('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
  started.length = 0;
});

afterAll(async () => {
  await heap.stop();
});

async function start(heapUrl = heap.url, environment: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await startServiceProcess(heapUrl, { ALLOW_VOLATILE: '1', ...environment });
  started.push(service);
  return service;
}

/** Heap has all events of the outbox, each once, and those of each user in their order. */
async function expectAllOnce({ plan: { users, batches, events } }: Outbox): Promise<void> {
  const names = new Map<string, string[]>();
  for (const { sentAs, event } of await heap.eventsOf(appId)) {
    const { identity = '' } = sentAs;
    names.set(identity, [...(names.get(identity) ?? []), event]);
  }
  const inOrder = Array.from({ length: batches * events }, (_unused, index) => String(index));
  expect([...names.keys()]).toHaveLength(users);
  for (const ofUser of names.values()) expect(ofUser).toEqual(inOrder);
}

async function hanging(): Promise<number> {
  return (await heap.statistics()).faultsApplied.hang;
}

describe('serve', () => {
  it('on SIGTERM delivers what it has taken, answers its senders and ends', async () => {
    await heap.setFaults([{ match: { path: '/api/track' }, action: { latencyMs: 500 } }]);
    const service = await start();
    const outbox = new Outbox({ users: 10, batches: 1, events: 20 });
    const sending = outbox.send(service.dataUrl);
    await until(async () => (await service.received()) === 200);
    service.kill('SIGTERM');
    expect(new Set(await sending)).toEqual(new Set([200]));
    expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await service.logged('all delivered')).toMatchObject({ remaining: 0 });
    await expectAllOnce(outbox);
    expect((await heap.statistics()).duplicates).toBe(0);
  });

  it('on a second SIGTERM gives everything back at once; once it is repeated, Heap has it once', async () => {
    await heap.setFaults([
      { match: { path: '/api/track', times: 2 }, action: { hang: true, stored: true } },
      { match: { path: '/api/track' }, action: { hang: true } },
    ]);
    const service = await start();
    const outbox = new Outbox({ users: 10, batches: 1, events: 20 });
    const sending = outbox.send(service.dataUrl);
    await until(async () => (await service.received()) === 200 && (await hanging()) > 2);
    service.kill('SIGTERM');
    await service.logged('no new requests are taken; delivering what is there');
    service.kill('SIGTERM');
    expect(new Set(await sending)).toEqual(new Set([503]));
    expect(await service.ended).toMatchObject({ code: 1, stderr: '' });
    expect(await service.logged('the senders keep the rest')).toMatchObject({ remaining: 200 });

    await heap.setFaults([]);
    await outbox.send((await start()).dataUrl);
    expect(outbox.left).toBe(0);
    await expectAllOnce(outbox);
    expect((await heap.statistics()).duplicates).toBeGreaterThan(0);
  });

  it('may be killed: what its senders repeat in order, Heap has once and in order', async () => {
    await heap.setFaults([
      { match: { path: '/api/track', after: 5 }, action: { hang: true, stored: true } },
      { match: { path: '/api/track' }, action: { latencyMs: [0, 20] } },
    ]);
    const service = await start();
    const outbox = new Outbox({ users: 20, batches: 4, events: 10 });
    const sending = outbox.send(service.dataUrl);
    await until(async () => (await hanging()) > 2);
    service.kill('SIGKILL');
    expect(await sending).toContain('broken');
    expect(outbox.left).toBeGreaterThan(0);

    await heap.setFaults([{ match: { probability: 0.2 }, action: { reset: true, stored: true } }]);
    await outbox.send((await start()).dataUrl);
    expect(outbox.left).toBe(0);
    await expectAllOnce(outbox);
    expect((await heap.statistics()).duplicates).toBeGreaterThan(0);
  });

  it('keeps everything while the certificate of Heap has expired, and delivers once it is renewed', async () => {
    const dayMs = 24 * 3_600_000;
    const day = (days: number): Date => new Date(Date.now() + days * dayMs);
    const expired = selfSignedCertificate(day(-2), day(-1));
    const renewed = selfSignedCertificate(day(-1), day(1));
    let visits = 0;
    const server = tlsServer(
      expired,
      inFrontOf(heap.url, (visit) => {
        visits += 1;
        return handOn(visit);
      }),
    );
    const gate = await openGate(server);
    const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
    try {
      const trusted = join(folder, 'trusted.pem');
      writeFileSync(trusted, expired.cert + renewed.cert);
      const service = await start(`https://127.0.0.1:${gate.port}`, { NODE_EXTRA_CA_CERTS: trusted });
      const outbox = new Outbox({ users: 5, batches: 2, events: 10 });
      const sending = outbox.send(service.dataUrl);
      await until(async () =>
        (await service.lanes()).some(({ lastError }) => lastError?.detail.includes('CERT_HAS_EXPIRED') === true),
      );
      expect([visits, outbox.left]).toEqual([0, 10]);
      server.setSecureContext(renewed);
      expect(new Set(await sending)).toEqual(new Set([200]));
      await expectAllOnce(outbox);
      service.kill('SIGTERM');
      expect((await service.ended).code).toBe(0);
      expect(await leftOf(() => gate.connections())).toBe(0);
    } finally {
      await gate.close();
      rmSync(folder, { recursive: true });
    }
  });
});
