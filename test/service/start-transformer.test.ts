import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import type { TransformerConfig } from '../../src/service/transformer-config.js';
import { ask, rawConnection } from '../support/http-client.js';
import { destinationOf, metadataOf } from '../support/rudderstack.js';
import { runTransformer, type RunningTestTransformer } from '../support/running-transformer.js';

let running: RunningTestTransformer | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(config: Partial<TransformerConfig> = {}): Promise<RunningTestTransformer> {
  running = await runTransformer(config);
  return running;
}

const path = '/v0/destinations/heap';
const body = JSON.stringify([
  { message: { type: 'track', userId: 'ann', event: 'E' }, metadata: metadataOf(1), destination: destinationOf() },
]);
const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;

describe('the service', () => {
  it('answers what is there before it stops, and takes nothing new', async () => {
    const { dataUrl, operatorUrl, service, untilConcurrent } = await start();
    const connection = await rawConnection(dataUrl);
    connection.write(`${head}connection: close\r\n\r\n${body.slice(0, 10)}`);
    await untilConcurrent(1);
    const stopped = service.stop();
    await expect(ask(`${dataUrl}/health`)).rejects.toThrow('ECONNREFUSED');
    const operator = await ask(`${operatorUrl}/health`);
    expect([operator.status, JSON.parse(operator.text)]).toMatchObject([503, { status: 'stopping' }]);
    connection.write(body.slice(10));
    expect(await connection.answer).toMatch(/^HTTP\/1\.1 200 /);
    await stopped;
    await expect(ask(`${operatorUrl}/health`)).rejects.toThrow('ECONNREFUSED');
  });

  it('does not wait for a connection that nothing came by', async () => {
    const { dataUrl, service } = await start({ shutdownMs: 600_000 });
    const connection = await rawConnection(dataUrl);
    await service.stop();
    expect(await connection.answer).toBe('');
  });

  it('does not wait for a connection that would be kept open for more requests', async () => {
    const { dataUrl, service, untilConcurrent } = await start({ shutdownMs: 600_000 });
    const connection = await rawConnection(dataUrl);
    connection.write(`${head}\r\n${body.slice(0, 10)}`);
    await untilConcurrent(1);
    const stopped = service.stop();
    connection.write(body.slice(10));
    await stopped;
    expect(await connection.answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('gives up what is still there when its time for that is over', async () => {
    const { dataUrl, service, untilConcurrent } = await start({ shutdownMs: 1 });
    const connection = await rawConnection(dataUrl);
    connection.write(`${head}\r\n${body.slice(0, 10)}`);
    await untilConcurrent(1);
    await service.stop();
    expect(await connection.answer).toBe('');
  });

  it('gives it up at once when it is told to stop a second time', async () => {
    const { dataUrl, service, untilConcurrent } = await start({ shutdownMs: 600_000 });
    const connection = await rawConnection(dataUrl);
    connection.write(`${head}\r\n${body.slice(0, 10)}`);
    await untilConcurrent(1);
    const stopped = service.stop();
    await service.stop();
    await stopped;
    expect(await connection.answer).toBe('');
  });

  it.each(['port', 'operatorPort'] as const)(
    'does not start where its %s is taken, and leaves nothing behind',
    async (which) => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const taken = (other.address() as AddressInfo).port;
      await expect(start({ [which]: taken })).rejects.toThrow('EADDRINUSE');
      await new Promise((resolve) => other.close(resolve));
    },
  );

  it('tells the faults of a setting once, without its value, however many events meet it', async () => {
    const { log, post } = await start();
    const destination = destinationOf({ appId: '1', anonymousIdentity: 'shh-value' });
    const event = { message: { type: 'track', userId: 'ann', event: 'E' }, metadata: metadataOf(1), destination };
    await post(path, [event, event]);
    await post('/routerTransform', { destType: 'heap', input: [event] });
    const warnings = log.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).toContain('Config.anonymousIdentity must be one of');
    expect(JSON.stringify(log)).not.toContain('shh-value');
  });

  it('logs nothing of the events that it transforms or refuses', async () => {
    const { log, post } = await start();
    await post(path, body);
    await post(path, body.replace('"event":"E"', '"event":""'));
    await post(path, 'nonsense');
    expect(log).toEqual([]);
  });
});
